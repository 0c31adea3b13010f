// The Prometheus exporter: text exposition format 0.0.4, under Linkerd's names.
//
//     telemetry:
//     - kind: io.l5d.prometheus
//       path: /admin/metrics/prometheus
//       prefix: ""
//       histograms: buckets
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import type { TextPage } from "../../core/text-page.ts";
import { failureHelp } from "../failure-classes.ts";
import { boundsOf } from "./bounds.ts";
import { labelled, type Labels } from "./prometheus-names.ts";
import { percentiles, type Summary } from "../histogram.ts";
import { metricsBelow, type Metric, type MetricsNode } from "../metrics.ts";
import { inChunks } from "../chunked-work.ts";
import type { Telemeter, TelemeterDeps, TelemeterPlugin } from "../telemeter.ts";

const defaultPath = "/admin/metrics/prometheus";

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
      v.regex(/^\/[^\s?#]+$/, `expected a path such as ${defaultPath}`),
      v.transform((path) => path.replace(/(?<=.)\/$/, "")), // the admin server ignores it
    ),
    defaultPath,
  ),
  prefix: v.optional(v.string(), ""),
  histograms: v.optional(v.picklist(["buckets", "quantiles"]), "buckets"),
});
type Histograms = v.InferOutput<typeof schema>["histograms"];

export const prometheus = {
  ...plugin({
    kind: "io.l5d.prometheus",
    schema,
    create: (
      { path, prefix, histograms },
      { metrics }: Pick<TelemeterDeps, "metrics">,
    ): Telemeter => ({
      pages: [
        {
          path,
          contentType: "text/plain; version=0.0.4; charset=utf-8",
          render: () => prometheusPage(metrics, prefix, histograms),
        },
      ],
      close: () => Promise.resolve(),
    }),
  }),
  defaultPath,
} satisfies TelemeterPlugin;

type Type = "counter" | "gauge" | "histogram" | "summary";

/** All series of one name: the format requires them together, under one TYPE line. */
interface Family {
  readonly name: string;
  readonly type: Type;
  readonly help: string;
  /** By label set: two scopes may map to the same name and labels. */
  readonly rows: Map<string, Reading>;
}

/** A metric, read: a number, or what the configured kind of histogram shows. */
type Reading = number | Buckets | Quantiles;

interface Buckets {
  readonly kind: "buckets";
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sum: number;
}

interface Quantiles {
  readonly kind: "quantiles";
  /** Of the last minute; null: nothing was recorded in it. */
  readonly recent: Summary | null;
  readonly count: number;
  readonly sum: number;
}

/**
 * Reads all metrics, chunk by chunk. The text is made of what was read, however long its reader takes,
 * and needs a fraction of the page's memory.
 */
export async function prometheusPage(
  root: MetricsNode,
  prefix: string,
  histograms: Histograms = "buckets",
): Promise<TextPage> {
  const exposition = new Exposition(histograms);
  await inChunks(metricsBelow(root, []), ({ name, metric }) =>
    exposition.add(prefix, name, metric),
  );
  return exposition.page();
}

class Exposition {
  readonly #families = new Map<string, Family>();
  /** Names of series that families use, including derived ones such as `x_count`. */
  readonly #taken = new Set<string>();
  /** One text for all series with the same labels. */
  readonly #labels = new Map<string, string>();
  readonly #leftOut: string[] = [];
  readonly #histograms: Histograms;
  #maxBytes = 1;

  constructor(histograms: Histograms) {
    this.#histograms = histograms;
  }

  add(prefix: string, path: readonly string[], metric: Metric): void {
    const { name, labels, help } = labelled(prefix, path);
    const type = metric.kind === "histogram" ? this.#typeOfHistogram() : metric.kind;
    const family = this.#family(name, type, help);
    const key = this.#labelText(labels);
    if (family === null || family.rows.has(key)) {
      // A comment, which the format permits, is better than a metric that is missing silently.
      const line = `# left out, name already in use: ${oneLine(path.join("/"))}\n`;
      this.#maxBytes += Buffer.byteLength(line);
      this.#leftOut.push(line);
      return;
    }
    const reading = this.#read(name, metric);
    family.rows.set(key, reading);
    this.#maxBytes += linesOf(reading) * (name.length + Buffer.byteLength(key) + longestRest);
    if (typeof reading === "object" && reading.kind === "quantiles" && reading.recent !== null) {
      const average = this.#family(`${name}_avg`, "gauge", `${help}, mean of the last minute`);
      average?.rows.set(key, reading.recent.avg);
    }
  }

  page(): TextPage {
    // Families are named by this program, not by callers: there are never many.
    const families = Array.from(this.#families.values()).sort((a, b) => (a.name < b.name ? -1 : 1));
    const leftOut = this.#leftOut;
    return {
      maxBytes: this.#maxBytes,
      *pieces() {
        yield* leftOut;
        for (const { name, type, help, rows } of families) {
          if (rows.size === 0) continue;
          yield `# HELP ${name} ${oneLine(help)}\n# TYPE ${name} ${type}\n`;
          const linesOfRow = rowWriter(name);
          for (const [labels, reading] of rows) yield linesOfRow(labels, reading);
        }
      },
    };
  }

  #typeOfHistogram(): Type {
    return this.#histograms === "buckets" ? "histogram" : "summary";
  }

  #read(name: string, metric: Metric): Reading {
    if (metric.kind === "counter") return metric.value;
    if (metric.kind === "gauge") return metric.read();
    if (this.#histograms === "buckets") return { kind: "buckets", ...metric.since(boundsOf(name)) };
    const { count, sum } = metric.since([]);
    const recent = metric.summary();
    // Like Linkerd, writes no quantiles if nothing was recorded in the last minute.
    return { kind: "quantiles", recent: recent.count > 0 ? recent : null, count, sum };
  }

  #labelText(labels: Labels): string {
    const text = formatLabels(labels);
    const known = this.#labels.get(text);
    if (known !== undefined) return known;
    this.#labels.set(text, text);
    return text;
  }

  /** null: metrics of another type use the name. */
  #family(name: string, type: Type, help: string): Family | null {
    const known = this.#families.get(name);
    if (known !== undefined) return known.type === type ? known : null;
    const series = seriesOf(name, type);
    if (series.some((each) => this.#taken.has(each) || this.#families.has(each))) return null;
    for (const each of series) this.#taken.add(each);
    const family: Family = { name, type, help: help + failureHelp(name), rows: new Map() };
    this.#families.set(name, family);
    this.#maxBytes += 2 * (name.length + 20) + Buffer.byteLength(family.help) + type.length;
    return family;
  }
}

function seriesOf(name: string, type: Type): string[] {
  if (type === "histogram") return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === "summary") return [name, `${name}_sum`, `${name}_count`];
  return [name];
}

/** What a line has beside name and labels: a suffix, `quantile="0.9999"`, a number, blanks. */
const longestRest = 60;

function linesOf(reading: Reading): number {
  if (typeof reading === "number") return 1;
  if (reading.kind === "buckets") return reading.atMost.length + 3;
  return percentiles.length + 5; // two more quantiles, sum and count, the average
}

/** Writes the lines of one family. Labels are text such as `{rt="http"}`, or empty. */
function rowWriter(name: string): (labels: string, reading: Reading) => string {
  const bounds = boundsOf(name);
  const quantiles = [0, ...percentiles, 1];
  const line = (suffix: string, labels: string, value: number) =>
    `${name}${suffix}${labels} ${formatNumber(value)}\n`;
  const totals = (labels: string, { sum, count }: Buckets | Quantiles) =>
    line("_sum", labels, sum) + line("_count", labels, count);
  const ofBuckets = (labels: string, buckets: Buckets) => {
    const open = withLabel(labels, "le");
    let text = "";
    for (const [i, bound] of bounds.entries()) {
      text += `${name}_bucket${open}${bound}"} ${buckets.atMost[i]}\n`;
    }
    return `${text}${name}_bucket${open}+Inf"} ${buckets.count}\n${totals(labels, buckets)}`;
  };
  const ofQuantiles = (labels: string, reading: Quantiles) => {
    const { recent } = reading;
    if (recent === null) return totals(labels, reading);
    const open = withLabel(labels, "quantile");
    const at = [recent.min, ...recent.atPercentile, recent.max];
    const lines = quantiles.map((quantile, i) => `${name}${open}${quantile}"} ${at[i] ?? 0}\n`);
    return lines.join("") + totals(labels, reading);
  };
  return (labels, reading) => {
    if (typeof reading === "number") return line("", labels, reading);
    return reading.kind === "buckets" ? ofBuckets(labels, reading) : ofQuantiles(labels, reading);
  };
}

/** `{rt="http"}` is `{rt="http", le="`. */
function withLabel(labels: string, label: string): string {
  return labels === "" ? `{${label}="` : `${labels.slice(0, -1)}, ${label}="`;
}

function formatLabels(labels: Labels): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([label, value]) => `${label}="${escape(value)}"`).join(", ")}}`;
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
