// Answers in mux's own terms: `status/ok`, `status/error`, `status/failed`; and what a server counts.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import type { Counter, Stats } from "../../src/core/stats.ts";
import type { MuxResponse, CompletedCall } from "./message.ts";
import { statusOk } from "./message.ts";

/** Of the client: `error` was answered by an endpoint, `failed` had no answer, or was refused. */
export function responseCounter(stats: Stats): ResponseCounter<MuxResponse> {
  const ok = stats.counter("status", "ok");
  const error = stats.counter("status", "error");
  const failed = stats.counter("status", "failed");
  return (response, failure) => {
    if (failure !== null || response === null) failed.value += 1;
    else if (response.status === statusOk) ok.value += 1;
    else error.value += 1;
  };
}

export interface ServerCounters {
  completed(
    exchange: Pick<CompletedCall, "outcome" | "sentBytes"> & { receivedBytes: number },
  ): void;
  connections(change: number): void;
  /** A connection was closed because what came over it was no mux, or too much. */
  malformed(): void;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

/** What a server counts of its callers beyond calls: connections, bytes, answers as they saw them. */
export function serverCounters(stats: Stats): ServerCounters {
  const outcomes = {
    ok: stats.counter("status", "ok"),
    error: stats.counter("status", "error"),
    nack: stats.counter("status", "nack"),
    discarded: stats.counter("status", "discarded"),
    gone: stats.counter("status", "gone"),
  };
  const requestBytes = stats.histogram("request_payload_bytes");
  const responseBytes = stats.histogram("response_payload_bytes");
  const connects = stats.counter("connects");
  const closes = stats.counter("closes");
  const malformed = stats.counter("malformed");
  let open = 0;
  stats.gauge(() => open, "connections");
  return {
    completed({ outcome, receivedBytes, sentBytes }) {
      outcomes[outcome].value += 1;
      requestBytes.record(receivedBytes);
      responseBytes.record(sentBytes);
    },
    connections(change) {
      open += change;
      if (change > 0) connects.value += change;
      else closes.value -= change;
    },
    malformed: () => void malformed.value++,
    receivedBytes: stats.counter("received_bytes"),
    sentBytes: stats.counter("sent_bytes"),
  };
}
