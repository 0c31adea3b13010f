// Metrics as OTLP's JSON: cumulative since the start of the process, under Linkerd's names.
import { boundsOf } from "../exporters/bounds.ts";
import { labelled } from "../exporters/prometheus-names.ts";
import type { Metric } from "../metrics.ts";
import { attributesOf, nanosOf } from "./values.ts";
import type { Attributes, Scope } from "./values.ts";

const cumulative = 2;

interface Point {
  readonly startTimeUnixNano?: string;
  readonly timeUnixNano: string;
  readonly [field: string]: unknown;
}

type Type = "sum" | "gauge" | "histogram";

interface Series {
  readonly name: string;
  readonly type: Type;
  readonly points: Point[];
}

/** One request's worth of metrics. */
export class MetricsMessage {
  readonly #startedUs: number;
  readonly #atUs: number;
  readonly #series = new Map<string, Series>();
  count = 0;

  /** `startedUs`: when the process began to count. */
  constructor(startedUs: number, atUs: number) {
    this.#startedUs = startedUs;
    this.#atUs = atUs;
  }

  add(path: readonly string[], metric: Metric): void {
    const { name: withColons, labels } = labelled("", path);
    const name = withColons.replaceAll(":", ".");
    const type = typeOf(metric);
    const values = this.#read(withColons, metric);
    if (values === null) return;
    const key = `${type} ${name}`;
    let series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, (series = { name, type, points: [] }));
    const times = {
      ...(type === "gauge" ? {} : { startTimeUnixNano: nanosOf(this.#startedUs) }),
      timeUnixNano: nanosOf(this.#atUs),
    };
    series.points.push({
      attributes: attributesOf(Object.fromEntries(labels)),
      ...times,
      ...values,
    });
    this.count++;
  }

  json(scope: Scope, resource: Attributes): string {
    const metrics = Array.from(this.#series.values(), ({ name, type, points }) => ({
      name,
      unit: unitOf(name),
      [type]: { dataPoints: points, ...aggregations[type] },
    }));
    return JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: attributesOf(resource) },
          scopeMetrics: [{ scope, metrics }],
        },
      ],
    });
  }

  /** null: there is no number to send. */
  #read(name: string, metric: Metric): object | null {
    if (metric.kind === "counter") return { asInt: String(Math.round(metric.value)) };
    if (metric.kind === "gauge") {
      const value = metric.read();
      if (!Number.isFinite(value)) return null; // JSON has no such number
      return Number.isSafeInteger(value) ? { asInt: String(value) } : { asDouble: value };
    }
    const bounds = boundsOf(name);
    const { atMost, count, sum } = metric.since(bounds);
    const bucketCounts = [...atMost, count].map((upTo, i) => String(upTo - (atMost[i - 1] ?? 0)));
    return { count: String(count), sum, bucketCounts, explicitBounds: bounds };
  }
}

const aggregations = {
  sum: { aggregationTemporality: cumulative, isMonotonic: true },
  gauge: {},
  histogram: { aggregationTemporality: cumulative },
} as const;

function typeOf({ kind }: Metric): Type {
  return kind === "counter" ? "sum" : kind;
}

function unitOf(name: string): string {
  if (name.endsWith("_ms")) return "ms";
  if (name.endsWith("_us")) return "us";
  return name.endsWith("_bytes") ? "By" : "1";
}
