// At most so many calls a second, and so many at once.
import type { Failure } from "../../core/failure.ts";
import type { Filter } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Clock } from "../../core/clock.ts";

/** `rateLimit` of a service or a client. */
export interface RateLimitOptions {
  readonly perSec: number;
  /** Calls that may come at once after a quiet time. */
  readonly burst: number;
}

/**
 * A token bucket that holds one number: when it will be full again. Every call moves that moment by
 * `1000 / perSec` milliseconds; it may lie at most a burst ahead.
 */
export class RateLimit {
  readonly #stepMs: number;
  readonly #aheadMs: number;
  #fullMs = -Infinity;

  constructor({ perSec, burst }: RateLimitOptions) {
    this.#stepMs = 1_000 / perSec;
    this.#aheadMs = (burst - 1) * this.#stepMs;
  }

  /** 0: the call may go; else milliseconds until one may. */
  take(nowMs: number): number {
    const fullMs = Math.max(this.#fullMs, nowMs);
    const waitMs = fullMs - nowMs - this.#aheadMs;
    // Rounding must not make the last token of a burst too expensive.
    if (waitMs > 1e-6) return waitMs;
    this.#fullMs = fullMs + this.#stepMs;
    return 0;
  }
}

/** What is limited: a service, a client. */
export interface RateLimited {
  readonly rateLimit: RateLimit;
  /** For people: `/svc/users`, `the client /#/io.l5d.fs/users`. */
  readonly limitedName: string;
}

/** `limitedOf`: one filter serves many services. */
export function rateLimitFilter<Req, Res>(
  limitedOf: (request: Req) => RateLimited,
  { perSec }: RateLimitOptions,
  clock: Clock,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const { rateLimit, limitedName } = limitedOf(request);
    const waitMs = rateLimit.take(clock.nowMs());
    if (waitMs === 0) return next(request, reply);
    const detail = `${limitedName} takes ${perSec} calls a second at most (rateLimit)`;
    const refused: Failure = { kind: "limited", retry: "safe", detail, retryAfterMs: waitMs };
    reply.end(refused);
    return ended;
  };
}
