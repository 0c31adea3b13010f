// What a metric says at the moment, as one number or, of a histogram, as several.
import type { Metric } from "./metrics.ts";

/** `suffix` of a histogram's number, such as `p50`; of other metrics, their kind. */
export type Field = readonly [suffix: string, value: number];

/** Skips numbers that few formats can express, such as a gauge whose value is unknown. */
export function fieldsOf(metric: Metric): Field[] {
  if (metric.kind !== "histogram") {
    const value = metric.kind === "counter" ? metric.value : metric.read();
    return Number.isFinite(value) ? [[metric.kind, value]] : [];
  }
  const { count, sum, min, max, avg, atPercentile } = metric.summary();
  if (count === 0) return [["count", count]];
  return [
    ["count", count],
    ["max", max],
    ["min", min],
    ...percentileNames.map((name, i): Field => [name, atPercentile[i] ?? 0]),
    ["sum", sum],
    ["avg", avg],
  ];
}

const percentileNames = ["p50", "p90", "p95", "p99", "p9990", "p9999"];
