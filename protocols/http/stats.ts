// Responses by status: `status/200`, `status/2XX`, `time/2XX`, `status/error`, `time/error`.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import type { Counter, Histogram, Stats } from "../../src/core/stats.ts";
import { serverCounters } from "../../src/net/server-stats.ts";
import type { ServerCounters } from "../../src/net/server-stats.ts";
import { cancelledStatus } from "./message.ts";
import type { CompletedCall, HttpResponse } from "./message.ts";

/** Counts one response by its status; 0: there was no response. */
type StatusCounter = (status: number, latencyMs: number) => void;

interface StatusClass {
  readonly count: Counter;
  readonly timeMs: Histogram;
}

/** Metrics are created when a status is first seen, then found by number. */
function statusCounter(stats: Stats): StatusCounter {
  const byStatus: (Counter | undefined)[] = [];
  const byClass: (StatusClass | undefined)[] = [];
  return (status, latencyMs) => {
    const hundred = status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
    const group = (byClass[hundred] ??= statusClass(stats, hundred));
    group.count.value += 1;
    group.timeMs.record(Math.max(0, Math.round(latencyMs)));
    if (hundred === 0) return;
    const single = (byStatus[status] ??= stats.counter("status", String(status)));
    single.value += 1;
  };
}

function statusClass(stats: Stats, hundred: number): StatusClass {
  const name = hundred === 0 ? "error" : `${hundred}XX`;
  return { count: stats.counter("status", name), timeMs: stats.histogram("time", name) };
}

/** As `statusCounter`, for calls: a failed call is an error even if part of a response came. */
export function responseCounter(stats: Stats): ResponseCounter<HttpResponse> {
  const count = statusCounter(stats);
  return (response, failure, latencyMs) => {
    if (failure?.kind === "cancelled") return; // counted as such, and the endpoint is not to blame
    count(response === null || failure !== null ? 0 : response.status, latencyMs);
  };
}

/**
 * Counts what the callers of a server saw: connections, payload sizes, responses by status. A caller
 * that left before its response began has a status of its own, which is in no class.
 */
export function httpServerCounters(stats: Stats): ServerCounters<CompletedCall> {
  const count = statusCounter(stats);
  let cancelled: Counter | null = null;
  return serverCounters(stats, ({ status, startedMs, endedMs }) => {
    if (status !== cancelledStatus) return count(status, endedMs - startedMs);
    cancelled ??= stats.counter("status", String(cancelledStatus));
    cancelled.value++;
    return undefined;
  });
}
