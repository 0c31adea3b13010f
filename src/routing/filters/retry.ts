// Sends a call again when the classifier calls its response, or the lack of one, retryable.
import { noteNextAttempt } from "../../core/calls/ended-call.ts";
import type { Clock, Close } from "../../core/clock.ts";
import { final } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Classifier } from "../../core/classifier.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { PendingSlot } from "../../core/service.ts";
import type { Counter, Histogram, Stats } from "../../core/stats.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import type { RetryBudget } from "../budget.ts";
import { verdictOf } from "../verdict.ts";

/** Of one service: `service/<name>/retries`. */
export class RetryStats {
  readonly total: Counter;
  readonly perRequest: Histogram;
  readonly budgetExhausted: Counter;
  readonly requestLimit: Counter;

  constructor(scope: Stats) {
    this.total = scope.counter("total");
    this.perRequest = scope.histogram("per_request");
    this.budgetExhausted = scope.counter("budget_exhausted");
    this.requestLimit = scope.counter("request_limit");
  }
}

export interface RetryFilterOptions<Req, Res> {
  readonly clock: Clock;
  readonly classifier: Classifier<Req, Res>;
  readonly maxAttempts: number;
  backoff(): Backoff;
  /** One filter serves many services. */
  scopeOf(request: Req): RetryScope;
  /** As `ProtocolRouter.discard`. */
  readonly discard: ((response: Res) => void) | null;
}

/** What the calls of one service share. */
export interface RetryScope {
  readonly retries: RetryStats;
  /** This filter only withdraws; the destination deposits for each call. */
  readonly retryBudget: RetryBudget;
}

export function retryFilter<Req extends Request, Res>(
  options: RetryFilterOptions<Req, Res>,
): Filter<Req, Res> {
  return (request, reply, next) => new RetriedCall(options, request, reply, next).run();
}

/*
 * attempting -> responding               the head went to the caller: no further attempt
 * attempting -> discarding -> waiting    a retryable head came; its attempt must end first
 * attempting -> waiting                  it failed without a head
 * waiting -> attempting                  immediately unless there is a backoff
 */
type State = "attempting" | "responding" | "discarding" | "waiting";

class RetriedCall<Req extends Request, Res> implements Reply<Res>, Pending {
  readonly #options: RetryFilterOptions<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #next: Service<Req, Res>;
  #state: State = "attempting";
  #attempts = 0;
  readonly #attempt = new PendingSlot();
  #backoff: Backoff | null = null;
  #waitMs = 0;
  #closeTimer: Close | null = null;

  constructor(
    options: RetryFilterOptions<Req, Res>,
    request: Req,
    reply: Reply<Res>,
    next: Service<Req, Res>,
  ) {
    this.#options = options;
    this.#request = request;
    this.#reply = reply;
    this.#next = next;
  }

  run(): this {
    const attempt = ++this.#attempts;
    this.#state = "attempting";
    this.#attempt.clear();
    const pending = this.#next(this.#request, this);
    // An attempt that failed before it returned has been followed by another, whose Pending counts.
    if (attempt === this.#attempts) this.#attempt.hold(pending);
    return this;
  }

  start(response: Res): void {
    const { classifier, discard } = this.#options;
    const isRetryable =
      this.#attempt.cancelled === null &&
      verdictOf(classifier, this.#request, response, null) === "retryable";
    if (isRetryable && this.#takeAnother()) {
      this.#state = "discarding";
      discard?.(response);
      return;
    }
    this.#state = "responding";
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    if (this.#state === "responding") return this.#finish(why);
    if (this.#attempt.cancelled !== null) return this.#finish(this.#attempt.cancelled);
    if (this.#state === "discarding") return this.#again();
    const { classifier } = this.#options;
    if (why === null || verdictOf(classifier, this.#request, null, why) !== "retryable") {
      return this.#finish(why);
    }
    return this.#takeAnother() ? this.#again() : this.#finish(final(why));
  }

  cancel(why: Failure): void {
    if (this.#attempt.cancelled !== null) return;
    this.#attempt.cancel(why);
    if (this.#state !== "waiting") return;
    this.#closeTimer?.();
    this.#finish(why);
  }

  /** Whether one more attempt may be made; then the budget has paid for it. */
  #takeAnother(): boolean {
    const { clock, scopeOf, maxAttempts, backoff } = this.#options;
    const { retries, retryBudget } = scopeOf(this.#request);
    if (this.#attempts >= maxAttempts) {
      retries.requestLimit.value++;
      return false;
    }
    this.#backoff ??= backoff();
    this.#waitMs = this.#backoff.nextMs();
    const nowMs = clock.nowMs();
    // It would begin after the deadline, whose failure says less than this one.
    if (nowMs + this.#waitMs >= this.#request.deadlineMs) return false;
    if (!retryBudget.tryWithdraw(nowMs)) {
      retries.budgetExhausted.value++;
      return false;
    }
    retries.total.value++;
    return true;
  }

  #again(): void {
    noteNextAttempt(this.#request, "retry");
    if (this.#waitMs <= 0) {
      this.run();
      return;
    }
    this.#state = "waiting";
    this.#attempt.clear();
    this.#closeTimer = this.#options.clock.after(this.#waitMs, () => this.run());
  }

  #finish(why: Failure | null): void {
    this.#options.scopeOf(this.#request).retries.perRequest.record(this.#attempts - 1);
    this.#reply.end(why);
  }
}
