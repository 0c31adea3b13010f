// Responses by status: `status/200`, `status/2XX`, `time/2XX`, `status/error`, `time/error`.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import type { Counter, Histogram, Stats } from "../../src/core/stats.ts";
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
    count(response === null || failure !== null ? 0 : response.status, latencyMs);
  };
}

/** What a server counts beyond calls: connections, and responses as the callers saw them. */
interface ServerCounters {
  responded(call: CompletedCall): void;
  connections(change: number): void;
}

export function serverCounters(stats: Stats): ServerCounters {
  const count = statusCounter(stats);
  const requestBytes = stats.histogram("request_payload_bytes");
  const responseBytes = stats.histogram("response_payload_bytes");
  const connects = stats.counter("connects");
  const closes = stats.counter("closes");
  let open = 0;
  stats.gauge(() => open, "connections");
  return {
    responded({ status, startedMs, endedMs, receivedBytes, sentBytes }) {
      count(status, endedMs - startedMs);
      requestBytes.record(receivedBytes);
      responseBytes.record(sentBytes);
    },
    connections(change) {
      open += change;
      if (change > 0) connects.value += change;
      else closes.value -= change;
    },
  };
}
