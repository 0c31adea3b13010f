// The metrics as JSON, in the two shapes of Linkerd's `/admin/metrics.json`: flat and as a tree.
import type { TextPage } from "../core/text-page.ts";
import { fieldsOf, type Field } from "./fields.ts";
import { metricsBelow, type MetricsNode } from "./metrics.ts";
import { inChunks, sortInChunks } from "./chunked-work.ts";

export interface JsonOptions {
  /** Sorted and indented, for people to read. */
  readonly isPretty: boolean;
  /** Nested by scope instead of one name per metric. */
  readonly isTree: boolean;
  /** A scope such as `rt/http/server`, to which names are relative; null: the whole tree. */
  readonly below: string | null;
}

/** Null if there is no such scope. The values are those of the moment in which the page is made. */
export async function metricsJson(
  root: MetricsNode,
  { isPretty, isTree, below }: JsonOptions,
): Promise<TextPage | null> {
  const node = below === null ? root : findScope(root, below);
  if (node === null) return null;
  return isTree ? treePage(node, isPretty) : flatPage(node, below, isPretty);
}

/** A scope's name may contain `/`, so a segment of `below` need not be a whole scope. */
function findScope(root: MetricsNode, below: string): MetricsNode | null {
  const wanted = withoutSlashes(below);
  if (wanted === "") return root;
  for (const [part, node] of root.children) {
    const inner = withoutSlashes(part);
    if (inner === wanted) return node;
    if (!wanted.startsWith(`${inner}/`)) continue;
    const deeper = findScope(node, wanted.slice(inner.length + 1));
    if (deeper !== null) return deeper;
  }
  return null;
}

function withoutSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, "");
}

/** One metric, read. */
interface Reading {
  /** As JSON text without the quotes, such as `rt/http/server/127.0.0.1/4140/requests`. */
  readonly name: string;
  readonly fields: readonly Field[];
}

async function flatPage(
  node: MetricsNode,
  below: string | null,
  isPretty: boolean,
): Promise<TextPage> {
  // A metric that was asked for by its own name keeps the last part of that.
  const ownName = withoutSlashes(below ?? "")
    .split("/")
    .at(-1)!;
  const readings = new Map<string, Reading>();
  let maxBytes = 4;
  await inChunks(metricsBelow(node, []), ({ name: path, metric }) => {
    // Linkerd drops the leading slash of a scope's name, and dashboards rely on that.
    const key = path.length === 0 ? ownName : path.map(trimmed).join("/");
    if (readings.has(key)) return;
    const name = JSON.stringify(key).slice(1, -1);
    const fields = fieldsOf(metric);
    readings.set(key, { name, fields: metric.kind === "histogram" ? fields : plain(fields) });
    maxBytes += fields.length * (Buffer.byteLength(name) + longestRest);
  });
  const all = Array.from(readings.values());
  const ordered = isPretty ? await sortInChunks(all, orderOf) : all;
  return { maxBytes, pieces: () => flatPieces(ordered, isPretty) };
}

/** What a line has beside the name: the longest suffix and number, quotes, a comma, an indent. */
const longestRest = 48;

const plain = (fields: readonly Field[]): Field[] => fields.map(([, value]) => ["", value]);

/** Histograms come where their numbers belong: `a.p50` stands between `a-b` and `a/b`. */
function orderOf({ name, fields }: Reading): string {
  return fields[0]?.[0] === "" ? name : `${name}.`;
}

function* flatPieces(readings: readonly Reading[], isPretty: boolean): Iterable<string> {
  const [before, colon] = isPretty ? ["\n  ", ": "] : ["", ":"];
  let separator = "";
  yield "{";
  for (const { name, fields } of readings) {
    let piece = "";
    for (const [suffix, value] of isPretty ? sortedFields(fields) : fields) {
      const key = suffix === "" ? name : `${name}.${suffix}`;
      piece += `${separator}${before}"${key}"${colon}${value}`;
      separator = ",";
    }
    yield piece;
  }
  yield isPretty && separator !== "" ? "\n}" : "}";
}

function sortedFields(fields: readonly Field[]): Field[] {
  return fields.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** A scope of the tree; a Map, because a service may be called `__proto__`. */
type Scope = Map<string, number | Scope>;

async function treePage(node: MetricsNode, isPretty: boolean): Promise<TextPage> {
  const top: Scope = new Map();
  let maxBytes = 4;
  const scopeIn = (outer: Scope, part: string, depth: number): Scope => {
    const there = outer.get(part);
    if (there instanceof Map) return there;
    const made: Scope = new Map();
    outer.set(part, made);
    maxBytes += Buffer.byteLength(JSON.stringify(part)) + 2 * (2 * depth + 4);
    return made;
  };
  await inChunks(metricsBelow(node, []), ({ name, metric }) => {
    const fields = fieldsOf(metric);
    if (fields.length === 0) return;
    let scope = top;
    for (const [depth, part] of name.entries()) scope = scopeIn(scope, trimmed(part), depth);
    for (const [suffix, value] of fields) {
      scope.set(metric.kind === "histogram" ? `stat.${suffix}` : suffix, value);
    }
    maxBytes += fields.length * (longestRest + 2 * name.length);
  });
  return { maxBytes, pieces: () => treePieces(top, isPretty ? "\n" : "") };
}

/** `indent` is what begins a line at this depth; empty: everything on one line. */
function* treePieces(scope: Scope, indent: string): Iterable<string> {
  const inner = indent === "" ? "" : `${indent}  `;
  const colon = indent === "" ? ":" : ": ";
  const keys = Array.from(scope.keys());
  let separator = "";
  yield "{";
  for (const key of indent === "" ? keys : keys.sort()) {
    const value = scope.get(key)!;
    const head = `${separator}${inner}${JSON.stringify(key)}${colon}`;
    separator = ",";
    if (typeof value === "number") yield `${head}${value}`;
    else {
      yield head;
      yield* treePieces(value, inner);
    }
  }
  yield separator === "" ? "}" : `${indent}}`;
}

function trimmed(part: string): string {
  return part.startsWith("/") ? part.slice(1) : part;
}
