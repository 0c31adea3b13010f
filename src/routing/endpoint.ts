// One address of a cluster: its wire, its pending calls, its health.
import type { Clock } from "../core/clock.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { Request } from "../core/request.ts";
import type { Classifier, ResponseCounter } from "../core/classifier.ts";
import type { Wire } from "../core/transport.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import type { Accrual } from "./accrual.ts";
import { Attempt, WaitingAttempts } from "./attempt.ts";
import { Doubt } from "./health/doubt.ts";
import type { Doubts } from "./health/doubt.ts";
import type { CallStats } from "./stats/call-stats.ts";
import type { EndpointRecord } from "./health/endpoint-record.ts";
import { SilenceNotes } from "./silence.ts";
import type { ListenedTo, SilenceWatch } from "./silence.ts";
import type { Candidate, Node, Status } from "./balancers/balancer.ts";

/** What the endpoints of a cluster share. */
export interface EndpointDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly stats: CallStats;
  readonly countResponse: ResponseCounter<Res>;
  /** The `endpointStack` of the cluster. */
  readonly stack: (wire: Service<Req, Res>) => Service<Req, Res>;
  /** null: endpoints of this cluster are never ejected. */
  readonly silence: SilenceWatch | null;
  /** null: endpoints that fail are not held back. */
  readonly doubts: Doubts | null;
  /** See `ProtocolRouter.pushesBack`. */
  pushesBack(response: Res): boolean;
  /** See `ProtocolRouter.statusOf`. */
  statusOf(response: Res): string;
  dial(address: Address): Wire<Req, Res>;
}

/** How long one refused connection keeps calls away, before accrual has seen enough to do so. */
const minHoldMs = 100;
const maxHoldMs = 1_000;

/** Owns its wire, which is dialled when the first call comes. Made and closed by its cluster. */
export class Endpoint<Req extends Request, Res> implements Candidate, ListenedTo {
  /** As discovery last gave it: the weight may change. */
  address: Address;
  readonly accrual: Accrual | null;
  /** For people. */
  readonly record: EndpointRecord;
  readonly deps: EndpointDeps<Req, Res>;
  /** The balancer's; set right after it was made. */
  node: Node<Endpoint<Req, Res>> | null = null;
  pending = 0;
  readonly waiting = new WaitingAttempts<Req, Res>();
  /** Responses so far. */
  responses = 0;
  readonly silence = new SilenceNotes();
  readonly doubt: Doubt | null;
  /** When it last failed a call; -Infinity: never, or a call has succeeded since. */
  failedMs = -Infinity;
  /** A refused connection keeps further calls away until then; 0: none was refused. */
  #heldUntilMs = 0;
  /** Connections refused since its last response. */
  #refusals = 0;
  #wire: Wire<Req, Res> | null = null;
  #service: Service<Req, Res> | null = null;
  /** When it was retired; -1: it is not. */
  #retiredMs = -1;

  constructor(
    address: Address,
    accrual: Accrual | null,
    record: EndpointRecord,
    deps: EndpointDeps<Req, Res>,
  ) {
    this.address = address;
    this.accrual = accrual;
    this.record = record;
    this.deps = deps;
    this.doubt = deps.doubts === null ? null : new Doubt(showAddress(address), deps.doubts);
  }

  /** The worst of its wire's and its health's. */
  get status(): Status {
    if (this.#retiredMs >= 0) return "closed";
    if (this.silence.isSuspect) return "busy";
    if (this.#heldUntilMs !== 0 && this.deps.clock.nowMs() < this.#heldUntilMs) return "busy";
    const { accrual, doubt } = this;
    if (doubt !== null && doubt.failures !== 0 && doubt.isBusy(this.deps.clock.nowMs())) {
      return "busy";
    }
    const isDown = accrual !== null && !accrual.isAlive && accrual.isDown(this.deps.clock.nowMs());
    const wireStatus = this.#wire === null ? "open" : this.#wire.status;
    return isDown && wireStatus === "open" ? "busy" : wireStatus;
  }

  /** Whether accrual has not ejected it. */
  get isAlive(): boolean {
    return this.accrual === null || this.accrual.isAlive;
  }

  get isInDoubt(): boolean {
    return this.doubt !== null && this.doubt.failures > 0;
  }

  /** One attempt. A retired endpoint still takes it: it may have been picked just before. */
  send(request: Req, reply: Reply<Res>, classifier: Classifier<Req, Res>, nowMs: number): Pending {
    request.endpoint = this.address;
    this.pending++;
    this.node?.began(nowMs);
    this.deps.stats.began();
    const epoch = this.accrual === null ? 0 : this.accrual.begin(nowMs);
    const isTest = this.doubt !== null && this.doubt.began(nowMs);
    const attempt = new Attempt(this, request, reply, classifier, nowMs, epoch, isTest);
    this.waiting.add(attempt);
    this.deps.silence?.began();
    return attempt.run(this.#service ?? this.#dial());
  }

  get isRetired(): boolean {
    return this.#retiredMs >= 0;
  }

  /** Only when it is retired. */
  get retiredMs(): number {
    return this.#retiredMs;
  }

  get connections(): number {
    return this.#wire === null ? 0 : this.#wire.connections;
  }

  /** Calls wait for its first connection. */
  get isConnecting(): boolean {
    return this.#wire !== null && this.#wire.connections === 0 && this.waiting.count > 0;
  }

  /** When calls may come to it again; in the past when they may now. */
  get nextProbeAtMs(): number {
    const ejectedUntilMs = this.accrual === null ? 0 : this.accrual.deadUntilMs;
    const doubtedUntilMs = this.doubt === null ? 0 : this.doubt.heldUntilMs;
    return Math.max(this.#heldUntilMs, ejectedUntilMs, doubtedUntilMs);
  }

  get name(): string {
    return showAddress(this.address);
  }

  /** It has responded to a call, well or not. */
  heard(): void {
    this.responses++;
    if (this.deps.silence !== null) this.deps.silence.responses++;
    this.silence.isSuspect = false;
    if (this.#heldUntilMs === 0) return;
    this.#heldUntilMs = 0;
    this.#refusals = 0;
    if (this.isAlive) this.record.back(this.deps.clock.nowMs());
  }

  /** It cannot be connected to: calls go elsewhere for a moment, longer from one time to the next. */
  refused(nowMs: number): void {
    if (this.accrual === null) return;
    const holdMs = Math.min(maxHoldMs, minHoldMs * 2 ** this.#refusals);
    if (holdMs < maxHoldMs) this.#refusals++;
    this.#heldUntilMs = nowMs + holdMs;
    this.record.ejected({ why: "refused" }, holdMs, nowMs);
  }

  /** The last call of a retired endpoint closes its wire. */
  callEnded(): void {
    if (this.isRetired && this.pending === 0) this.#closeWire(0);
  }

  /** Gets no new calls; its wire closes when its calls have ended. */
  retire(): void {
    this.#retiredMs = this.deps.clock.nowMs();
    if (this.pending === 0) this.#closeWire(0);
  }

  /** As `retire`, and calls that have not ended after `graceMs` are broken. */
  close(graceMs: number): void {
    this.#retiredMs = this.deps.clock.nowMs();
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
