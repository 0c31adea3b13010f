// Sends a call again immediately when the endpoint certainly did not act on it.
import { noteNextAttempt } from "../../core/calls/ended-call.ts";
import type { Clock } from "../../core/clock.ts";
import { final } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { PendingSlot } from "../../core/service.ts";
import type { Counter, Histogram, Stats } from "../../core/stats.ts";
import type { RetryBudget } from "../budget.ts";

/** Of one cluster: `client/<id>/retries`. */
export class RequeueStats {
  readonly requeues: Counter;
  readonly perRequest: Histogram;
  readonly cannotRetry: Counter;
  readonly notOpen: Counter;
  readonly requestLimit: Counter;
  readonly budgetExhausted: Counter;

  constructor(scope: Stats) {
    this.requeues = scope.counter("requeues");
    this.perRequest = scope.histogram("requeues_per_request");
    this.cannotRetry = scope.counter("cannot_retry");
    this.notOpen = scope.counter("not_open");
    this.requestLimit = scope.counter("request_limit");
    this.budgetExhausted = scope.counter("budget_exhausted");
  }
}

export interface RequeueOptions {
  readonly stats: RequeueStats;
  readonly clock: Clock;
  /** This filter only withdraws; the cluster deposits for each call that succeeded. */
  readonly budget: RetryBudget;
  /** Whether an endpoint is open: without one, another attempt is no better. */
  isOpen(): boolean;
  /** Attempts that a single call may have, the first one included. */
  maxAttempts(): number;
}

export function requeueFilter<Req extends Request, Res>(options: RequeueOptions): Filter<Req, Res> {
  return (request, reply, next) => new RequeuedCall(options, request, reply, next).run();
}

/** One call may use up this share of what the budget holds when its first attempt fails. */
const maxShareOfBudget = 0.2;

/**
 * How often a call may be sent again of which it is not certain that no endpoint acted on it: it may be
 * what breaks the endpoints.
 */
const maxUncertain = 3;

/** The endpoint certainly did not act on the call, or acting on it twice does no harm; and all of it is at hand. */
function mayRequeue(request: Request, why: Failure): boolean {
  if (!request.replayable) return false;
  switch (why.retry) {
    case "safe":
      return why.kind !== "cancelled";
    case "if-idempotent":
      // A slow response is not a lost one, and sending again immediately makes overload worse.
      return request.idempotent && why.kind !== "timeout" && why.kind !== "cancelled";
    case "never":
      return false;
    default:
      return why.retry satisfies never;
  }
}

class RequeuedCall<Req extends Request, Res> implements Reply<Res>, Pending {
  readonly #options: RequeueOptions;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #next: Service<Req, Res>;
  #attempts = 0;
  /** Known when the first attempt has failed. */
  #maxAttempts = 0;
  readonly #attempt = new PendingSlot();
  #hasStarted = false;
  /** Failed attempts that an endpoint may have acted on. */
  #uncertain = 0;

  constructor(options: RequeueOptions, request: Req, reply: Reply<Res>, next: Service<Req, Res>) {
    this.#options = options;
    this.#request = request;
    this.#reply = reply;
    this.#next = next;
  }

  run(): this {
    const attempt = ++this.#attempts;
    this.#attempt.clear();
    const pending = this.#next(this.#request, this);
    // An attempt that failed before it returned has been followed by another, whose Pending counts.
    if (attempt === this.#attempts) this.#attempt.hold(pending);
    return this;
  }

  start(response: Res): void {
    this.#hasStarted = true;
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    if (why === null || this.#hasStarted || this.#attempt.cancelled !== null)
      return this.#finish(why);
    if (!mayRequeue(this.#request, why)) return this.#finish(why);
    const { stats, isOpen } = this.#options;
    if (!isOpen()) {
      stats.notOpen.value++;
      stats.cannotRetry.value++;
      return this.#finish(why);
    }
    // Sent often enough: the retries above must not start all over.
    if (why.retry === "if-idempotent") this.#uncertain++;
    if (!this.#takeAnother()) return this.#finish(final(why));
    stats.requeues.value++;
    noteNextAttempt(this.#request, "requeue");
    this.run();
  }

  /** Whether one more attempt may be made; then the budget has paid for it. */
  #takeAnother(): boolean {
    const { stats, clock, budget, maxAttempts } = this.#options;
    const nowMs = clock.nowMs();
    const balance = budget.balance(nowMs);
    if (this.#maxAttempts === 0) {
      this.#maxAttempts = Math.min(maxAttempts(), 1 + Math.ceil(maxShareOfBudget * balance));
    }
    if (balance < 1) {
      stats.budgetExhausted.value++;
      return false;
    }
    if (this.#attempts >= this.#maxAttempts || this.#uncertain > maxUncertain) {
      stats.requestLimit.value++;
      return false;
    }
    return budget.tryWithdraw(nowMs);
  }

  cancel(why: Failure): void {
    this.#attempt.cancel(why);
  }

  #finish(why: Failure | null): void {
    this.#options.stats.perRequest.record(this.#attempts - 1);
    this.#reply.end(why);
  }
}
