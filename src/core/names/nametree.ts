// How a name may be bound: alternatives, weighted unions, and the three ends.
import { Reader } from "./reader.ts";
import type { Parsed } from "./parsed.ts";
import { readPath } from "./path.ts";
import type { Path } from "./path.ts";

/** `alt` is tried in order, `union` split by weight. */
export type NameTree<T> =
  | { readonly kind: "leaf"; readonly value: T }
  | { readonly kind: "alt"; readonly trees: readonly NameTree<T>[] }
  | { readonly kind: "union"; readonly branches: readonly Weighted<T>[] }
  | { readonly kind: "neg" } // `~` no such name: an enclosing alt continues
  | { readonly kind: "empty" } // `$` the name exists and has no addresses
  | { readonly kind: "fail" }; // `!` stop: an enclosing alt must not continue

export interface Weighted<T> {
  /** Finite and >= 0; what counts is its share of the union's sum. */
  readonly weight: number;
  readonly tree: NameTree<T>;
}

export const neg: NameTree<never> = { kind: "neg" };
export const empty: NameTree<never> = { kind: "empty" };
export const fail: NameTree<never> = { kind: "fail" };

export function leaf<T>(value: T): NameTree<T> {
  return { kind: "leaf", value };
}

/** Alternatives; an empty list is `~`, a single one is itself. */
export function alt<T>(trees: readonly NameTree<T>[]): NameTree<T> {
  return trees.length > 1 ? { kind: "alt", trees } : (trees[0] ?? neg);
}

/** A split by weight; an empty list is `~`, a single branch is itself. */
export function union<T>(branches: readonly Weighted<T>[]): NameTree<T> {
  return branches.length > 1 ? { kind: "union", branches } : (branches[0]?.tree ?? neg);
}

/** Every leaf in the order written, whatever its weight and whether or not a call would come to it. */
export function leavesOf<T>(tree: NameTree<T>): readonly T[] {
  switch (tree.kind) {
    case "leaf":
      return [tree.value];
    case "alt":
      return tree.trees.flatMap(leavesOf);
    case "union":
      return tree.branches.flatMap((branch) => leavesOf(branch.tree));
    default:
      return [];
  }
}

/** Dtabs also come from callers: nesting is bounded, since every walk over a tree recurses. */
const maxNesting = 64;

/** Reads `0.9 * /a & 0.1 * /b | /c`. */
export function parseTree(text: string): Parsed<NameTree<Path>> {
  const reader = new Reader(text);
  reader.skipBlank();
  const tree = readTree(reader);
  if (tree === null) return reader.failure();
  if (!reader.atEnd) return reader.expected("end of input");
  return { ok: true, value: tree };
}

/** Reads a tree and the blanks behind it; null after noting what was expected. */
export function readTree(reader: Reader, depth = 0): NameTree<Path> | null {
  const trees: NameTree<Path>[] = [];
  do {
    reader.skipBlank();
    const tree = readUnion(reader, depth);
    if (tree === null) return null;
    trees.push(tree);
  } while (reader.take("|"));
  return alt(trees);
}

function readUnion(reader: Reader, depth: number): NameTree<Path> | null {
  const branches: Weighted<Path>[] = [];
  do {
    reader.skipBlank();
    const weight = readWeight(reader);
    const tree = weight === null ? null : readSimple(reader, depth);
    if (weight === null || tree === null) return null;
    branches.push({ weight, tree });
    reader.skipBlank();
  } while (reader.take("&"));
  return union(branches);
}

const number = /\d+\.?\d*|\.\d+/y;

/** `0.9 *`, blanks around the star allowed; 1 when there is no number. */
function readWeight(reader: Reader): number | null {
  const start = reader.offset;
  const digits = reader.match(number);
  if (digits === null) return 1;
  const weight = Number(digits);
  if (!Number.isFinite(weight)) {
    reader.offset = start;
    return reader.note("a weight below 1.8e308");
  }
  reader.skipBlank();
  if (!reader.take("*")) return reader.note("'*' after the weight");
  reader.skipBlank();
  return weight;
}

function readSimple(reader: Reader, depth: number): NameTree<Path> | null {
  if (reader.at("/")) {
    const path = readPath(reader);
    return path === null ? null : leaf(path);
  }
  if (reader.take("~")) return neg;
  if (reader.take("$")) return empty;
  if (reader.take("!")) return fail;
  if (!reader.at("(")) return reader.note("a path, '~', '$', '!' or '('");
  if (depth === maxNesting) return reader.note(`at most ${maxNesting} nested parentheses`);
  reader.take("(");
  const tree = readTree(reader, depth + 1);
  if (tree === null) return null;
  return reader.take(")") ? tree : reader.note("'|', '&' or ')'");
}

/** The text form. Weights are printed with two decimals, as Finagle does: it loses the rest. */
export function showTree(tree: NameTree<string>): string {
  switch (tree.kind) {
    case "leaf":
      return tree.value;
    case "neg":
      return "~";
    case "empty":
      return "$";
    case "fail":
      return "!";
    case "alt":
      return showAlt(tree.trees);
    case "union":
      return showUnion(tree.branches);
    default:
      return tree satisfies never;
  }
}

function showAlt(trees: readonly NameTree<string>[]): string {
  if (trees.length < 2) return showTree(trees[0] ?? neg);
  return trees.map((tree) => parenthesised(tree, tree.kind === "alt")).join(" | ");
}

function showUnion(branches: readonly Weighted<string>[]): string {
  if (branches.length < 2) return showTree(branches[0]?.tree ?? neg);
  const shown = branches.map(({ weight, tree }) => {
    const text = parenthesised(tree, tree.kind === "alt" || tree.kind === "union");
    return weight === 1 ? text : `${showWeight(weight)}*${text}`;
  });
  return shown.join(" & ");
}

function parenthesised(tree: NameTree<string>, isComposite: boolean): string {
  return isComposite ? `(${showTree(tree)})` : showTree(tree);
}

/**
 * Two decimals, half up on the shortest decimal that reads back as the number: 1.005 is `1.01`,
 * where `toFixed`, which rounds the binary value, gives 1.00.
 */
export function showWeight(weight: number): string {
  const [mantissa = "0", exponent = "0"] = weight.toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const shift = Number(exponent) - (digits.length - 1) + 2; // of the digits, to hundredths
  const hundredths =
    shift >= 0
      ? BigInt(digits) * 10n ** BigInt(shift)
      : (BigInt(digits) + 5n * 10n ** BigInt(-shift - 1)) / 10n ** BigInt(-shift);
  const text = hundredths.toString().padStart(3, "0");
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/**
 * Without what cannot matter: an alt loses `~` and all behind a `!`, a union `~` and `!`. A union
 * of one branch is that branch. Does not flatten, and does not cut behind a leaf or `$`.
 */
export function simplify<T>(tree: NameTree<T>): NameTree<T> {
  if (tree.kind === "alt") return simplifyAlt(tree.trees);
  if (tree.kind === "union") return simplifyUnion(tree.branches);
  return tree;
}

function simplifyAlt<T>(trees: readonly NameTree<T>[]): NameTree<T> {
  const kept: NameTree<T>[] = [];
  for (const tree of trees) {
    const simple = simplify(tree);
    if (simple.kind !== "neg") kept.push(simple);
    if (simple.kind === "fail") break;
  }
  return alt(kept);
}

function simplifyUnion<T>(branches: readonly Weighted<T>[]): NameTree<T> {
  const kept: Weighted<T>[] = [];
  for (const { weight, tree } of branches) {
    const simple = simplify(tree);
    if (simple.kind !== "neg" && simple.kind !== "fail") kept.push({ weight, tree: simple });
  }
  return union(kept);
}

/**
 * The leaves that are in use: of an alt those of its first alternative that is not negative, of a
 * union those of all branches. null: negative or failed; empty: the name has no addresses.
 */
export function evaluate<T>(tree: NameTree<T>): readonly T[] | null {
  const found = evaluated(tree);
  return found === "neg" || found === "fail" ? null : [...found];
}

function evaluated<T>(tree: NameTree<T>): ReadonlySet<T> | "neg" | "fail" {
  switch (tree.kind) {
    case "leaf":
      return new Set([tree.value]);
    case "empty":
      return new Set();
    case "neg":
    case "fail":
      return tree.kind;
    case "alt":
      for (const each of tree.trees) {
        const found = evaluated(each);
        if (found !== "neg") return found;
      }
      return "neg";
    case "union":
      return evaluatedUnion(tree.branches);
    default:
      return tree satisfies never;
  }
}

function evaluatedUnion<T>(branches: readonly Weighted<T>[]): ReadonlySet<T> | "neg" {
  let all: Set<T> | "neg" = "neg";
  for (const { tree } of branches) {
    const found = evaluated(tree);
    if (found === "neg" || found === "fail") continue;
    if (all === "neg") all = new Set();
    for (const value of found) all.add(value);
  }
  return all;
}

/** The same tree with other leaves. */
export function mapTree<A, B>(tree: NameTree<A>, f: (value: A) => B): NameTree<B> {
  switch (tree.kind) {
    case "leaf":
      return { kind: "leaf", value: f(tree.value) };
    case "alt":
      return { kind: "alt", trees: tree.trees.map((each) => mapTree(each, f)) };
    case "union":
      return {
        kind: "union",
        branches: tree.branches.map((branch) => ({
          weight: branch.weight,
          tree: mapTree(branch.tree, f),
        })),
      };
    default:
      return tree;
  }
}

/** Same structure, same weights, leaves equal by `same`. */
export function equalTrees<T>(
  a: NameTree<T>,
  b: NameTree<T>,
  same: (a: T, b: T) => boolean = Object.is,
): boolean {
  if (a === b) return true;
  if (a.kind === "leaf") return b.kind === "leaf" && same(a.value, b.value);
  if (a.kind === "alt") {
    return (
      b.kind === "alt" &&
      a.trees.length === b.trees.length &&
      a.trees.every((tree, i) => equalTrees(tree, b.trees[i] ?? neg, same))
    );
  }
  if (a.kind === "union") {
    return (
      b.kind === "union" &&
      a.branches.length === b.branches.length &&
      a.branches.every(({ weight, tree }, i) => {
        const other = b.branches[i];
        return other?.weight === weight && equalTrees(tree, other.tree, same);
      })
    );
  }
  return a.kind === b.kind;
}
