// Instances from a name, which any namer resolves: `/#/io.l5d.consul/dc1/switchyard-admin`, or
// `/$/inet/switchyard-admin.internal/9990` for DNS.
import type { Close } from "../../core/clock.ts";
import { emptyDtab } from "../../core/names/dtab.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Path } from "../../core/names/path.ts";
import type { Bound, Interpreter } from "../../core/naming.ts";
import type { Target } from "../scrape/follower.ts";
import type { Listing, Source } from "./source.ts";

/** `interpreter` is closed by whoever made it. */
export function namedSource(name: Path, interpreter: Interpreter): Source {
  return {
    text: name,
    watch(changed) {
      const live = interpreter.bind(emptyDtab, name);
      let leaves: readonly Bound[] = [];
      let closeLeaves: Close = () => {};
      const tell = () => changed(listingOf(name, leaves));
      const follow = () => {
        const { state } = live;
        if (state.kind === "failed") changed(unknown(`${name}: ${state.why.detail}`));
        if (state.kind !== "ok") return;
        const before = closeLeaves;
        leaves = usedLeaves(state.value);
        const closes = leaves.map(({ addresses }) => addresses.watch(tell));
        closeLeaves = () => closes.forEach((close) => close());
        before(); // after the new watches: what both share goes on
        tell();
      };
      const close = live.watch(follow);
      follow();
      return () => {
        close();
        closeLeaves();
      };
    },
  };
}

function unknown(problem: string): Listing {
  return { targets: null, problem };
}

/** Of alternatives the first that exists, as for calls. */
function usedLeaves(tree: NameTree<Bound>): readonly Bound[] {
  switch (tree.kind) {
    case "leaf":
      return [tree.value];
    case "union":
      return tree.branches.flatMap((branch) => usedLeaves(branch.tree));
    case "alt":
      return tree.trees.map(usedLeaves).find((leaves) => leaves.length > 0) ?? [];
    case "neg":
    case "empty":
    case "fail":
      return [];
    default:
      return tree satisfies never;
  }
}

function listingOf(name: Path, leaves: readonly Bound[]): Listing {
  if (leaves.length === 0) {
    return { targets: [], problem: `nothing is registered as ${name}, or no namer knows it` };
  }
  const targets: Target[] = [];
  for (const { addresses } of leaves) {
    const { state } = addresses;
    if (state.kind === "failed") return unknown(`${name}: ${state.why.detail}`);
    if (state.kind === "pending") return unknown(`${name}: not resolved yet`);
    if (state.value === "neg") continue;
    for (const { host, port } of state.value)
      targets.push({ name: null, host, port, listed: name });
  }
  return { targets, problem: targets.length === 0 ? `${name} has no addresses` : null };
}
