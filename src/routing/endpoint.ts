// One address of a cluster: its wire, its pending calls, its health.
import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { Address } from "../core/address.ts";
import type { Request } from "../core/request.ts";
import type { Classifier, ResponseCounter, Verdict } from "../core/classifier.ts";
import type { Wire } from "../core/transport.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import type { Accrual, Health } from "./accrual.ts";
import type { CallStats } from "./stats/call-stats.ts";
import { verdictOf } from "./verdict.ts";
import type { Candidate, Node, Status } from "./balancers/balancer.ts";

/** What the endpoints of a cluster share. */
export interface EndpointDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly stats: CallStats;
  readonly countResponse: ResponseCounter<Res>;
  /** The `endpointStack` of the cluster. */
  readonly stack: (wire: Service<Req, Res>) => Service<Req, Res>;
  /** See `ProtocolRouter.pushesBack`. */
  pushesBack(response: Res): boolean;
  dial(address: Address): Wire<Req, Res>;
}

/** Owns its wire, which is dialled when the first call comes. Made and closed by its cluster. */
export class Endpoint<Req extends Request, Res> implements Candidate {
  /** As discovery last gave it: the weight may change. */
  address: Address;
  readonly accrual: Accrual | null;
  readonly deps: EndpointDeps<Req, Res>;
  /** The balancer's; set right after it was made. */
  node: Node<Endpoint<Req, Res>> | null = null;
  pending = 0;
  #wire: Wire<Req, Res> | null = null;
  #service: Service<Req, Res> | null = null;
  #isRetired = false;

  constructor(address: Address, accrual: Accrual | null, deps: EndpointDeps<Req, Res>) {
    this.address = address;
    this.accrual = accrual;
    this.deps = deps;
  }

  /** The worst of its wire's and its health's. */
  get status(): Status {
    if (this.#isRetired) return "closed";
    const { accrual } = this;
    const isDown = accrual !== null && !accrual.isAlive && accrual.isDown(this.deps.clock.nowMs());
    const wireStatus = this.#wire === null ? "open" : this.#wire.status;
    return isDown && wireStatus === "open" ? "busy" : wireStatus;
  }

  /** Whether accrual has not ejected it. */
  get isAlive(): boolean {
    return this.accrual === null || this.accrual.isAlive;
  }

  /** One attempt. A retired endpoint still takes it: it may have been picked just before. */
  send(request: Req, reply: Reply<Res>, classifier: Classifier<Req, Res>, nowMs: number): Pending {
    request.endpoint = this.address;
    this.pending++;
    this.node?.began(nowMs);
    this.deps.stats.began();
    const epoch = this.accrual === null ? 0 : this.accrual.begin(nowMs);
    const service = this.#service ?? this.#dial();
    return service(request, new Attempt(this, request, reply, classifier, nowMs, epoch));
  }

  /** The last call of a retired endpoint closes its wire. */
  callEnded(): void {
    if (this.#isRetired && this.pending === 0) this.#closeWire(0);
  }

  /** Gets no new calls; its wire closes when its calls have ended. */
  retire(): void {
    this.#isRetired = true;
    if (this.pending === 0) this.#closeWire(0);
  }

  /** As `retire`, and calls that have not ended after `graceMs` are broken. */
  close(graceMs: number): void {
    this.#isRetired = true;
    this.#closeWire(this.pending === 0 ? 0 : graceMs);
  }

  #dial(): Service<Req, Res> {
    const wire = this.deps.dial(this.address);
    this.#wire = wire;
    this.#service = this.deps.stack(wire.service);
    return this.#service;
  }

  #closeWire(graceMs: number): void {
    const wire = this.#wire;
    if (graceMs === 0) {
      // Forgotten first: the calls that closing breaks come back here.
      this.#wire = null;
      this.#service = null;
    }
    wire?.close(graceMs);
  }
}

/**
 * One attempt at one endpoint. One object, since all four need the same verdict and the same two
 * readings of the clock: pending calls, the balancer's load, accrual, the client's statistics.
 * They are settled before the response goes up, so that a requeue sees the latest state.
 */
class Attempt<Req extends Request, Res> implements Reply<Res> {
  readonly #endpoint: Endpoint<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #classifier: Classifier<Req, Res>;
  readonly #startedMs: number;
  readonly #epoch: number;
  #response: Res | null = null;

  constructor(
    endpoint: Endpoint<Req, Res>,
    request: Req,
    reply: Reply<Res>,
    classifier: Classifier<Req, Res>,
    startedMs: number,
    epoch: number,
  ) {
    this.#endpoint = endpoint;
    this.#request = request;
    this.#reply = reply;
    this.#classifier = classifier;
    this.#startedMs = startedMs;
    this.#epoch = epoch;
  }

  start(response: Res): void {
    this.#response = response;
    const { accrual, node, deps } = this.#endpoint;
    const wantsVerdict = accrual !== null && accrual.isProbe(this.#epoch);
    const latency = node === null ? null : node.latency;
    if (wantsVerdict || latency !== null) {
      const nowMs = deps.clock.nowMs();
      const verdict = verdictOf(this.#classifier, this.#request, response, null);
      if (latency !== null) this.#observe(verdict, null, nowMs);
      // A probe need not wait for the end of a body: the endpoint responds again.
      if (wantsVerdict) accrual.ended(this.#epoch, this.#health(accrual, verdict, null), nowMs);
    }
    this.#reply.start(response);
  }

  end(failure: Failure | null): void {
    const endpoint = this.#endpoint;
    const { deps, accrual, node } = endpoint;
    const nowMs = deps.clock.nowMs();
    const elapsedMs = nowMs - this.#startedMs;
    const verdict = verdictOf(this.#classifier, this.#request, this.#response, failure);
    // A response that broke after a quick head is not a quick response.
    if (this.#response === null || failure !== null) this.#observe(verdict, failure, nowMs);
    if (accrual !== null)
      accrual.ended(this.#epoch, this.#health(accrual, verdict, failure), nowMs);
    deps.stats.ended(verdict, failure, elapsedMs);
    deps.countResponse(this.#response, failure, elapsedMs);
    endpoint.pending--;
    if (node !== null) node.ended(nowMs);
    endpoint.callEnded();
    this.#reply.end(failure);
  }

  /** Latency is to the head: how long a body flows is not the endpoint's speed. */
  #observe(verdict: Verdict, failure: Failure | null, nowMs: number): void {
    const latency = this.#endpoint.node?.latency ?? null;
    if (latency === null || failure?.kind === "exhausted") return;
    const elapsedMs = nowMs - this.#startedMs;
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
