// Reads the JSON of Linkerd's HTTP API: bound trees, addresses, delegations. null: it is something else.
import { isIP } from "node:net";
import type { Address } from "../../core/address.ts";
import { failure } from "../../core/failure.ts";
import { constant, failed, ok, pending } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import { empty, fail, leaf, neg } from "../../core/names/nametree.ts";
import type { NameTree, Weighted } from "../../core/names/nametree.ts";
import { parsePath } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { AddressSet, Bound, Delegation } from "../../core/naming.ts";
import { fieldsOf, listOf } from "../discovery/untyped-json.ts";
import type { Fields } from "../discovery/untyped-json.ts";
import type { RemoteBound } from "./remote.ts";

export function readTree(json: unknown): State<NameTree<RemoteBound>> | null {
  const { type, message } = fieldsOf(json);
  if (type === "exception")
    return failed(failure("unresolved", String(message ?? "no reason given")));
  const tree = treeOf(fieldsOf(json), { nodes: maxNodes }, 0);
  return tree === null ? null : ok(tree);
}

/** What a name server sends is bounded as well. */
const maxDepth = 200;
const maxNodes = 20_000;

function treeOf(
  json: Fields,
  left: { nodes: number },
  depth: number,
): NameTree<RemoteBound> | null {
  if (depth > maxDepth || --left.nodes < 0) return null;
  const below = (each: unknown) => treeOf(fieldsOf(each), left, depth + 1);
  switch (json["type"]) {
    case "neg":
      return neg;
    case "empty":
      return empty;
    case "fail":
      return fail;
    case "leaf": {
      const bound = boundOf(json["bound"]);
      return bound === null ? null : leaf(bound);
    }
    case "delegate":
      return below(json["delegate"]);
    case "transformation":
      return below(json["tree"]);
    case "alt": {
      const trees = listOf(json["alt"]).map(below);
      return trees.includes(null) ? null : { kind: "alt", trees: trees as NameTree<RemoteBound>[] };
    }
    case "union": {
      const branches = listOf(json["union"]).map((each): Weighted<RemoteBound> | null => {
        const { weight, tree } = fieldsOf(each);
        const found = below(tree);
        return found === null || !isWeight(weight) ? null : { weight, tree: found };
      });
      if (branches.includes(null)) return null;
      return { kind: "union", branches: branches as Weighted<RemoteBound>[] };
    }
    default:
      return null;
  }
}

function boundOf(json: unknown): RemoteBound | null {
  const { id, path } = fieldsOf(json);
  const name = pathOf(id);
  const residual = pathOf(path ?? "/");
  return name === null || residual === null ? null : { id: name, residual };
}

export function readAddresses(json: unknown): State<AddressSet> | null {
  const { type, addrs, cause } = fieldsOf(json);
  switch (type) {
    case "pending":
      return pending;
    case "neg":
      return ok("neg");
    case "failed":
      return failed(failure("unresolved", String(cause ?? "no reason given"), "safe"));
    case "bound": {
      const all = listOf(addrs).map(addressOf);
      return all.includes(null) ? null : ok(all as Address[]);
    }
    default:
      return null;
  }
}

function addressOf(json: unknown): Address | null {
  const { ip, port, meta } = fieldsOf(json);
  if (typeof ip !== "string" || isIP(ip) === 0 || typeof port !== "number") return null;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return null;
  const { endpoint_addr_weight: weight, ...rest } = fieldsOf(meta);
  const texts = Object.entries(rest).filter((each) => typeof each[1] === "string");
  return {
    host: ip,
    port,
    weight: isWeight(weight) ? weight : 1,
    ...(texts.length === 0 ? {} : { meta: Object.fromEntries(texts) as Record<string, string> }),
  };
}

function isWeight(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Throws with a text for people. */
export function readDelegation(json: unknown, depth = 0): Delegation {
  const fields = fieldsOf(json);
  if (depth > maxDepth || typeof fields["type"] !== "string") {
    throw new Error("it sent what is no delegation");
  }
  const below = (each: unknown) => readDelegation(each, depth + 1);
  const { type, path, dentry, name, message, bound, delegate, alt, union, tree } = fields;
  return {
    type: type as Delegation["type"],
    path: typeof path === "string" ? path : "",
    ...(dentry === undefined ? {} : { dentry: dentryOf(dentry) }),
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof message === "string" ? { message } : {}),
    ...(bound === undefined ? {} : { bound: boundWithAddresses(bound) }),
    ...(delegate === undefined ? {} : { delegate: below(delegate) }),
    ...(alt === undefined ? {} : { alt: listOf(alt).map(below) }),
    ...(union === undefined
      ? {}
      : {
          union: listOf(union).map((each) => {
            const { weight, tree: inner } = fieldsOf(each);
            return { weight: Number(weight), tree: below(inner) };
          }),
        }),
    ...(tree === undefined ? {} : { tree: below(tree) }),
  };
}

function dentryOf(json: unknown): { prefix: string; dst: string } {
  const { prefix, dst } = fieldsOf(json);
  return { prefix: String(prefix), dst: String(dst) };
}

function boundWithAddresses(json: unknown): Bound {
  const bound = boundOf(json);
  if (bound === null) throw new Error("it sent a bound name that is none");
  return { ...bound, addresses: constant(readAddresses(fieldsOf(json)["addr"]) ?? pending) };
}

function pathOf(text: unknown): Path | null {
  const parsed = typeof text === "string" ? parsePath(text) : null;
  return parsed?.ok === true ? parsed.value : null;
}
