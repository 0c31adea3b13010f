// At most so many calls a second, and so many together.
import type { Failure } from "../../core/failure.ts";
import type { Filter } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Clock } from "../../core/clock.ts";
import type { TokenBucket, TokenRate } from "../../core/pacing/token-bucket.ts";

/** What is limited: a service, a client. */
export interface RateLimited {
  readonly rateLimit: TokenBucket;
  /** For people: `/svc/users`, `the client /#/io.l5d.fs/users`. */
  readonly limitedName: string;
}

/** `limitedOf`: one filter serves many services. */
export function rateLimitFilter<Req, Res>(
  limitedOf: (request: Req) => RateLimited,
  { perSec }: TokenRate,
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
