// What every server counts of its callers beyond calls: connections, payload sizes, responses.
import type { Stats } from "../core/stats.ts";

/** Payload bytes of one completed call. */
export interface PayloadSizes {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface ServerCounters<Call extends PayloadSizes> {
  completed(call: Call): void;
  /** Open connections changed by this much (+1, -1). */
  connections(change: number): void;
}

/** `countStatus` counts a response in the protocol's own terms: `status/200`, `status/reply`. */
export function serverCounters<Call extends PayloadSizes>(
  stats: Stats,
  countStatus: (call: Call) => void,
): ServerCounters<Call> {
  const requestBytes = stats.histogram("request_payload_bytes");
  const responseBytes = stats.histogram("response_payload_bytes");
  const connects = stats.counter("connects");
  const closes = stats.counter("closes");
  let open = 0;
  stats.gauge(() => open, "connections");
  return {
    completed(call) {
      countStatus(call);
      requestBytes.record(call.receivedBytes);
      responseBytes.record(call.sentBytes);
    },
    connections(change) {
      open += change;
      if (change > 0) connects.value += change;
      else closes.value -= change;
    },
  };
}
