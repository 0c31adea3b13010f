// Tries a call again when its answer, or the lack of one, is worth another try to the classifier.
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
  /** Only withdrawn from: whoever counts the calls deposits for each. */
  readonly retryBudget: RetryBudget;
}

export function retryFilter<Req extends Request, Res>(
  options: RetryFilterOptions<Req, Res>,
): Filter<Req, Res> {
  return (request, reply, next) => new RetriedCall(options, request, reply, next).run();
}

/*
 * trying -> answering                the head went to the caller: nothing is tried any more
 * trying -> discarding -> waiting    a head came that is worth another try; the try must end first
 * trying -> waiting                  it failed without a head
 * waiting -> trying                  at once unless there is a backoff
 */
type State = "trying" | "answering" | "discarding" | "waiting";

class RetriedCall<Req extends Request, Res> implements Reply<Res>, Pending {
  readonly #options: RetryFilterOptions<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #next: Service<Req, Res>;
  #state: State = "trying";
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
    this.#state = "trying";
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
    this.#state = "answering";
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    if (this.#state === "answering") return this.#finish(why);
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

  /** Whether one more try may be made; then the budget has paid for it. */
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
    // It would only begin when the caller has its answer, which would then say less.
    if (nowMs + this.#waitMs >= this.#request.deadlineMs) return false;
    if (!retryBudget.tryWithdraw(nowMs)) {
      retries.budgetExhausted.value++;
      return false;
    }
    retries.total.value++;
    return true;
  }

  #again(): void {
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
