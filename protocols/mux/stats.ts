// Metrics in mux's own terms: `status/ok`, `status/error`, `status/failed`; and those of a server.
import type { ResponseCounter } from "../../src/core/classifier.ts";
import type { Counter, Stats } from "../../src/core/stats.ts";
import { serverCounters } from "../../src/net/server-stats.ts";
import type { PayloadSizes, ServerCounters } from "../../src/net/server-stats.ts";
import type { MuxResponse, CompletedCall } from "./message.ts";
import { statusOk } from "./message.ts";

/** For clients: `error` is an endpoint's response; `failed` calls had no response, or were refused. */
export function responseCounter(stats: Stats): ResponseCounter<MuxResponse> {
  const ok = stats.counter("status", "ok");
  const error = stats.counter("status", "error");
  const failed = stats.counter("status", "failed");
  let cancelled: Counter | null = null;
  return (response, failure) => {
    if (failure?.kind === "cancelled")
      (cancelled ??= stats.counter("status", "cancelled")).value += 1;
    else if (failure !== null || response === null) failed.value += 1;
    else if (response.status === statusOk) ok.value += 1;
    else error.value += 1;
  };
}

/** A call as its caller saw it end, with its payload sizes. */
type CountedCall = Pick<CompletedCall, "outcome" | "sentBytes"> & PayloadSizes;

export interface MuxServerCounters extends ServerCounters<CountedCall> {
  /** A connection was closed because its input was not mux, or a call could not be read. */
  malformed(): void;
  /** Bytes on the wire. */
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

export function muxServerCounters(stats: Stats): MuxServerCounters {
  const outcomes = {
    ok: stats.counter("status", "ok"),
    error: stats.counter("status", "error"),
    nack: stats.counter("status", "nack"),
    discarded: stats.counter("status", "discarded"),
    gone: stats.counter("status", "gone"),
  };
  const shared = serverCounters<CountedCall>(stats, ({ outcome }) => {
    outcomes[outcome].value += 1;
  });
  const malformed = stats.counter("malformed");
  return {
    ...shared,
    malformed: () => void malformed.value++,
    receivedBytes: stats.counter("received_bytes"),
    sentBytes: stats.counter("sent_bytes"),
  };
}
