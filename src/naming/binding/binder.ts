// Binds names through a dtab and namers, by Finagle's rules (its ConfiguredDtabNamer).
import type { Close } from "../../core/clock.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import type { Failure } from "../../core/failure.ts";
import { failed, ok, pending } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import { alt, leaf, neg, simplify } from "../../core/names/nametree.ts";
import type { NameTree, Weighted } from "../../core/names/nametree.ts";
import type { Bound, Interpreter, MountedNamer } from "../../core/naming.ts";
import type { Path } from "../../core/names/path.ts";
import { isSameTree } from "./bound-tree.ts";
import { delegation } from "./delegator.ts";
import { lookUpInNamers, Limits, Rewrites } from "./lookup.ts";
import type { LookupChain } from "./lookup.ts";
import { computed } from "./tracker.ts";
import type { Tracker } from "./tracker.ts";

/**
 * Binds with the given namers, in that order. Does not own them. Every Live that it
 * returns watches what it needs of them while it is watched itself.
 */
export function dtabInterpreter(namers: readonly MountedNamer[]): Interpreter {
  return {
    bind(dtab, path) {
      const binding = new Binding(namers, dtab);
      return computed((tracker) => binding.bind(path, tracker), isSameTree);
    },
    delegate: (dtab, path) => delegation(namers, dtab, path),
    close: nothing,
  };
}

const nothing: Close = () => {};

type BoundState = State<NameTree<Bound>>;

/** The position of an evaluation. */
interface Place {
  /** Lookups so far; the root's is 0. */
  readonly depth: number;
  /** Lookups and nested trees so far. */
  readonly level: number;
  /** Of the innermost union above. */
  readonly weight: number | undefined;
  readonly chain: LookupChain | null;
}

const top: Place = { depth: 0, level: 0, weight: undefined, chain: null };

/**
 * Evaluates one name. Every run walks the whole tree again, which is cheap: rewrites are
 * remembered, and the states of namers are read from Lives that the tracker keeps watched.
 */
class Binding {
  readonly #namers: readonly MountedNamer[];
  readonly #rewrites: Rewrites;
  readonly #limits = new Limits();

  constructor(namers: readonly MountedNamer[], dtab: Dtab) {
    this.#namers = namers;
    this.#rewrites = new Rewrites(dtab);
  }

  bind(path: Path, tracker: Tracker): BoundState {
    this.#limits.reset();
    return this.#path(path, top, tracker);
  }

  #path(path: Path, place: Place, tracker: Tracker): BoundState {
    const chain = { path, parent: place.chain };
    const exceeded = this.#limits.check(chain, place.depth, place.level);
    if (exceeded !== null) return exceeded;
    const next = { ...place, depth: place.depth + 1, level: place.level + 1, chain };
    const rewritten = alt(this.#rewrites.of(path).map(({ tree }) => tree));
    // A single entry that is `~` does not hide the namers; two such entries do.
    if (rewritten.kind !== "neg") return this.#tree(rewritten, next, tracker);
    const named = lookUpInNamers(this.#namers, path, tracker).state;
    return named.kind === "ok" ? this.#tree(named.value, next, tracker) : named;
  }

  #tree(tree: NameTree<Bound | Path>, place: Place, tracker: Tracker): BoundState {
    switch (tree.kind) {
      case "leaf":
        return typeof tree.value === "string"
          ? this.#path(tree.value, place, tracker)
          : ok(leaf(weighted(tree.value, place.weight)));
      case "alt":
        return this.#alt(tree.trees, { ...place, level: place.level + 1 }, tracker);
      case "union":
        return this.#union(tree.branches, { ...place, level: place.level + 1 }, tracker);
      default:
        return ok(tree);
    }
  }

  /** The first that is not `~`, be it pending or failed; later ones are not looked at. */
  #alt(trees: readonly NameTree<Bound | Path>[], place: Place, tracker: Tracker): BoundState {
    for (const tree of trees) {
      const state = this.#tree(tree, place, tracker);
      if (state.kind !== "ok" || state.value.kind !== "neg") return state;
    }
    return ok(neg);
  }

  /** All good branches; the others count only when no branch is good. */
  #union(branches: readonly Weighted<Bound | Path>[], place: Place, tracker: Tracker): BoundState {
    const good: Weighted<Bound>[] = [];
    let firstFailure: Failure | null = null;
    for (const { weight, tree } of branches) {
      const state = this.#tree(tree, { ...place, weight }, tracker);
      if (state.kind === "ok") good.push({ weight, tree: state.value });
      else if (state.kind === "failed") firstFailure ??= state.why;
    }
    // As a union, be it of one: `!` as its only good branch is `~`, not the end of the search.
    if (good.length > 0) return ok(simplify({ kind: "union", branches: good }));
    return firstFailure === null ? pending : failed(firstFailure);
  }
}

function weighted(bound: Bound, weight: number | undefined): Bound {
  return weight === undefined || bound.weight === weight ? bound : { ...bound, weight };
}
