// How a name resolves, as an indented list: every alternative, and which one calls take.
import { branchesOf, outcomeOf, reachesAddress } from "../data/delegation.ts";
import type { Addresses, Delegation, Outcome } from "../data/delegation.ts";
import { address } from "../data/route.ts";
import { percent } from "../data/words.ts";

interface TreeProps {
  readonly root: Delegation;
  readonly router: string | null;
}

export function DelegationTree({ root, router }: TreeProps) {
  return (
    <ul class="tree" aria-label="How the name resolves">
      <NodeItem node={root} isUsed share={null} router={router} />
    </ul>
  );
}

interface NodeItemProps {
  readonly node: Delegation;
  readonly isUsed: boolean;
  readonly share: number | null;
  readonly router: string | null;
}

function NodeItem({ node, isUsed, share, router }: NodeItemProps) {
  const branches = branchesOf(node);
  return (
    <li class={isUsed ? "used" : "unused"}>
      <div class="node">
        {isUsed ? <span class="sr">used: </span> : <span class="sr">not used: </span>}
        {share === null ? null : <b class="share">{percent(share)}</b>}
        <code>{node.type === "transformation" ? node.name : node.path}</code>
        {node.dentry === undefined ? null : <Dentry {...node.dentry} />}
        <Meaning node={node} router={router} />
      </div>
      {branches.length === 0 ? null : (
        <ul>
          {branches.map((branch) => (
            <NodeItem
              node={branch.node}
              isUsed={isUsed && branch.isUsed}
              share={branch.share}
              router={router}
            />
          ))}
        </ul>
      )}
    </li>
  );
}

function Dentry({ prefix, dst }: { readonly prefix: string; readonly dst: string }) {
  return (
    <span class="dim m dentry">
      by {prefix} =&gt; {dst}
    </span>
  );
}

function Meaning({ node, router }: { readonly node: Delegation; readonly router: string | null }) {
  switch (node.type) {
    case "alt":
      return <span class="dim">alternatives, tried in this order</span>;
    case "union":
      return <span class="dim">calls are split by weight</span>;
    case "neg":
      return <span class="dead">no such name</span>;
    case "empty":
      return <span class="dead">exists, but has no addresses</span>;
    case "pending":
      return <span class="dead">discovery has not responded yet</span>;
    case "fail":
      return <span class="dead">fails: no later alternative is tried</span>;
    case "exception":
      return <span class="dead">{node.message}</span>;
    case "leaf":
      return node.bound === undefined ? null : <Bound bound={node.bound} router={router} />;
    case "delegate":
    case "transformation":
      return null;
    default:
      return node.type satisfies never;
  }
}

interface BoundProps {
  readonly bound: NonNullable<Delegation["bound"]>;
  readonly router: string | null;
}

function Bound({ bound: { id, addr, path }, router }: BoundProps) {
  return (
    <span class="bound">
      client{" "}
      <a class="m" href={address("client", { router, name: id })}>
        {id}
      </a>
      <AddressList addr={addr} />
      {path === "/" || path === "" ? null : (
        <span class="dim">
          , residual <code>{path}</code>
        </span>
      )}
    </span>
  );
}

const maxAddresses = 20;

function AddressList({ addr }: { readonly addr: Addresses }) {
  switch (addr.type) {
    case "neg":
      return <span class="dead"> no such name</span>;
    case "pending":
      return <span class="dead"> discovery has not responded yet</span>;
    case "failed":
      return <span class="dead"> {addr.cause}</span>;
    case "bound": {
      const { addrs = [] } = addr;
      if (addrs.length === 0) return <span class="dead"> no addresses</span>;
      const shown = addrs.slice(0, maxAddresses).map(({ ip, port, meta }) => {
        const weight = meta?.["endpoint_addr_weight"];
        return typeof weight === "number" ? `${ip}:${port} * ${weight}` : `${ip}:${port}`;
      });
      const more = addrs.length - shown.length;
      return (
        <span class="m">
          {" at "}
          {shown.join(", ")}
          {more > 0 ? ` and ${more} more` : ""}
        </span>
      );
    }
    default:
      return addr.type satisfies never;
  }
}

const verdicts: Readonly<Record<Outcome, string>> = {
  leaf: "It is bound, but to nothing that has an address: calls fail.",
  neg: "Nothing has this name: calls fail (unbound).",
  empty: "The name exists, but has no addresses: calls fail.",
  fail: "The dtab says that this name fails: so do calls.",
  exception: "The name cannot be resolved: calls fail.",
  pending: "Discovery has not responded yet: calls wait.",
};

export function Verdict({ root }: { readonly root: Delegation }) {
  const isGood = reachesAddress(root);
  return (
    <p role="status" class={isGood ? "verdict" : "verdict bad"}>
      {isGood ? "Calls to this name have somewhere to go." : verdicts[outcomeOf(root)]}
    </p>
  );
}
