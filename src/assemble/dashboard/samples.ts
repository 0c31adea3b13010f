// The history as JSON: curves in which NaN is null.
import type { Curve, Samples, ScopeHistory, SparkSamples } from "../../admin/dashboard/shapes.ts";
import { scopesIn, type History } from "../../telemetry/history/history.ts";
import { sampledFields, type Series } from "../../telemetry/history/series.ts";
import { samplePeriodMs } from "../../telemetry/history/track.ts";
import { inChunks } from "../../telemetry/chunked-work.ts";
import type { MetricsNode } from "../../telemetry/metrics.ts";
import { keyOf, round } from "./rows.ts";

/** The samples behind `after` of every scope that has a series. */
export async function samplesSince(
  root: MetricsNode,
  history: History,
  after: number,
): Promise<Samples> {
  const last = history.sample;
  const byKey: Record<string, SparkSamples> = {};
  await inChunks(scopesIn(root), (scope) => {
    const series = history.trackOf(scope.node).series;
    if (series === null) return;
    const curve = (field: Parameters<Series["read"]>[1]) =>
      curveOf(series.since(after, last, field));
    byKey[keyOf(scope)] = [curve("calls"), curve("failures"), curve("p50"), curve("p99")];
  });
  return { periodMs: samplePeriodMs, last, byKey };
}

/** All curves of one scope; without a series they are empty. */
export function historyOf(series: Series | null, last: number): ScopeHistory {
  const curves = sampledFields.map((field) => {
    return [field, series === null ? [] : curveOf(series.since(-1, last, field))] as const;
  });
  return { periodMs: samplePeriodMs, last, curves: Object.fromEntries(curves) };
}

function curveOf(values: readonly number[]): Curve {
  return values.map((value) => (Number.isNaN(value) ? null : round(value)));
}
