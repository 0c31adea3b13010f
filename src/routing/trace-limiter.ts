// How a name is resolved, for the failures of calls that found no endpoint; at a bounded cost.
import type { Clock } from "../core/clock.ts";
import { TokenBucket } from "../core/pacing/token-bucket.ts";

/** How a destination's name is resolved, one step a line; may be a second old. */
export type Trace = () => string;

/** A trace costs a resolution of all alternatives: each is used for this long. */
const traceTtlMs = 1_000;

/** Callers may send names and dtabs that take long to resolve, and new ones all the time. */
const tracesPerSec = 20;
const tooMany =
  "(not shown: more names than this proxy resolves for people failed within this second)";

/**
 * Made once for a router: however many calls of a name fail, the name is traced once a second, and
 * all names together at most `tracesPerSec` times.
 */
export function traceLimiter(clock: Clock): (trace: Trace) => Trace {
  const limit = new TokenBucket({ perSec: tracesPerSec, burst: tracesPerSec });
  return (trace) => {
    let text = "";
    let tracedMs = -Infinity;
    return () => {
      const nowMs = clock.nowMs();
      if (nowMs - tracedMs < traceTtlMs) return text;
      if (limit.take(nowMs) > 0) return tooMany;
      text = trace();
      tracedMs = nowMs;
      return text;
    };
  };
}
