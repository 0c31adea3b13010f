// Bound trees and addresses in the JSON of Linkerd's HTTP API.
import type { Random } from "../../core/clock.ts";
import { pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { leavesOf } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { AddressSet, Bound } from "../../core/naming.ts";
import { selector } from "../../core/names/select.ts";
import { isSameTree } from "../../naming/binding/bound-tree.ts";
import { addressesJson } from "../../naming/binding/delegation.ts";
import { computed } from "../../naming/binding/tracker.ts";
import type { Tracker } from "../../naming/binding/tracker.ts";

type Json = Readonly<Record<string, unknown>>;

/** As a delegation, without paths and dentries. */
export function treeJson(tree: NameTree<Bound>): Json {
  switch (tree.kind) {
    case "leaf": {
      const { id, residual, addresses } = tree.value;
      return { type: "leaf", bound: { addr: addressesJson(addresses.state), id, path: residual } };
    }
    case "alt":
      return { type: "alt", alt: tree.trees.map(treeJson) };
    case "union":
      return {
        type: "union",
        union: tree.branches.map((branch) => ({
          weight: branch.weight,
          tree: treeJson(branch.tree),
        })),
      };
    default:
      return { type: tree.kind };
  }
}

export function addressesLine(state: State<AddressSet>): string {
  return JSON.stringify(addressesJson(state));
}

/** The same tree once the addresses of its leaves are known, be it that they are late or cannot be. */
export function withAddresses(tree: Live<NameTree<Bound>>): Live<NameTree<Bound>> {
  return computed((tracker) => {
    const state = tracker.read(tree, "tree", () => tree);
    if (state.kind !== "ok") return state;
    return leavesOf(state.value).every((bound) => isKnown(bound, tracker)) ? state : pending;
  }, isSameTree);
}

function isKnown({ addresses }: Bound, tracker: Tracker): boolean {
  const state = tracker.read(addresses, "addresses", () => addresses);
  return state.kind !== "pending" || state.isLate === true;
}

/** The name that a call would take, by chance where there are weights; null: there is none. */
export function chosen(tree: NameTree<Bound>, random: Random): Bound | null {
  return selector(tree).pick(random);
}
