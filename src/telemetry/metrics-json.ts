// The metrics as JSON, in the two shapes of Linkerd's `/admin/metrics.json`: flat and as a tree.
import { metricsBelow, type Metric, type MetricsNode } from "./metrics.ts";
import { inChunks } from "./chunked-work.ts";

export interface JsonOptions {
  /** Sorted and indented, for people to read. */
  readonly isPretty: boolean;
  /** Nested by scope instead of one name per metric. */
  readonly isTree: boolean;
  /** Restricts the output to a scope such as `rt/http/server`; null: the whole tree. */
  readonly below: string | null;
}

/** Null if there is no such scope. Names in the flat shape are always complete. */
export async function metricsJson(root: MetricsNode, options: JsonOptions): Promise<string | null> {
  const found = options.below === null ? { node: root, name: [] } : findScope(root, options.below);
  if (found === null) return null;
  const { node, name } = found;
  const value = await (options.isTree ? treeOf(node) : flatOf(node, name));
  if (options.isPretty) return JSON.stringify(sorted(value), null, 2);
  return options.isTree ? JSON.stringify(value) : flatText(value);
}

/** A JSON object keyed by names of metrics. It has no prototype: a service may be called `__proto__`. */
interface Fields {
  [key: string]: number | Fields;
}

function noFields(): Fields {
  return Object.create(null) as Fields;
}

/** A scope's name may contain `/`, so a segment of `below` need not be a whole scope. */
function findScope(
  root: MetricsNode,
  below: string,
): { readonly node: MetricsNode; readonly name: string[] } | null {
  const wanted = below.replace(/^\/+|\/+$/g, "");
  if (wanted === "") return { node: root, name: [] };
  for (const [part, node] of root.children) {
    const inner = part.replace(/^\/+|\/+$/g, "");
    if (inner === wanted) return { node, name: [part] };
    if (!wanted.startsWith(`${inner}/`)) continue;
    const deeper = findScope(node, wanted.slice(inner.length + 1));
    if (deeper !== null) return { node: deeper.node, name: [part, ...deeper.name] };
  }
  return null;
}

async function flatOf(node: MetricsNode, below: string[]): Promise<Fields> {
  const fields = noFields();
  await inChunks(metricsBelow(node, below), ({ name, metric }) => {
    // Linkerd drops the leading slash of a scope's name, and dashboards rely on that.
    const flat = name.map(trimmed).join("/");
    eachField(metric, (suffix, value) => {
      const key = metric.kind === "histogram" ? `${flat}.${suffix}` : flat;
      fields[key] ??= value;
    });
  });
  return fields;
}

async function flatText(fields: Fields): Promise<string> {
  const parts: string[] = [];
  await inChunks(Object.keys(fields), (key) => {
    parts.push(`${JSON.stringify(key)}:${JSON.stringify(fields[key])}`);
  });
  return `{${parts.join(",")}}`;
}

async function treeOf(node: MetricsNode): Promise<Fields> {
  const top = noFields();
  await inChunks(metricsBelow(node, []), ({ name, metric }) => {
    eachField(metric, (suffix, value) => {
      const fields = name.reduce((outer, part) => fieldsBelow(outer, trimmed(part)), top);
      fields[metric.kind === "histogram" ? `stat.${suffix}` : metric.kind] = value;
    });
  });
  return top;
}

function fieldsBelow(outer: Fields, part: string): Fields {
  const there = outer[part];
  return typeof there === "object" ? there : (outer[part] = noFields());
}

function trimmed(part: string): string {
  return part.startsWith("/") ? part.slice(1) : part;
}

/** Skips numbers that JSON cannot express, such as a gauge whose value is unknown. */
function eachField(metric: Metric, field: (suffix: string, value: number) => void): void {
  if (metric.kind === "counter") return field("counter", metric.value);
  if (metric.kind === "gauge") {
    const value = metric.read();
    return Number.isFinite(value) ? field("gauge", value) : undefined;
  }
  const { count, sum, min, max, avg, atPercentile } = metric.summary();
  field("count", count);
  if (count === 0) return undefined;
  field("max", max);
  field("min", min);
  for (const [index, name] of ["p50", "p90", "p95", "p99", "p9990", "p9999"].entries()) {
    field(name, atPercentile[index] ?? 0);
  }
  field("sum", sum);
  return field("avg", avg);
}

function sorted(fields: Fields): Fields {
  const result = noFields();
  for (const key of Object.keys(fields).sort()) {
    const value = fields[key]!;
    result[key] = typeof value === "number" ? value : sorted(value);
  }
  return result;
}
