// How a name is resolved, for the answers of calls that found no endpoint.
import type { Clock } from "../core/clock.ts";
import { RateLimit } from "./filters/rate-limit.ts";

/** One step a line; may be a second old. */
export type Explain = () => string;

/** A trace costs a resolution of all alternatives: one is good for so long. */
const traceTtlMs = 1_000;

/** Callers may send names and dtabs that take long to resolve, and others all the time. */
const tracesPerSec = 20;
const tooMany =
  "(not shown: more names than this proxy resolves for people failed within this second)";

/**
 * One for a router, which makes the explanations of its names: however many calls of a name fail, it
 * is resolved for people once a second, and of all names only so many are.
 */
export function explainer(clock: Clock): (explain: Explain) => Explain {
  const limit = new RateLimit({ perSec: tracesPerSec, burst: tracesPerSec });
  return (explain) => {
    let trace = "";
    let tracedMs = -Infinity;
    return () => {
      const nowMs = clock.nowMs();
      if (nowMs - tracedMs < traceTtlMs) return trace;
      if (limit.take(nowMs) > 0) return tooMany;
      trace = explain();
      tracedMs = nowMs;
      return trace;
    };
  };
}
