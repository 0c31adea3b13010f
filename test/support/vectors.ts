// Reads the tables of test/vectors and the notation that their trees are written in.
import { readFileSync } from "node:fs";
import type { NameTree } from "../../src/core/names/nametree.ts";

/** A case as it stands in the file; a runner checks the fields that its kind needs. */
export interface VectorCase {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

/** The cases of `test/vectors/<name>`; tests run compiled, from `dist/test`. */
export function vectors(name: string): readonly VectorCase[] {
  const file = new URL(`../../../test/vectors/${name}`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: VectorCase[] };
  return cases;
}

/** A tree as the tables write it: `"neg"`, `{"leaf": x}`, `{"alt": [...]}`, `{"union": [[1, ...]]}`. */
export type TreeNotation =
  | "neg"
  | "fail"
  | "empty"
  | { readonly leaf: unknown }
  | { readonly alt: readonly TreeNotation[] }
  | { readonly union: readonly (readonly [number, TreeNotation])[] };

export function toNotation<T>(tree: NameTree<T>, show: (value: T) => unknown): TreeNotation {
  switch (tree.kind) {
    case "leaf":
      return { leaf: show(tree.value) };
    case "alt":
      return { alt: tree.trees.map((each) => toNotation(each, show)) };
    case "union":
      return {
        union: tree.branches.map(({ weight, tree: each }) => [weight, toNotation(each, show)]),
      };
    default:
      return tree.kind;
  }
}

export function fromNotation(notation: TreeNotation): NameTree<unknown> {
  if (typeof notation === "string") return { kind: notation };
  if ("leaf" in notation) return { kind: "leaf", value: notation.leaf };
  if ("alt" in notation) return { kind: "alt", trees: notation.alt.map(fromNotation) };
  return {
    kind: "union",
    branches: notation.union.map(([weight, tree]) => ({ weight, tree: fromNotation(tree) })),
  };
}
