// Ends a call whose time is up: a configured limit, or the moment at which the caller stops waiting.
import type { Clock, Close } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import { failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { ended, PendingSlot } from "../../core/service.ts";
import { DeadlineQueue } from "../deadline-queue.ts";
import type { QueuedDeadline } from "../deadline-queue.ts";
import { showDuration } from "../../core/duration.ts";

/** Beyond what timers can count (24.8 days) no limit is kept. */
const maxTimerMs = 2 ** 31 - 1;

/** `timeoutMs` of a server: it only shortens the deadline, which the filters below enforce. */
export function serverTimeout<Req extends Request, Res>(
  clock: Clock,
  timeoutMs: number,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const dueMs = clock.nowMs() + timeoutMs;
    if (dueMs < request.deadlineMs) {
      request.deadlineMs = dueMs;
      request.serverTimeoutMs = timeoutMs;
    }
    return next(request, reply);
  };
}

/**
 * One limit over all attempts: `totalTimeoutMs` from now or the caller's deadline, whichever is
 * earlier; the call's deadline becomes that. Only for calls that have a limit, and only until the
 * head of the response is here: a body may flow for as long as it likes.
 */
export function deadlineFilter<Req extends Request, Res>(
  clock: Clock,
  totalTimeoutMs: number,
): Filter<Req, Res> {
  const deadlines = totalTimeoutMs === Infinity ? null : new DeadlineQueue(clock, totalTimeoutMs);
  return (request, reply, next) => {
    const inheritedMs = request.deadlineMs;
    if (deadlines === null && inheritedMs === Infinity) return next(request, reply);
    const nowMs = clock.nowMs();
    const deadlineMs = Math.min(inheritedMs, nowMs + totalTimeoutMs);
    if (deadlineMs <= nowMs) {
      const whose = request.serverTimeoutMs === undefined ? "the caller's" : "the server's";
      const detail = `${whose} deadline had passed before ${request.logicalName} was called`;
      reply.end(failure("timeout", detail));
      return ended;
    }
    request.deadlineMs = deadlineMs;
    const limitMs = deadlineMs - nowMs;
    const call = new LimitedCall(request, reply, allAttempts, inheritedMs, deadlineMs, limitMs);
    if (deadlines !== null && deadlineMs < inheritedMs) call.limitBy(deadlines);
    else call.limitByTimer(clock);
    return call.run(next);
  };
}

const allAttempts: LimitKind = {
  why({ request, limitMs, inheritedMs, dueMs }) {
    const name = request.logicalName ?? "the endpoint";
    const { serverTimeoutMs } = request;
    const limit = showDuration(Math.round(limitMs));
    if (dueMs < inheritedMs) {
      return failure(
        "timeout",
        `exceeded ${limit} to ${name} (totalTimeoutMs, all attempts included)`,
      );
    }
    return serverTimeoutMs === undefined
      ? failure("timeout", `exceeded ${limit} to ${name}, which was left of the caller's deadline`)
      : failure(
          "timeout",
          `exceeded ${showDuration(serverTimeoutMs)} to ${name} (timeoutMs of the server)`,
        );
  },
  responded: null,
};

/**
 * A limit for one attempt, which is also the deadline that the endpoint gets. A call that times out may
 * be sent again if it is idempotent, but only by `retries`: requeues leave it alone.
 */
export function attemptTimeout<Req extends Request, Res>(
  clock: Clock,
  timeoutMs: number,
): Filter<Req, Res> {
  const deadlines = new DeadlineQueue(clock, timeoutMs);
  return (request, reply, next) => {
    const nowMs = clock.nowMs();
    const inheritedMs = request.deadlineMs;
    const dueMs = nowMs + timeoutMs;
    request.deadlineMs = Math.min(dueMs, inheritedMs);
    const call = new LimitedCall(request, reply, oneAttempt, inheritedMs, dueMs, timeoutMs);
    call.limitBy(deadlines);
    return call.run(next);
  };
}

const oneAttempt: LimitKind = {
  why({ request, limitMs }) {
    const { endpoint } = request;
    const where = endpoint === null ? "the endpoint" : `${endpoint.host}:${endpoint.port}`;
    const detail = `exceeded ${showDuration(limitMs)} to ${where} (requestAttemptTimeoutMs)`;
    return failure("timeout", detail, "if-idempotent");
  },
  // Before the response goes up: the next attempt has a time of its own.
  responded(call) {
    if (call.request.deadlineMs === call.dueMs) call.request.deadlineMs = call.inheritedMs;
  },
};

interface Limited {
  readonly request: Request;
  readonly limitMs: number;
  /** The call's deadline before this limit. */
  readonly inheritedMs: number;
  /** When this limit ends. */
  readonly dueMs: number;
}

interface LimitKind {
  why(call: Limited): Failure;
  /** Called at the head or the end of the response. */
  readonly responded: ((call: Limited) => void) | null;
}

class LimitedCall<Req extends Request, Res>
  implements Reply<Res>, Pending, Limited, QueuedDeadline
{
  previous: QueuedDeadline | null = null;
  next: QueuedDeadline | null = null;
  readonly request: Req;
  readonly inheritedMs: number;
  readonly dueMs: number;
  readonly limitMs: number;
  readonly #reply: Reply<Res>;
  readonly #kind: LimitKind;
  #deadlines: DeadlineQueue | null = null;
  #closeTimer: Close | null = null;
  readonly #call = new PendingSlot();

  constructor(
    request: Req,
    reply: Reply<Res>,
    kind: LimitKind,
    inheritedMs: number,
    dueMs: number,
    limitMs: number,
  ) {
    this.request = request;
    this.inheritedMs = inheritedMs;
    this.dueMs = dueMs;
    this.limitMs = limitMs;
    this.#reply = reply;
    this.#kind = kind;
  }

  limitBy(deadlines: DeadlineQueue): void {
    if (this.limitMs > maxTimerMs) return;
    this.#deadlines = deadlines;
    deadlines.add(this);
  }

  limitByTimer(clock: Clock): void {
    if (this.limitMs <= maxTimerMs) {
      this.#closeTimer = clock.after(this.limitMs, () => this.fire());
    }
  }

  run(next: Service<Req, Res>): Pending {
    this.#call.hold(next(this.request, this));
    return this;
  }

  fire(): void {
    this.cancel(this.#kind.why(this));
  }

  start(response: Res): void {
    this.#responded();
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    this.#responded();
    this.#reply.end(why);
  }

  cancel(why: Failure): void {
    this.#call.cancel(why);
  }

  #responded(): void {
    this.#deadlines?.remove(this);
    this.#closeTimer?.();
    this.#closeTimer = null;
    this.#kind.responded?.(this);
  }
}
