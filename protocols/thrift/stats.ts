// Responses in Thrift's own terms: `status/reply`, `status/declared_exception`, ... and `time/...`.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import { serverCounters } from "../../src/net/server-stats.ts";
import type { ServerCounters } from "../../src/net/server-stats.ts";
import type { Counter, Histogram, Stats } from "../../src/core/stats.ts";
import type { CallStatus, ThriftResponse, CompletedCall } from "./message.ts";

interface StatusMetrics {
  readonly count: Counter;
  readonly timeMs: Histogram;
}

/** A metric exists once its status has been seen. */
function statusCounter(stats: Stats): (status: CallStatus, latencyMs: number) => void {
  const known: Partial<Record<CallStatus, StatusMetrics>> = {};
  return (status, latencyMs) => {
    const metrics = (known[status] ??= {
      count: stats.counter("status", status),
      timeMs: stats.histogram("time", status),
    });
    metrics.count.value += 1;
    metrics.timeMs.record(Math.max(0, Math.round(latencyMs)));
  };
}

/** A call that failed is an error or cancelled, however much of its response had arrived. */
export function responseCounter(stats: Stats): ResponseCounter<ThriftResponse> {
  const count = statusCounter(stats);
  return (response, failure, latencyMs) => {
    if (failure !== null) count(failure.kind === "cancelled" ? "cancelled" : "error", latencyMs);
    else count(response === null ? "error" : response.outcome, latencyMs);
  };
}

export interface ThriftServerCounters extends ServerCounters<CompletedCall> {
  /** A connection was closed because its bytes were not Thrift, or too many. */
  malformed(): void;
}

/** Counts calls as their callers saw them end. */
export function thriftServerCounters(stats: Stats): ThriftServerCounters {
  const count = statusCounter(stats);
  const shared = serverCounters<CompletedCall>(stats, ({ status, startedMs, endedMs }) =>
    count(status, endedMs - startedMs),
  );
  const malformed = stats.counter("malformed");
  return { ...shared, malformed: () => void malformed.value++ };
}
