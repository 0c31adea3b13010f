// Trees of bound names: recognised and compared.
import { equalTrees } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound } from "../../core/naming.ts";
import type { Path } from "../../core/names/path.ts";

/** Whether no leaf has to be looked up again. */
export function isBoundTree(tree: NameTree<Bound | Path>): tree is NameTree<Bound> {
  switch (tree.kind) {
    case "leaf":
      return typeof tree.value !== "string";
    case "alt":
      return tree.trees.every(isBoundTree);
    case "union":
      return tree.branches.every((branch) => isBoundTree(branch.tree));
    default:
      return true;
  }
}

/** Whether a change from one to the other makes no difference to its users. */
export function isSameTree(a: NameTree<Bound>, b: NameTree<Bound>): boolean {
  return equalTrees(a, b, isSameBound);
}

function isSameBound(a: Bound, b: Bound): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.residual === b.residual &&
      a.addresses === b.addresses &&
      a.weight === b.weight)
  );
}
