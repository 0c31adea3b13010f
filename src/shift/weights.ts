// How a shift changes a dtab: one dentry, whose right side gives each of two trees its share of the calls.
import { showPrefix } from "../core/names/dtab.ts";
import type { Dentry, Dtab } from "../core/names/dtab.ts";
import { lookup } from "../core/names/dtab.ts";
import { equalTrees, showTree } from "../core/names/nametree.ts";
import type { NameTree } from "../core/names/nametree.ts";
import { segmentsOf } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";

export type Tree = NameTree<Path>;

/** Where the calls of a name go before a shift. */
export interface Origin {
  readonly tree: Tree;
  /** false: other dentries lead there, and the shift adds one of its own. */
  readonly hasDentry: boolean;
}

/** null: the dtab leads the name nowhere. */
export function originOf(dtab: Dtab, name: Path): Origin | null {
  const own = dentryOf(dtab, name);
  if (own !== undefined) return { tree: own.dst, hasDentry: true };
  const tree = lookup(dtab, name);
  return tree.kind === "neg" ? null : { tree, hasDentry: false };
}

/** The last dentry for exactly this name, which is the one that counts. */
export function dentryOf(dtab: Dtab, name: Path): Dentry | undefined {
  return dtab.findLast(({ prefix }) => showPrefix(prefix) === name);
}

/** `percent` of the calls to `to`, the rest to `from`. */
export function treeAt(from: Tree, to: Tree, percent: number): Tree {
  if (percent <= 0) return from;
  if (percent >= 100) return to;
  return {
    kind: "union",
    branches: [
      { weight: 100 - percent, tree: from },
      { weight: percent, tree: to },
    ],
  };
}

/** With the name's own dentry replaced, or added at the end. */
export function withDentry(dtab: Dtab, name: Path, dst: Tree): Dtab {
  const own = dentryOf(dtab, name);
  const dentry: Dentry = { prefix: segmentsOf(name), dst };
  return own === undefined ? [...dtab, dentry] : dtab.map((each) => (each === own ? dentry : each));
}

/** Without the name's own dentry. */
export function withoutDentry(dtab: Dtab, name: Path): Dtab {
  const own = dentryOf(dtab, name);
  return dtab.filter((each) => each !== own);
}

/** As texts, since a store keeps two decimals of a weight. */
export function isSameTree(a: Tree | undefined, b: Tree): boolean {
  return a !== undefined && (equalTrees(a, b) || showTree(a) === showTree(b));
}
