// Sends an unusually slow call a second time, to another endpoint; the first response counts.
import { noteNextAttempt } from "../../core/calls/ended-call.ts";
import type { Clock, Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { PendingSlot } from "../../core/service.ts";
import type { Counter, Stats } from "../../core/stats.ts";
import { SlidingCount } from "../accruals/sliding-count.ts";

/** `hedge` of a client. */
export interface HedgeOptions {
  /** A call is slow when it takes longer than this percentile of the latest, 0 to 100. */
  readonly percentile: number;
  /** Second attempts, as a share of all calls, 0 to 1. */
  readonly maxExtraLoad: number;
}

export interface HedgeDeps<Req> {
  readonly clock: Clock;
  /** `client/<id>`. */
  readonly stats: Stats;
  /** Whether the client's budget for requeues has room for one more; takes it. */
  mayRequeue(nowMs: number): boolean;
  /** See `ProtocolRouter.copy`. */
  copy(request: Req): Req | null;
}

/** How often the delay follows the latencies. */
const refreshMs = 3_000;
/** With fewer responses so far, no call counts as slow. */
const minSamples = 20;
const maxSamples = 1_024;
/** The window in which second attempts keep within their share of calls. */
const budgetMs = 10_000;

/** Made once for a cluster. */
export function hedgeFilter<Req extends Request, Res>(
  options: HedgeOptions,
  deps: HedgeDeps<Req>,
): Filter<Req, Res> {
  const shared = new Hedging(options, deps);
  return (request, reply, next) => {
    const nowMs = deps.clock.nowMs();
    const delayMs = shared.began(nowMs);
    if (!request.idempotent || !request.replayable) return next(request, reply);
    return new HedgedCall(shared, request, reply, next, nowMs).run(delayMs);
  };
}

/** What the calls of a cluster share. */
class Hedging<Req> {
  readonly deps: HedgeDeps<Req>;
  readonly sent: Counter;
  readonly won: Counter;
  readonly #exhausted: Counter;
  readonly #options: HedgeOptions;
  readonly #calls = new SlidingCount(budgetMs, 10);
  readonly #hedges = new SlidingCount(budgetMs, 10);
  /** The latest latencies, in a ring. */
  readonly #samples = new Float64Array(maxSamples);
  #count = 0;
  #refreshMs: number;
  #delayMs = Infinity;

  constructor(options: HedgeOptions, deps: HedgeDeps<Req>) {
    const { clock } = deps;
    const stats = deps.stats.scope("hedge");
    this.deps = deps;
    this.sent = stats.counter("sent");
    this.won = stats.counter("won");
    this.#exhausted = stats.counter("budget_exhausted");
    stats.gauge(() => (this.#delayMs === Infinity ? 0 : this.#delayMs), "delay_ms");
    this.#options = options;
    this.#refreshMs = clock.nowMs() + refreshMs;
  }

  /** How long the call may take before it is slow; Infinity: not known yet. */
  began(nowMs: number): number {
    this.#calls.add(nowMs, 1);
    if (nowMs >= this.#refreshMs) this.#refresh(nowMs);
    return this.#delayMs;
  }

  responded(latencyMs: number): void {
    this.#samples[this.#count++ % maxSamples] = latencyMs;
  }

  mayHedge(nowMs: number): boolean {
    const most = this.#calls.sum(nowMs) * this.#options.maxExtraLoad;
    const may = this.#hedges.sum(nowMs) + 1 <= most && this.deps.mayRequeue(nowMs);
    if (may) this.#hedges.add(nowMs, 1);
    (may ? this.sent : this.#exhausted).value++;
    return may;
  }

  #refresh(nowMs: number): void {
    this.#refreshMs = nowMs + refreshMs;
    const count = Math.min(this.#count, maxSamples);
    if (count < minSamples) return;
    const sorted = this.#samples.slice(0, count).sort();
    const at = Math.min(count - 1, Math.floor((count * this.#options.percentile) / 100));
    this.#delayMs = Math.max(1, sorted[at] ?? 1);
  }
}

const superseded = failure("cancelled", "the other attempt of this call got its response first");

/** The first attempt, and after the delay the second: each owns its request. */
class HedgedCall<Req extends Request, Res> implements Pending {
  readonly #shared: Hedging<Req>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #next: Service<Req, Res>;
  readonly #startedMs: number;
  /** The call's own: an attempt's time limit changes it in one request, and must not in the other. */
  readonly #deadlineMs: number;
  readonly #first: HedgeAttempt<Req, Res>;
  #second: HedgeAttempt<Req, Res> | null = null;
  #winner: HedgeAttempt<Req, Res> | null = null;
  #cancelled: Failure | null = null;
  #stopTimer: Close | null = null;

  constructor(
    shared: Hedging<Req>,
    request: Req,
    reply: Reply<Res>,
    next: Service<Req, Res>,
    startedMs: number,
  ) {
    this.#shared = shared;
    this.#request = request;
    this.#reply = reply;
    this.#next = next;
    this.#startedMs = startedMs;
    this.#deadlineMs = request.deadlineMs;
    this.#first = new HedgeAttempt(this, request);
  }

  run(delayMs: number): this {
    this.#first.run(this.#next);
    if (delayMs !== Infinity && this.#isOpen && !this.#first.hasEnded) {
      this.#stopTimer = this.#shared.deps.clock.after(delayMs, () => this.#hedge());
    }
    return this;
  }

  cancel(why: Failure): void {
    this.#cancelled = why;
    this.#stopTimer?.();
    // The one that ends last ends the call.
    this.#first.cancel(why);
    this.#second?.cancel(why);
  }

  /** false: another response came first, and this attempt is cancelled. */
  started(by: HedgeAttempt<Req, Res>, response: Res): boolean {
    if (this.#winner !== null || this.#cancelled !== null) return false;
    this.#winner = by;
    this.#stopTimer?.();
    const { deps, won } = this.#shared;
    this.#shared.responded(deps.clock.nowMs() - this.#startedMs);
    if (by !== this.#first) won.value++;
    this.#noteOrigin(by);
    (by === this.#first ? this.#second : this.#first)?.cancel(superseded);
    this.#reply.start(response);
    return true;
  }

  ended(by: HedgeAttempt<Req, Res>, why: Failure | null): void {
    if (this.#winner !== null) {
      if (this.#winner === by) this.#reply.end(why);
      return;
    }
    const other = by === this.#first ? this.#second : this.#first;
    if (other !== null && !other.hasEnded) return; // a response may still come
    this.#stopTimer?.();
    this.#noteOrigin(by);
    this.#reply.end(this.#cancelled ?? why);
  }

  get #isOpen(): boolean {
    return this.#winner === null && this.#cancelled === null;
  }

  #hedge(): void {
    this.#stopTimer = null;
    const { deps } = this.#shared;
    if (!this.#isOpen || this.#first.hasEnded) return;
    const copy = deps.copy(this.#request);
    if (copy === null || !this.#shared.mayHedge(deps.clock.nowMs())) return;
    copy.deadlineMs = this.#deadlineMs;
    noteNextAttempt(copy, "hedge");
    this.#second = new HedgeAttempt(this, copy);
    this.#second.run(this.#next);
  }

  /** Writes where the response came from, for the log and the caller. */
  #noteOrigin({ request }: HedgeAttempt<Req, Res>): void {
    this.#request.endpoint = request.endpoint;
    // The second one knows the first.
    if (this.#second !== null) this.#request.lastAttempt = this.#second.request.lastAttempt ?? null;
    if (request.fault !== undefined) this.#request.fault = request.fault;
  }
}

class HedgeAttempt<Req extends Request, Res> implements Reply<Res> {
  readonly request: Req;
  readonly #call: HedgedCall<Req, Res>;
  hasEnded = false;
  #isWanted = true;
  readonly #sent = new PendingSlot();

  constructor(call: HedgedCall<Req, Res>, request: Req) {
    this.#call = call;
    this.request = request;
  }

  run(next: Service<Req, Res>): void {
    this.#sent.hold(next(this.request, this));
  }

  start(response: Res): void {
    this.#isWanted = this.#call.started(this, response);
    if (!this.#isWanted) this.cancel(superseded);
  }

  end(why: Failure | null): void {
    this.hasEnded = true;
    this.#call.ended(this, why);
  }

  cancel(why: Failure): void {
    if (!this.hasEnded) this.#sent.cancel(why);
  }
}
