// One server, service or client in full: percentiles, failures by kind, statuses, and all its numbers.
import type { Percentiles, ScopeDetail, ScopeRow } from "../../admin/dashboard/shapes.ts";
import type { History, Scope } from "../../telemetry/history/history.ts";
import { latencyOf } from "../../telemetry/history/track.ts";
import { metricsBelow, type MetricsNode } from "../../telemetry/metrics.ts";
import { historyOf } from "./samples.ts";

export function detailOf(
  { node }: Scope,
  row: ScopeRow,
  history: History,
  wallMs: number,
): ScopeDetail {
  return {
    at: new Date(wallMs).toISOString(),
    row,
    latencyMs: percentilesOf(node),
    failures: countsBelow(node, "failures").map(([kind, count]) => ({ kind, count })),
    statuses: countsBelow(node, "status").map(([status, count]) => ({ status, count })),
    numbers: numbersOf(node),
    history: historyOf(history.trackOf(node).series, history.sample),
  };
}

function percentilesOf(node: MetricsNode): Percentiles | null {
  const summary = latencyOf(node)?.summary();
  if (summary === undefined || summary.count === 0) return null;
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0, p999 = 0] = summary.atPercentile;
  const { count, avg, max } = summary;
  return { count, avg: Math.round(avg * 10) / 10, max, p50, p90, p95, p99, p999 };
}

/** The counters right below a scope, largest first. */
function countsBelow(node: MetricsNode, name: string): (readonly [string, number])[] {
  const below = Array.from(node.children.get(name)?.children ?? []);
  return below
    .flatMap(([part, { metric }]) =>
      metric?.kind === "counter" && metric.value > 0 ? [[part, metric.value] as const] : [],
    )
    .toSorted((a, b) => b[1] - a[1]);
}

const shownElsewhere: ReadonlySet<string> = new Set(["failures", "status", "service"]);
const maxNumbers = 200;

function numbersOf(node: MetricsNode): Record<string, number> {
  const found: [string, number][] = [];
  for (const [part, child] of node.children) {
    for (const { name, metric } of metricsBelow(child, [part])) {
      if (shownElsewhere.has(part) && name.length > 1) continue;
      if (metric.kind === "histogram" || found.length >= maxNumbers) continue;
      const value = metric.kind === "counter" ? metric.value : metric.read();
      if (Number.isFinite(value)) found.push([name.join("/"), value]);
    }
  }
  return Object.fromEntries(found);
}
