// Refuses calls immediately beyond the number that a limiter finds good for the endpoints.
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Filter, Reply } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Stats } from "../../core/stats.ts";
import type { Limiter, LimiterMaker } from "../limiters/limiter.ts";

export interface ConcurrencyDeps {
  readonly clock: Clock;
  /** `client/<id>`. */
  readonly stats: Stats;
  /** For people: whose calls these are. */
  readonly what: string;
}

/** Made once for a cluster. */
export function concurrencyFilter<Req, Res>(
  makeLimiter: LimiterMaker,
  { clock, what, stats: clientStats }: ConcurrencyDeps,
): Filter<Req, Res> {
  const limiter = makeLimiter(clock.nowMs());
  const stats = clientStats.scope("concurrency");
  const calls: InProgress = { limiter, clock, count: 0 };
  const rejected = stats.counter("rejected");
  stats.gauge(() => limiter.limit, "limit");
  stats.gauge(() => calls.count, "in_progress");
  return (request, reply, next) => {
    const { limit } = limiter;
    if (calls.count >= limit) {
      rejected.value++;
      reply.end(tooMany(limit, what));
      return ended;
    }
    calls.count++;
    return next(request, new MeasuredReply(calls, reply));
  };
}

interface InProgress {
  readonly limiter: Limiter;
  readonly clock: Clock;
  count: number;
}

function tooMany(limit: number, what: string): Failure {
  const detail = `${limit} calls to ${what} are in progress, and more would only be slower (concurrency)`;
  return { kind: "exhausted", retry: "safe", detail, retryAfterMs: 0 };
}

class MeasuredReply<Res> implements Reply<Res> {
  readonly #calls: InProgress;
  readonly #reply: Reply<Res>;
  readonly #startedMs: number;
  #hasStarted = false;

  constructor(calls: InProgress, reply: Reply<Res>) {
    this.#calls = calls;
    this.#reply = reply;
    this.#startedMs = calls.clock.nowMs();
  }

  start(response: Res): void {
    this.#hasStarted = true;
    this.#measure();
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    // A failure is fast or slow for other reasons than load; a timeout is as slow as it gets.
    if (!this.#hasStarted && why?.kind === "timeout") this.#measure();
    this.#calls.count--;
    this.#reply.end(why);
  }

  #measure(): void {
    const { limiter, clock, count } = this.#calls;
    const nowMs = clock.nowMs();
    limiter.observe(nowMs, nowMs - this.#startedMs, count);
  }
}
