// One attempt at one endpoint, from the choice of the endpoint to the last byte of the response.
import type { Address } from "../core/address.ts";
import type { NotedAttempt } from "../core/calls/ended-call.ts";
import type { AttemptReason } from "../core/calls/record.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";
import type { Failure } from "../core/failure.ts";
import type { BoundName, Request } from "../core/request.ts";
import { PendingSlot } from "../core/service.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import type { TraceId } from "../core/tracing/trace-id.ts";
import type { Accrual, Health } from "./accrual.ts";
import type { Doubt } from "./health/doubt.ts";
import type { Endpoint } from "./endpoint.ts";
import { verdictOf } from "./verdict.ts";

/**
 * One object, since all of these need the same verdict and the same two readings of the clock: pending
 * calls, the balancer's load, accrual, silence, the client's statistics. They are settled before the
 * response goes up, so that a requeue sees the latest state.
 */
export class Attempt<Req extends Request, Res> implements Reply<Res>, Pending, NotedAttempt {
  readonly startedMs: number;
  // What a record of the call reads at its end; see NotedAttempt.
  headMs = NaN;
  endedMs = NaN;
  failure: Failure | null = null;
  verdict: Verdict | null = null;
  followedBy: AttemptReason | null = null;
  span: TraceId | null = null;
  readonly earlier: NotedAttempt | null;
  readonly bound: BoundName | null;
  /** Neighbours in the endpoint's list of attempts that wait for a response, which alone writes them. */
  previous: Attempt<Req, Res> | null = null;
  next: Attempt<Req, Res> | null = null;
  readonly #endpoint: Endpoint<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #classifier: Classifier<Req, Res>;
  readonly #epoch: number;
  /** It began while its endpoint was in doubt. */
  readonly #isTest: boolean;
  readonly #sent = new PendingSlot();
  #response: Res | null = null;
  /** Of the response, when that is no longer kept. */
  #status: string | null = null;

  constructor(
    endpoint: Endpoint<Req, Res>,
    request: Req,
    reply: Reply<Res>,
    classifier: Classifier<Req, Res>,
    startedMs: number,
    epoch: number,
    isTest: boolean,
  ) {
    this.#endpoint = endpoint;
    this.#request = request;
    this.#reply = reply;
    this.#classifier = classifier;
    this.startedMs = startedMs;
    this.#epoch = epoch;
    this.#isTest = isTest;
    this.bound = request.bound;
    this.earlier = request.lastAttempt ?? null;
    this.earlier?.dropResponse();
    request.lastAttempt = this;
  }

  get why(): AttemptReason {
    return this.earlier?.followedBy ?? "first";
  }

  get address(): Address {
    return this.#endpoint.address;
  }

  get status(): string | null {
    if (this.#response === null) return this.#status;
    return this.#endpoint.deps.statusOf(this.#response);
  }

  dropResponse(): void {
    if (this.verdict === null) return; // it has not ended
    this.#status = this.status;
    this.#response = null;
  }

  run(service: Service<Req, Res>): Pending {
    this.#sent.hold(service(this.#request, this));
    return this;
  }

  /** Whether the same call may be sent to another endpoint although this one may be acting on it. */
  get isMovable(): boolean {
    return this.#request.idempotent && this.#request.replayable;
  }

  cancel(why: Failure): void {
    this.#sent.cancel(why);
  }

  start(response: Res): void {
    this.#response = response;
    const endpoint = this.#endpoint;
    const { accrual, node, deps } = endpoint;
    endpoint.waiting.remove(this);
    endpoint.heard();
    const nowMs = deps.clock.nowMs();
    this.headMs = nowMs;
    const wantsVerdict = accrual !== null && accrual.isProbe(this.#epoch);
    const latency = node === null ? null : node.latency;
    if (wantsVerdict || latency !== null || this.#isTest) {
      const verdict = verdictOf(this.#classifier, this.#request, response, null);
      if (latency !== null) this.#observe(verdict, null, nowMs);
      // A probe need not wait for the end of a body: the endpoint responds again.
      if (wantsVerdict) accrual.ended(this.#epoch, this.#health(accrual, verdict, null), nowMs);
      if (this.#isTest && verdict === "success") endpoint.doubt?.succeeded(true, nowMs);
    }
    this.#reply.start(response);
  }

  end(failure: Failure | null): void {
    const endpoint = this.#endpoint;
    const { deps, accrual, node } = endpoint;
    const nowMs = deps.clock.nowMs();
    const elapsedMs = nowMs - this.startedMs;
    const verdict = verdictOf(this.#classifier, this.#request, this.#response, failure);
    this.endedMs = nowMs;
    this.failure = failure;
    this.verdict = verdict;
    // A response that broke after a quick head is not a quick response.
    if (this.#response === null || failure !== null) this.#observe(verdict, failure, nowMs);
    if (verdict === "success") endpoint.record.succeeded(elapsedMs, nowMs);
    else if (verdict !== "ignorable") this.#failed(failure, nowMs);
    if (this.#response === null) this.#endedWithoutHead(failure, nowMs);
    else if (verdict === "success") deps.silence?.took(elapsedMs);
    if (accrual !== null)
      accrual.ended(this.#epoch, this.#health(accrual, verdict, failure), nowMs);
    if (endpoint.doubt !== null) this.#settleDoubt(endpoint.doubt, verdict, failure, nowMs);
    if (verdict !== "ignorable") endpoint.failedMs = verdict === "success" ? -Infinity : nowMs;
    deps.stats.ended(verdict, failure, elapsedMs);
    deps.countResponse(this.#response, failure, elapsedMs);
    endpoint.pending--;
    if (node !== null) node.ended(nowMs);
    endpoint.callEnded();
    this.#reply.end(failure);
  }

  #settleDoubt(doubt: Doubt, verdict: Verdict, failure: Failure | null, nowMs: number): void {
    if (this.#isTest) doubt.testEnded();
    if (verdict === "success") doubt.succeeded(this.#isTest, nowMs);
    else if (verdict !== "ignorable" && this.#isBroken(failure)) doubt.failed(this.#isTest, nowMs);
  }

  /** Not overloaded: what comes too late, is refused politely or finds no room says nothing about the next call. */
  #isBroken(failure: Failure | null): boolean {
    if (failure !== null) {
      const isOurs = this.#sent.cancelled !== null;
      return !isOurs && (failure.kind === "closed" || failure.kind === "malformed");
    }
    return this.#response !== null && !this.#endpoint.deps.pushesBack(this.#response);
  }

  #endedWithoutHead(failure: Failure | null, nowMs: number): void {
    const endpoint = this.#endpoint;
    endpoint.waiting.remove(this);
    switch (failure?.kind) {
      case "connect":
        return endpoint.refused(nowMs);
      case "closed":
      case "malformed":
      case "limited":
        // A cancelled attempt ends with the reason for its cancellation, which the endpoint did not give.
        if (this.#sent.cancelled === null) endpoint.heard();
        return;
      default:
        return; // its caller, a limit or a full pool ended it
    }
  }

  /** Recorded before accrual and the hold for a refused connection, which give it as their reason. */
  #failed(failure: Failure | null, nowMs: number): void {
    const { record, deps } = this.#endpoint;
    const response = this.#response;
    record.failed(failure, response === null ? "" : deps.statusOf(response), nowMs);
  }

  /** Latency is to the head: how long a body flows is not the endpoint's speed. */
  #observe(verdict: Verdict, failure: Failure | null, nowMs: number): void {
    const latency = this.#endpoint.node?.latency ?? null;
    if (latency === null || failure?.kind === "exhausted") return;
    const elapsedMs = nowMs - this.startedMs;
    if (verdict === "success") latency.observe(nowMs, elapsedMs);
    else if (verdict === "ignorable") latency.observeAtLeast(nowMs, elapsedMs);
    else latency.observeFailure(nowMs, elapsedMs);
  }

  /** No place in a pool or queue, or a polite refusal, means load, not illness. */
  #health(accrual: Accrual, verdict: Verdict, failure: Failure | null): Health {
    if (failure?.kind === "exhausted") return "ignorable";
    if (failure?.kind === "connect" && verdict !== "ignorable") return "unreachable";
    if (failure?.kind === "limited") return accrual.usesPushback ? "pushback" : "ignorable";
    const response = this.#response;
    const isRefusal =
      response !== null && accrual.usesPushback && this.#endpoint.deps.pushesBack(response);
    return isRefusal ? "pushback" : verdict;
  }
}

/** Attempts of one endpoint without a response so far, in the order in which they began. */
export class WaitingAttempts<Req extends Request, Res> {
  first: Attempt<Req, Res> | null = null;
  count = 0;
  #last: Attempt<Req, Res> | null = null;

  add(one: Attempt<Req, Res>): void {
    one.previous = this.#last;
    if (this.#last === null) this.first = one;
    else this.#last.next = one;
    this.#last = one;
    this.count++;
  }

  /** Only for an attempt that was added and not removed. */
  remove(one: Attempt<Req, Res>): void {
    const { previous, next } = one;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    one.previous = one.next = null;
    this.count--;
  }
}
