// Parses the text of a configuration file into a tree of nodes that know their place.
import { isAlias, isMap, isPair, isScalar, isSeq } from "yaml";
import { maxDepth, parseText } from "./yaml-errors.ts";

/** In characters; a longer file is refused before it is parsed. */
export const maxTextLength = 2 * 1024 * 1024;
/** The limit for values after all aliases are expanded, against alias bombs. */
const maxValues = 200_000;

/** 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One step into the tree: a key of a map or an index of a list. */
export type Step = string | number;

/** `steps` is empty when the problem concerns the text rather than a key. */
export interface Problem extends Place {
  readonly steps: readonly Step[];
  readonly message: string;
  /** Of a warning: nothing can run with the file. */
  readonly preventsRun?: boolean;
}

interface Located {
  /** 0-based, in characters from the start of the text. */
  readonly offset: number;
  readonly end: number;
  /** The number of values, this one included, after aliases are expanded. */
  readonly size: number;
  /** The depth of nested lists and maps after aliases are expanded; 0 for a scalar. */
  readonly depth: number;
}
export interface MapNode extends Located {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
}
interface Entry {
  readonly keyOffset: number;
  readonly value: Node;
}
interface ListNode extends Located {
  readonly kind: "list";
  readonly items: readonly Node[];
}
export interface ScalarNode extends Located {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** How it was written, which determines the place of each character of the value in the text. */
  readonly style: "plain" | "quoted" | "literal" | "folded";
}
export type Node = MapNode | ListNode | ScalarNode;

/** A parsed file: its tree, and the text that places refer to. */
export interface Source {
  readonly text: string;
  /** null when the file has no content. */
  readonly root: Node | null;
  /** Duplicate keys. The first one counts, so that the rest of the file can be checked. */
  readonly duplicates: readonly Problem[];
  place(offset: number): Place;
}

type ReadResult =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads YAML 1.2, which includes JSON. Reports all syntax problems together, one per line. Aliases and
 * merge keys (`<<`) are resolved; a node reached through an alias keeps the place where it was written.
 */
export function readYaml(text: string): ReadResult {
  if (text.length > maxTextLength) {
    const message = `expected at most ${maxTextLength} characters, got ${text.length}`;
    return { ok: false, problems: [{ line: 1, column: 1, steps: [], message }] };
  }
  const { contents, problems, place } = parseText(text);
  if (problems.length > 0) return { ok: false, problems };
  const builder = new Builder(place);
  const root = contents === null ? null : builder.build(contents, []);
  if (builder.problems.length > 0) {
    return { ok: false, problems: [...builder.problems, ...builder.duplicates] };
  }
  return { ok: true, source: { text, root, duplicates: builder.duplicates, place } };
}

class Builder {
  readonly problems: Problem[] = [];
  readonly duplicates: Problem[] = [];
  readonly #place: (offset: number) => Place;
  readonly #anchors = new Map<string, Node | "unfinished">();
  #isTooLarge = false;

  constructor(place: (offset: number) => Place) {
    this.#place = place;
  }

  build(from: unknown, steps: readonly Step[]): Node {
    if (isAlias(from)) return this.#alias(from.source, from.range?.[0] ?? 0, steps);
    const anchor = isMap(from) || isSeq(from) || isScalar(from) ? from.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, "unfinished");
    const node = this.#node(from, steps);
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    if (!this.#isTooLarge && (node.size > maxValues || node.depth > maxDepth)) {
      this.#isTooLarge = true; // reported once, since every enclosing node is too large as well
      const what = node.size > maxValues ? `at most ${maxValues} values, got more` : tooDeep;
      this.#report(node.offset, steps, `expected ${what}`);
    }
    return node;
  }

  #node(from: unknown, steps: readonly Step[]): Node {
    const [offset, end] = rangeOf(from);
    if (isMap(from)) return this.#map(from.items, offset, end, steps);
    if (isSeq(from)) {
      const items = from.items.map((item, i) => this.build(item, [...steps, i]));
      return { kind: "list", items, offset, end, ...measured(items) };
    }
    if (!isScalar(from)) return nothing(offset, end);
    const { value, type } = from;
    switch (typeof value) {
      case "string":
      case "boolean":
      case "number":
        return scalar(value, offset, end, styles[type ?? ""]);
      default:
        if (value === null || value === undefined) return nothing(offset, end);
        this.#report(offset, steps, "expected text, a number, true or false, got another type");
        return nothing(offset, end);
    }
  }

  #map(pairs: readonly unknown[], offset: number, end: number, steps: readonly Step[]): MapNode {
    const entries = new Map<string, Entry>();
    const merges: { readonly node: Node; readonly keyOffset: number }[] = [];
    for (const pair of pairs) {
      if (!isPair(pair)) continue;
      const [keyOffset] = rangeOf(pair.key);
      const key = isScalar(pair.key) && pair.key.value !== null ? String(pair.key.value) : null;
      if (key === null || key === "__proto__") {
        this.#report(keyOffset, steps, "expected a key that is plain text");
        continue;
      }
      const value = this.build(pair.value, [...steps, key]);
      const first = entries.get(key);
      if (key === "<<") merges.push({ node: value, keyOffset });
      else if (first === undefined) entries.set(key, { keyOffset, value });
      else this.#duplicate(keyOffset, first.keyOffset, [...steps, key]);
    }
    for (const { node, keyOffset } of merges) this.#merge(node, keyOffset, entries, steps);
    const values = Array.from(entries.values(), (entry) => entry.value);
    return { kind: "map", entries, offset, end, ...measured(values) };
  }

  #duplicate(offset: number, firstOffset: number, steps: readonly Step[]): void {
    const { line } = this.#place(firstOffset);
    const message = `duplicate key: it is already on line ${line}`;
    this.duplicates.push({ ...this.#place(offset), steps, message });
  }

  /** `<<: *base`, or a list of aliases: adds the keys that the map does not have. */
  #merge(node: Node, offset: number, entries: Map<string, Entry>, steps: readonly Step[]): void {
    for (const map of node.kind === "list" ? node.items : [node]) {
      if (map.kind !== "map") {
        this.#report(offset, [...steps, "<<"], "expected a map to merge, such as <<: *base");
        return;
      }
      for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #alias(name: string, offset: number, steps: readonly Step[]): Node {
    const target = this.#anchors.get(name);
    if (target !== undefined && target !== "unfinished") return target;
    const why =
      target === undefined
        ? `expected the name of an anchor above, got *${name}: add &${name} to a value, or quote text that begins with *`
        : `the alias *${name} is inside the value that it names`;
    this.#report(offset, steps, why);
    return nothing(offset, offset);
  }

  #report(offset: number, steps: readonly Step[], message: string): void {
    this.problems.push({ ...this.#place(offset), steps, message });
  }
}

const tooDeep = "a value, got values nested too deeply";

const styles: Readonly<Record<string, ScalarNode["style"]>> = {
  BLOCK_LITERAL: "literal",
  BLOCK_FOLDED: "folded",
  QUOTE_DOUBLE: "quoted",
  QUOTE_SINGLE: "quoted",
};

function nothing(offset: number, end: number): ScalarNode {
  return scalar(null, offset, end);
}

function scalar(
  value: ScalarNode["value"],
  offset: number,
  end: number,
  style: ScalarNode["style"] = "plain",
): ScalarNode {
  return { kind: "scalar", value, style, offset, end, size: 1, depth: 0 };
}

function measured(inner: readonly Node[]): { readonly size: number; readonly depth: number } {
  let size = 1;
  let depth = 0;
  for (const node of inner) {
    size += node.size;
    depth = Math.max(depth, node.depth);
  }
  return { size, depth: depth + 1 };
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = isMap(node) || isSeq(node) || isScalar(node) ? node.range : null;
  return range ? [range[0], range[1]] : [0, 0];
}

/** The tree as plain data, as `JSON.parse` would return it. */
export function plain(node: Node): unknown {
  switch (node.kind) {
    case "map":
      return Object.fromEntries(
        Array.from(node.entries, ([key, { value }]) => [key, plain(value)]),
      );
    case "list":
      return node.items.map(plain);
    case "scalar":
      return node.value;
    default:
      return node satisfies never;
  }
}
