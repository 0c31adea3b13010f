// Ends a call whose time is up: a configured limit, or the moment at which the caller stops waiting.
import type { Clock, Close } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import { failure } from "../../core/failure.ts";
import type { Call } from "../../core/protocol.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import { showDuration } from "../waiting-room.ts";

/** Beyond what timers can count (24.8 days) no limit is kept. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * One limit over all tries: `totalTimeoutMs` from now or the caller's deadline, whichever is
 * earlier; the call's deadline becomes that. A timer only for calls that have a limit, and only
 * until the head of the answer is there: a body may flow for as long as it likes.
 */
export function deadlineFilter<Req extends Call, Res>(
  clock: Clock,
  totalTimeoutMs: number,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const inheritedMs = request.deadlineMs;
    if (totalTimeoutMs === Infinity && inheritedMs === Infinity) return next(request, reply);
    const nowMs = clock.nowMs();
    const deadlineMs = Math.min(inheritedMs, nowMs + totalTimeoutMs);
    if (deadlineMs <= nowMs) {
      reply.end(
        failure("timeout", `the caller's deadline had passed before ${request.dst} was called`),
      );
      return ended;
    }
    request.deadlineMs = deadlineMs;
    const limitMs = deadlineMs - nowMs;
    const call = new LimitedCall(reply, clock, limitMs, () => {
      const name = request.dst ?? "the endpoint";
      const limit = showDuration(Math.round(limitMs));
      return deadlineMs < inheritedMs
        ? failure("timeout", `exceeded ${limit} to ${name} (totalTimeoutMs, all tries included)`)
        : failure(
            "timeout",
            `exceeded ${limit} to ${name}, which was left of the caller's deadline`,
          );
    });
    return call.run(request, next);
  };
}

/**
 * A limit for one try, which is also the deadline that the endpoint is told. What times out may be sent again if it is idempotent, but that is for
 * `retries` to decide: requeueing leaves it alone.
 */
export function attemptTimeout<Req extends Call, Res>(
  clock: Clock,
  timeoutMs: number,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const deadlineMs = clock.nowMs() + timeoutMs;
    const callDeadlineMs = request.deadlineMs;
    request.deadlineMs = Math.min(deadlineMs, callDeadlineMs);
    const why = () => {
      const { endpoint } = request;
      const where = endpoint === null ? "the endpoint" : `${endpoint.host}:${endpoint.port}`;
      const detail = `exceeded ${showDuration(timeoutMs)} to ${where} (requestAttemptTimeoutMs)`;
      return failure("timeout", detail, "if-idempotent");
    };
    // Before anybody above hears of the answer: the next try has a time of its own.
    const restore = () => {
      if (request.deadlineMs === deadlineMs) request.deadlineMs = callDeadlineMs;
    };
    return new LimitedCall(reply, clock, timeoutMs, why, restore).run(request, next);
  };
}

class LimitedCall<Res> implements Reply<Res>, Pending {
  readonly #reply: Reply<Res>;
  /** When its head or its end is there. */
  readonly #answered: (() => void) | null;
  #closeTimer: Close | null = null;
  /** null until `next` has returned. */
  #inner: Pending | null = null;
  #cancelled: Failure | null = null;

  constructor(
    reply: Reply<Res>,
    clock: Clock,
    limitMs: number,
    why: () => Failure,
    answered: (() => void) | null = null,
  ) {
    this.#reply = reply;
    this.#answered = answered;
    if (limitMs <= maxTimerMs) this.#closeTimer = clock.after(limitMs, () => this.cancel(why()));
  }

  run<Req>(request: Req, next: Service<Req, Res>): Pending {
    const inner = next(request, this);
    this.#inner = inner;
    // Cancelled in the middle of a synchronous answer: nobody could pass it on then.
    if (this.#cancelled !== null) inner.cancel(this.#cancelled);
    return this;
  }

  start(response: Res): void {
    this.#stopTimer();
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    this.#stopTimer();
    this.#reply.end(why);
  }

  cancel(why: Failure): void {
    if (this.#inner === null) this.#cancelled = why;
    else this.#inner.cancel(why);
  }

  #stopTimer(): void {
    this.#closeTimer?.();
    this.#closeTimer = null;
    this.#answered?.();
  }
}
