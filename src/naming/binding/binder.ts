// Binds names through a dtab and namers, by Finagle's rules (its ConfiguredDtabNamer).
import type { Via } from "../../core/calls/via.ts";
import type { Close } from "../../core/clock.ts";
import { emptyDtab } from "../../core/names/dtab.ts";
import type { Failure } from "../../core/failure.ts";
import { failed, ok, pending, yields } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import { leaf, neg, simplify } from "../../core/names/nametree.ts";
import type { NameTree, Weighted } from "../../core/names/nametree.ts";
import type { Bound, Interpreter, MountedNamer } from "../../core/naming.ts";
import { join, root } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { isSameTree } from "./bound-tree.ts";
import { Budget } from "./budget.ts";
import type { Position } from "./budget.ts";
import { delegation } from "./delegator.ts";
import { isLeftToNamers, lookUpInNamers, matchesOf } from "./lookup.ts";
import type { Dtabs, Matches } from "./lookup.ts";
import { computed } from "./tracker.ts";
import type { Tracker } from "./tracker.ts";

/**
 * Binds with the given namers, in that order. Does not own them. Every Live that it
 * returns watches what it needs of them while it is watched itself.
 */
export function dtabInterpreter(namers: readonly MountedNamer[]): Interpreter {
  return {
    bind(base, path, local = emptyDtab) {
      const binding = new Binding(namers, { base, local });
      return computed((tracker) => binding.bind(path, tracker), isSameTree);
    },
    delegate: (base, path, { local = emptyDtab, maxNodes = Infinity } = {}) =>
      delegation(namers, { base, local }, path, maxNodes),
    close: nothing,
  };
}

const nothing: Close = () => {};

type BoundState = State<NameTree<Bound>>;

/** The position of an evaluation. */
interface Place extends Position {
  /** The name that was looked up last. */
  readonly path: Path;
  /** What the names of the current tree are followed by. */
  readonly residual: Path;
  /** Of the innermost union above. */
  readonly weight: number | undefined;
  /** The rules that led here. */
  readonly via: Via | null;
}

/**
 * Evaluates one name, lazily and in order: a right side is walked as it stands in the dtab, so that
 * alternatives that are not reached cost nothing. Every run walks the tree again; the states of
 * namers are read from Lives that the tracker keeps watched.
 */
class Binding {
  readonly #namers: readonly MountedNamer[];
  readonly #dtabs: Dtabs;
  readonly #budget = new Budget();

  constructor(namers: readonly MountedNamer[], dtabs: Dtabs) {
    this.#namers = namers;
    this.#dtabs = dtabs;
  }

  bind(path: Path, tracker: Tracker): BoundState {
    this.#budget.reset();
    const top = { path, residual: root, depth: 0, level: 0, isCallers: false, chain: null };
    const state = this.#path(path, { ...top, weight: undefined, via: null }, tracker);
    // What it was made of is of no use any more: a caller may send a thousand such dtabs.
    if (this.#budget.hasEnded) tracker.dropConstants();
    return state;
  }

  #path(path: Path, from: Place, tracker: Tracker): BoundState {
    const matches = matchesOf(this.#dtabs, path);
    const exceeded = this.#budget.lookUp(path, matches.visited, from);
    if (exceeded !== null) return exceeded;
    const place: Place = {
      path,
      residual: root,
      depth: from.depth + 1,
      level: from.level + 1,
      isCallers: from.isCallers,
      chain: { path, parent: from.chain },
      weight: from.weight,
      via: from.via,
    };
    return isLeftToNamers(matches)
      ? this.#named(place, tracker)
      : this.#entries(matches, place, tracker);
  }

  #named(place: Place, tracker: Tracker): BoundState {
    const { state } = lookUpInNamers(this.#namers, place.path, tracker, this.#budget, place);
    return state.kind === "ok" ? this.#tree(state.value, place, tracker) : state;
  }

  #entries({ entries, fromCaller }: Matches, at: Place, tracker: Tracker): BoundState {
    const level = at.level + (entries.length > 1 ? 1 : 0);
    let otherwise: BoundState = ok(neg);
    for (const [i, { dentry, residual }] of entries.entries()) {
      const isCallers = at.isCallers || i < fromCaller;
      const via = { dentry, before: at.via };
      const state = this.#tree(dentry.dst, { ...at, level, residual, isCallers, via }, tracker);
      if (yields(state)) otherwise = state;
      else if (state.kind !== "ok" || state.value.kind !== "neg") return state;
    }
    return otherwise;
  }

  #tree(tree: NameTree<Bound | Path>, place: Place, tracker: Tracker): BoundState {
    if (tree.kind === "leaf" && typeof tree.value === "string") {
      return this.#path(join(tree.value, place.residual), place, tracker);
    }
    const exceeded =
      tree.kind === "leaf"
        ? this.#budget.bind(place.path, place)
        : this.#budget.spend(1, 0, place.path, place);
    if (exceeded !== null) return exceeded;
    switch (tree.kind) {
      case "leaf":
        return ok(leaf(boundAt(tree.value as Bound, place))); // names went above
      case "alt":
        return this.#alt(tree.trees, { ...place, level: place.level + 1 }, tracker);
      case "union":
        return this.#union(tree.branches, { ...place, level: place.level + 1 }, tracker);
      default:
        return ok(tree);
    }
  }

  /**
   * The first that is not `~`, be it pending or failed; later ones are not looked at. One that is late or
   * has failed softly counts only when all others are `~`.
   */
  #alt(trees: readonly NameTree<Bound | Path>[], place: Place, tracker: Tracker): BoundState {
    let otherwise: BoundState = ok(neg);
    for (const tree of trees) {
      const state = this.#tree(tree, place, tracker);
      if (yields(state)) otherwise = state;
      else if (state.kind !== "ok" || state.value.kind !== "neg") return state;
    }
    return otherwise;
  }

  /** All good branches; the others count only when no branch is good. */
  #union(branches: readonly Weighted<Bound | Path>[], at: Place, tracker: Tracker): BoundState {
    const good: Weighted<Bound>[] = [];
    let firstFailure: Failure | null = null;
    let waiting: BoundState | null = null; // not called late unless all that is waited for is
    for (const { weight, tree } of branches) {
      const state = this.#tree(tree, { ...at, weight }, tracker);
      if (state.kind === "ok") good.push({ weight, tree: state.value });
      else if (this.#budget.isSpent(at)) return state; // not known what the union is
      else if (state.kind === "failed") firstFailure ??= state.why;
      else if (waiting === null || yields(waiting)) waiting = state;
    }
    // As a union, be it of one: `!` as its only good branch is `~`, not the end of the search.
    if (good.length > 0) return ok(simplify({ kind: "union", branches: good }));
    return firstFailure === null ? (waiting ?? pending) : failed(firstFailure);
  }
}

function boundAt(bound: Bound, { weight, via }: Place): Bound {
  return weight === undefined ? { ...bound, via } : { ...bound, weight, via };
}
