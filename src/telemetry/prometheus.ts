// The Prometheus exporter: text exposition format 0.0.4, under Linkerd's names.
//
//     telemetry:
//     - kind: io.l5d.prometheus
//       path: /admin/metrics/prometheus
//       prefix: ""
//       histograms: buckets
import * as v from "valibot";
import { plugin } from "../core/plugin.ts";
import { labelled, type Labels } from "./prometheus-names.ts";
import { percentiles, type WindowedHistogram } from "./histogram.ts";
import { metricsBelow, type Metric, type MetricsNode } from "./metrics.ts";
import { inChunks } from "./chunked-work.ts";
import type { Telemeter, TelemeterDeps } from "./telemeter.ts";

/**
 * `buckets`: histograms whose `_bucket` series count from the start, so that Prometheus can
 * aggregate them over processes. `quantiles`: summaries of the last minute with `quantile` labels,
 * as Linkerd wrote them, for existing dashboards.
 */
const schema = v.strictObject({
  kind: v.literal("io.l5d.prometheus"),
  path: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\/[^\s?#]+$/, "expected a path such as /admin/metrics/prometheus"),
    ),
    "/admin/metrics/prometheus",
  ),
  prefix: v.optional(v.string(), ""),
  histograms: v.optional(v.picklist(["buckets", "quantiles"]), "buckets"),
});
type Histograms = v.InferOutput<typeof schema>["histograms"];

export const prometheus = plugin({
  kind: "io.l5d.prometheus",
  schema,
  create: ({ path, prefix, histograms }, { metrics }: TelemeterDeps): Telemeter => ({
    pages: [
      {
        path,
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        render: () => prometheusText(metrics, prefix, histograms),
      },
    ],
    close: () => Promise.resolve(),
  }),
});

type Type = "counter" | "gauge" | "histogram" | "summary";

/** All series of one name: the format requires them together, under one TYPE line. */
interface Family {
  readonly type: Type;
  readonly help: string;
  readonly lines: Lines;
  /** Label sets already used: two scopes may map to the same name and labels. */
  readonly seen: Set<string>;
}

export async function prometheusText(
  root: MetricsNode,
  prefix: string,
  histograms: Histograms = "buckets",
): Promise<string> {
  const page = new Exposition(histograms);
  await inChunks(metricsBelow(root, []), ({ name, metric }) => page.add(prefix, name, metric));
  return page.text();
}

class Exposition {
  readonly #families = new Map<string, Family>();
  /** Names of series that families use, including derived ones such as `x_count`. */
  readonly #taken = new Set<string>();
  readonly #leftOut: string[] = [];
  readonly #histograms: Histograms;

  constructor(histograms: Histograms) {
    this.#histograms = histograms;
  }

  add(prefix: string, path: readonly string[], metric: Metric): void {
    const { name, labels, help } = labelled(prefix, path);
    const type = metric.kind === "histogram" ? this.#typeOfHistogram() : metric.kind;
    const family = this.#family(name, type, help);
    const key = formatLabels(labels);
    if (family === null || family.seen.has(key)) {
      this.#leftOut.push(path.join("/"));
      return;
    }
    family.seen.add(key);
    if (metric.kind === "counter") family.lines.push(sample(name, labels, metric.value));
    else if (metric.kind === "gauge") family.lines.push(sample(name, labels, metric.read()));
    else if (type === "histogram") addBuckets(family.lines, name, labels, metric);
    else this.#addQuantiles(family.lines, name, labels, metric, help);
  }

  text(): string {
    const out: string[] = [];
    // A comment, which the format permits, is better than a metric that is missing silently.
    for (const path of this.#leftOut) out.push(`# left out, name already in use: ${oneLine(path)}`);
    for (const name of [...this.#families.keys()].sort()) {
      const { type, help, lines } = this.#families.get(name)!;
      const text = lines.text();
      if (text !== "") out.push(`# HELP ${name} ${oneLine(help)}`, `# TYPE ${name} ${type}`, text);
    }
    return `${out.join("\n")}\n`;
  }

  #typeOfHistogram(): Type {
    return this.#histograms === "buckets" ? "histogram" : "summary";
  }

  /** null: metrics of another type use the name. */
  #family(name: string, type: Type, help: string): Family | null {
    const known = this.#families.get(name);
    if (known !== undefined) return known.type === type ? known : null;
    const series = seriesOf(name, type);
    if (series.some((each) => this.#taken.has(each) || this.#families.has(each))) return null;
    for (const each of series) this.#taken.add(each);
    const family: Family = { type, help, lines: new Lines(), seen: new Set() };
    this.#families.set(name, family);
    return family;
  }

  /** Like Linkerd, writes no quantiles if nothing was recorded in the last minute. */
  #addQuantiles(
    lines: Lines,
    name: string,
    labels: Labels,
    metric: WindowedHistogram,
    help: string,
  ): void {
    const { count, min, max, avg, atPercentile } = metric.summary();
    const total = metric.since([]);
    if (count > 0) {
      const at = [min, ...atPercentile, max];
      for (const [index, quantile] of [0, ...percentiles, 1].entries()) {
        lines.push(sample(name, [...labels, ["quantile", `${quantile}`]], at[index] ?? 0));
      }
      this.#family(`${name}_avg`, "gauge", `${help}, mean of the last minute`)?.lines.push(
        sample(`${name}_avg`, labels, avg),
      );
    }
    lines.push(
      sample(`${name}_sum`, labels, total.sum),
      sample(`${name}_count`, labels, total.count),
    );
  }
}

/** Lines of text, joined block by block: joining all at the end would block the event loop. */
class Lines {
  readonly #blocks: string[] = [];
  #last: string[] = [];

  push(...lines: readonly string[]): void {
    this.#last.push(...lines);
    if (this.#last.length >= linesPerBlock) this.#endBlock();
  }

  text(): string {
    if (this.#last.length > 0) this.#endBlock();
    return this.#blocks.join("\n");
  }

  #endBlock(): void {
    this.#blocks.push(this.#last.join("\n"));
    this.#last = [];
  }
}

const linesPerBlock = 1_000;

function seriesOf(name: string, type: Type): string[] {
  if (type === "histogram") return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === "summary") return [name, `${name}_sum`, `${name}_count`];
  return [name];
}

function addBuckets(lines: Lines, name: string, labels: Labels, metric: WindowedHistogram): void {
  const bounds = boundsOf(name);
  const { atMost, count, sum } = metric.since(bounds);
  // Built once for all buckets: these lines are most of the page.
  const bucket = `${name}_bucket{${[...labels.map(formatLabel), "le="].join(", ")}`;
  for (const [index, bound] of bounds.entries())
    lines.push(`${bucket}"${bound}"} ${atMost[index]}`);
  lines.push(
    `${bucket}"+Inf"} ${count}`,
    sample(`${name}_sum`, labels, sum),
    sample(`${name}_count`, labels, count),
  );
}

const msBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4];
const usBounds = [10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6];
const byteBounds = [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 1e9];
const countBounds = [0, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4, 1e5, 1e6];

/** Fixed bounds per unit, never derived from samples: series of several processes must line up. */
function boundsOf(name: string): readonly number[] {
  if (name.endsWith("_us")) return usBounds;
  if (name.endsWith("_bytes")) return byteBounds;
  // Linkerd's `time/2XX`, `connection_duration` and `retries/...` carry no unit in their names.
  if (/_ms$|:time:|_duration$/.test(name)) return msBounds;
  return countBounds;
}

function sample(name: string, labels: Labels, value: number): string {
  return `${name}${formatLabels(labels)} ${formatNumber(value)}`;
}

function formatLabels(labels: Labels): string {
  if (labels.length === 0) return "";
  return `{${labels.map(formatLabel).join(", ")}}`;
}

function formatLabel([label, value]: Labels[number]): string {
  return `${label}="${escape(value)}"`;
}

function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return `${value}`;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

function escape(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => escapes[character] ?? character);
}

/** Escapes text for HELP lines and comments, which end at a line break. */
function oneLine(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", " ");
}
