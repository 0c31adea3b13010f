// Answers in Thrift's own terms: `status/reply`, `status/declared_exception`, ... and `time/...`.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import type { Counter, Histogram, Stats } from "../../src/core/stats.ts";
import type { ThriftResponse } from "./message.ts";
import type { CompletedCall } from "./exchange.ts";

type Status = ThriftResponse["outcome"] | "error";

interface StatusMetrics {
  readonly count: Counter;
  readonly timeMs: Histogram;
}

/** Metrics are made when a status is first seen. */
function statusCounter(stats: Stats): (status: Status, latencyMs: number) => void {
  const known: Partial<Record<Status, StatusMetrics>> = {};
  return (status, latencyMs) => {
    const metrics = (known[status] ??= {
      count: stats.counter("status", status),
      timeMs: stats.histogram("time", status),
    });
    metrics.count.value += 1;
    metrics.timeMs.record(Math.max(0, Math.round(latencyMs)));
  };
}

/** A call that failed is an error, whatever had come of its answer. */
export function responseCounter(stats: Stats): ResponseCounter<ThriftResponse> {
  const count = statusCounter(stats);
  return (response, failure, latencyMs) => {
    count(response === null || failure !== null ? "error" : response.outcome, latencyMs);
  };
}

/** What a server counts of its callers beyond calls: connections, and answers as they saw them. */
interface ServerCounters {
  answered(exchange: CompletedCall): void;
  connections(change: number): void;
  /** A connection was closed because what came over it was no Thrift, or too much. */
  malformed(): void;
}

export function serverCounters(stats: Stats): ServerCounters {
  const count = statusCounter(stats);
  const requestBytes = stats.histogram("request_payload_bytes");
  const responseBytes = stats.histogram("response_payload_bytes");
  const connects = stats.counter("connects");
  const closes = stats.counter("closes");
  const malformed = stats.counter("malformed");
  let open = 0;
  stats.gauge(() => open, "connections");
  return {
    answered({ status, startedMs, endedMs, receivedBytes, sentBytes }) {
      count(status, endedMs - startedMs);
      requestBytes.record(receivedBytes);
      responseBytes.record(sentBytes);
    },
    connections(change) {
      open += change;
      if (change > 0) connects.value += change;
      else closes.value -= change;
    },
    malformed: () => void malformed.value++,
  };
}
