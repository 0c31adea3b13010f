// Delegation tables: ordered rewrite rules from names to trees of names.
import { alt, equalTrees, mapTree, readTree, showTree, simplify } from "./nametree.ts";
import type { NameTree } from "./nametree.ts";
import type { Parsed } from "./parsed.ts";
import { join, readSegments } from "./path.ts";
import type { Path } from "./path.ts";
import { Reader } from "./reader.ts";

/** A dentry's left side: one entry a segment, in canonical text; null is `*`, any one segment. */
export type Prefix = readonly (string | null)[];

/** One rewrite rule. Later entries win. */
export interface Dentry {
  readonly prefix: Prefix;
  readonly dst: NameTree<Path>;
}
export type Dtab = readonly Dentry[];

export const emptyDtab: Dtab = [];

/** Reads `/svc => /#/io.l5d.fs ; ...`. */
export function parseDtab(text: string): Parsed<Dtab> {
  const reader = new Reader(text);
  const dentries: Dentry[] = [];
  reader.skipBlank();
  while (!reader.atEnd) {
    const dentry = readDentry(reader);
    if (dentry === null) return reader.failure();
    dentries.push(dentry);
    if (reader.atEnd) break;
    if (!reader.take(";")) return reader.expected("';', '|', '&' or end of input");
    reader.skipBlank();
  }
  return { ok: true, value: dentries };
}

/** Reads one `/prefix => tree`, without a semicolon. */
export function parseDentry(text: string): Parsed<Dentry> {
  const reader = new Reader(text);
  reader.skipBlank();
  const dentry = readDentry(reader);
  if (dentry === null) return reader.failure();
  return reader.atEnd ? { ok: true, value: dentry } : reader.expected("'|', '&' or end of input");
}

/** Reads `/svc/*`. */
export function parsePrefix(text: string): Parsed<Prefix> {
  const reader = new Reader(text);
  reader.skipBlank();
  const prefix = readSegments(reader, true);
  if (prefix === null) return reader.failure();
  reader.skipBlank();
  return reader.atEnd ? { ok: true, value: prefix } : reader.expected("end of input");
}

function readDentry(reader: Reader): Dentry | null {
  const prefix = readSegments(reader, true);
  if (prefix === null) return null;
  reader.skipBlank();
  if (!reader.take("=")) return reader.note("'=>'");
  if (!reader.take(">")) return reader.note("'>'");
  const dst = readTree(reader);
  return dst === null ? null : { prefix, dst };
}

export function showPrefix(prefix: Prefix): string {
  return `/${prefix.map((segment) => segment ?? "*").join("/")}`;
}

export function showDentry(dentry: Dentry): string {
  return `${showPrefix(dentry.prefix)}=>${showTree(dentry.dst)}`;
}

/** The text form: `prefix=>tree` joined by `;`. Weights keep two decimals. Made once for a dtab. */
export function showDtab(dtab: Dtab): string {
  let text = texts.get(dtab);
  if (text === undefined) texts.set(dtab, (text = dtab.map(showDentry).join(";")));
  return text;
}

const texts = new WeakMap<Dtab, string>();

/** The beginning of the text form, for messages that every failed call makes. */
export function shortDtab(dtab: Dtab): string {
  const text = showDtab(dtab);
  return text.length <= longestInMessage ? text : `${text.slice(0, longestInMessage)}...`;
}

const longestInMessage = 1_000;

/** Simplifies every right side, and drops entries that can only be `~`. */
export function simplifyDtab(dtab: Dtab): Dtab {
  return dtab
    .map(({ prefix, dst }) => ({ prefix, dst: simplify(dst) }))
    .filter(({ dst }) => dst.kind !== "neg");
}

/** `a` and then `b`, whose entries win. */
export function concat(a: Dtab, b: Dtab): Dtab {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const both = [...a, ...b];
  parts.set(both, [a, b]);
  return both;
}

/** The rest of `dtab` after `prefix`; all of it when it does not begin with `prefix`. */
export function stripPrefix(dtab: Dtab, prefix: Dtab): Dtab {
  const begins = prefix.every((dentry, i) => isSameDentry(dentry, dtab[i]));
  return begins ? dtab.slice(prefix.length) : dtab;
}

/** Whether both are the same once simplified. */
export function isEquivalent(a: Dtab, b: Dtab): boolean {
  return isSameDtab(simplifyDtab(a), simplifyDtab(b));
}

/** Entry by entry the same, weights to the last digit. */
export function isSameDtab(a: Dtab, b: Dtab): boolean {
  return a === b || (a.length === b.length && a.every((dentry, i) => isSameDentry(dentry, b[i])));
}

function isSameDentry(a: Dentry, b: Dentry | undefined): boolean {
  return (
    b !== undefined &&
    a.prefix.length === b.prefix.length &&
    a.prefix.every((segment, i) => segment === b.prefix[i]) &&
    equalTrees(a.dst, b.dst)
  );
}

/**
 * Rewrites a name by one step: the right sides of all entries that match, the last entry first,
 * each leaf followed by what the prefix left over. `~` when no entry matches.
 */
export function lookup(dtab: Dtab, path: Path): NameTree<Path> {
  return alt(
    matches(dtab, path).map(({ dentry, residual }) => {
      return mapTree(dentry.dst, (target) => join(target, residual));
    }),
  );
}

/** An entry that matches a name; each leaf of its right side is followed by `residual`. */
export interface Match {
  readonly dentry: Dentry;
  readonly residual: Path;
}

/** All entries that match `path`, the last entry first. */
function matches(dtab: Dtab, path: Path): readonly Match[] {
  const found: Match[] = [];
  collectMatches(dtab, path, found);
  return found;
}

// Dtabs of thousands of entries are common: entries are found through a tree of their prefixes,
// built with a dtab's first lookup. A dtab never changes, so neither does its tree.

interface Node {
  readonly children: Map<string, Node>;
  wildcard: Node | null;
  /** Positions of the entries whose prefix ends here, ascending. */
  readonly positions: number[];
}

const indexes = new WeakMap<Dtab, Node>();
/** The parts of a concatenation, which have their own trees already or share them with others. */
const parts = new WeakMap<Dtab, readonly [Dtab, Dtab]>();

/** Appends the entries that match. Returns the work: how many prefixes it went through. */
export function collectMatches(dtab: Dtab, path: Path, found: Match[]): number {
  if (dtab.length === 0) return 0;
  const both = parts.get(dtab);
  if (both !== undefined) {
    return collectMatches(both[1], path, found) + collectMatches(both[0], path, found);
  }
  const hits: Hit[] = [];
  const visited = collectHits(indexOf(dtab), path, hits);
  if (hits.length > 1) hits.sort((a, b) => b.position - a.position);
  for (const { position, residual } of hits) {
    const dentry = dtab[position];
    if (dentry !== undefined) found.push({ dentry, residual });
  }
  return visited;
}

interface Hit {
  readonly position: number;
  readonly residual: Path;
}

/** Level by level: a caller's prefix may have more segments than a stack has frames. */
function collectHits(top: Node, path: Path, hits: Hit[]): number {
  let visited = 0;
  let level = [top];
  let used = path === "/" ? 1 : 0; // characters of the segments that the nodes of `level` stand for
  while (level.length > 0) {
    visited += level.length;
    const isAtEnd = used === path.length;
    const segment = isAtEnd ? "" : segmentAt(path, used);
    const next: Node[] = [];
    for (const { positions, children, wildcard } of level) {
      if (positions.length > 0) {
        const residual = (isAtEnd ? "/" : path.slice(used)) as Path;
        for (const position of positions) hits.push({ position, residual });
      }
      if (isAtEnd) continue;
      const child = children.get(segment);
      if (child !== undefined) next.push(child);
      if (wildcard !== null) next.push(wildcard);
    }
    used += 1 + segment.length;
    level = next;
  }
  return visited;
}

/** The segment behind the slash at `slash`. */
function segmentAt(path: Path, slash: number): string {
  const end = path.indexOf("/", slash + 1);
  return path.slice(slash + 1, end < 0 ? path.length : end);
}

function indexOf(dtab: Dtab): Node {
  const known = indexes.get(dtab);
  if (known !== undefined) return known;
  const top = newNode();
  dtab.forEach((dentry, position) => {
    let node = top;
    for (const segment of dentry.prefix) node = childOf(node, segment);
    node.positions.push(position);
  });
  indexes.set(dtab, top);
  return top;
}

function childOf(node: Node, segment: string | null): Node {
  if (segment === null) return (node.wildcard ??= newNode());
  const known = node.children.get(segment);
  if (known !== undefined) return known;
  const child = newNode();
  node.children.set(segment, child);
  return child;
}

function newNode(): Node {
  return { children: new Map(), wildcard: null, positions: [] };
}
