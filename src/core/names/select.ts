// The weighted choice among the leaves of a bound tree, compiled so that a pick is cheap.
import type { Random } from "../clock.ts";
import type { NameTree } from "./nametree.ts";

/** A share of the traffic; `value` is null where the tree has no addresses to give. */
export interface Share<T> {
  readonly value: T | null;
  /** Above 0; the shares of a selector add up to 1. */
  readonly probability: number;
}

export interface Selector<T> {
  readonly shares: readonly Share<T>[];
  /** A random leaf; null: no hosts available. */
  pick(random: Random): T | null;
}

export interface SelectOptions {
  /**
   * Whether a branch without any leaf (`$` in a union) keeps its share of the traffic, which then
   * fails. Without weight it never does. Finagle's `retainUnreachable`.
   */
  readonly retainUnreachable: boolean;
}

/**
 * Compiles a tree to a choice: a union gives each branch its weight's share, equal shares when
 * all weights are 0; an alternative that is not negative takes all.
 */
export function selector<T>(
  tree: NameTree<T>,
  options: SelectOptions = { retainUnreachable: true },
): Selector<T> {
  const found: Shares<T> = new Map();
  collect(tree, 1, options.retainUnreachable, found);
  const shares = Array.from(found, ([value, probability]) => ({ value, probability }));
  const [first] = shares;
  if (first === undefined || shares.length === 1) {
    const only = first?.value ?? null;
    return { shares, pick: () => only };
  }
  return { shares, pick: weightedPick(shares) };
}

function weightedPick<T>(shares: readonly Share<T>[]): (random: Random) => T | null {
  const values = shares.map(({ value }) => value);
  const upTo = new Float64Array(shares.length);
  let sum = 0;
  shares.forEach(({ probability }, i) => (upTo[i] = sum += probability));
  upTo[shares.length - 1] = 1; // whatever the roundings left over
  return (random) => {
    const chance = random();
    let low = 0;
    let high = values.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (chance < (upTo[middle] ?? 1)) high = middle;
      else low = middle + 1;
    }
    return values[low] ?? null;
  };
}

/** Equal values share one entry, so that a name that splits into itself needs no choice. */
type Shares<T> = Map<T | null, number>;

function collect<T>(tree: NameTree<T>, share: number, retain: boolean, shares: Shares<T>): void {
  if (share === 0) return;
  switch (tree.kind) {
    case "leaf":
      add(tree.value, share, shares);
      return;
    case "alt": {
      const used = tree.trees.find((each) => each.kind !== "neg");
      return used === undefined ? add(null, share, shares) : collect(used, share, retain, shares);
    }
    case "union":
      return collectUnion(tree.branches, share, retain, shares);
    default:
      add(null, share, shares);
  }
}

type Branches<T> = (NameTree<T> & { kind: "union" })["branches"];

function collectUnion<T>(
  branches: Branches<T>,
  share: number,
  retain: boolean,
  shares: Shares<T>,
): void {
  const kept = branches.filter(({ weight, tree }) => hasLeaf(tree) || (weight > 0 && retain));
  if (kept.length === 0) return add(null, share, shares);
  // Not `Math.max` of all: a call takes some 100,000 arguments, and unions come with calls.
  const heaviest = kept.reduce((most, { weight }) => Math.max(most, weight), 0);
  // Divided by the heaviest first: weights may be so large that their sum is not finite.
  const weights = kept.map(({ weight }) => (heaviest === 0 ? 1 : weight / heaviest));
  const sum = weights.reduce((a, b) => a + b, 0);
  kept.forEach(({ tree }, i) => collect(tree, (share * (weights[i] ?? 0)) / sum, retain, shares));
}

function add<T>(value: T | null, share: number, shares: Shares<T>): void {
  shares.set(value, (shares.get(value) ?? 0) + share);
}

function hasLeaf<T>(tree: NameTree<T>): boolean {
  switch (tree.kind) {
    case "leaf":
      return true;
    case "alt":
      return tree.trees.some(hasLeaf);
    case "union":
      return tree.branches.some(({ tree: branch }) => hasLeaf(branch));
    default:
      return false;
  }
}
