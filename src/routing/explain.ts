// How a name is resolved, for the answers of calls that found no endpoint.
import type { Clock } from "../core/clock.ts";

/** One step a line; may be a second old. */
export type Explain = () => string;

/** A trace costs a resolution of all alternatives: one is good for so long. */
const traceTtlMs = 1_000;

/** However many calls of a name fail, it is resolved for people once a second. */
export function atMostOnceASecond(clock: Clock, explain: Explain): Explain {
  let trace = "";
  let tracedMs = -Infinity;
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs - tracedMs >= traceTtlMs) {
      trace = explain();
      tracedMs = nowMs;
    }
    return trace;
  };
}
