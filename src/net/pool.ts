// Connections to one endpoint that are used by one call at a time (HTTP/1.1, Thrift).
import type { WaitKind } from "../core/calls/waits.ts";
import type { Clock, Close } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import type { DialOptions, WireStats } from "../core/transport.ts";
import { Alarm } from "./alarm.ts";

/** A connection in the pool. The pool writes the two times. */
export interface PoolMember {
  /** Number of calls that it has carried. */
  readonly calls: number;
  openedMs: number;
  idleSinceMs: number;
  /** Destroys the socket. The member then reports to the pool by `gone`. */
  close(): void;
}

/** A call that waits for a connection. Exactly one of the two is called, unless it cancels. */
export interface Waiter<C> {
  /** Called before either, and when it cancels: how long it has waited in the queue, and for what. */
  waited?(kind: WaitKind, waitedMs: number): void;
  got(member: C): void;
  failed(why: Failure): void;
}

/** Dials once; calls back asynchronously. The result cancels. */
export type DialOne<C> = (opened: (member: C) => void, failed: (why: Failure) => void) => Close;

export type PoolOptions = Pick<
  DialOptions,
  | "minConnections"
  | "maxConnections"
  | "maxWaiters"
  | "maxWaitMs"
  | "poolIdleMs"
  | "idleTimeMs"
  | "lifeTimeMs"
> & {
  /** For messages to people: `127.0.0.1:8080`. */
  readonly name: string;
};

/**
 * Never more than `maxConnections`, dials in progress included. A call that finds no idle connection
 * waits (first come, first served); beyond `maxWaiters` it is refused immediately. The pool owns idle
 * members; a member in use belongs to its call until it comes back by `give` or `gone`.
 */
export class Pool<C extends PoolMember> {
  readonly #options: PoolOptions;
  readonly #dialOne: DialOne<C>;
  readonly #clock: Clock;
  readonly #stats: WireStats;
  readonly #alarm: Alarm;
  readonly #waitAlarm: Alarm;
  readonly #members = new Set<C>();
  /** Longest idle first; the last is taken first, so that surplus connections become idle for long. */
  readonly #idle: C[] = [];
  /** Since when each waits, longest waiting first. */
  readonly #waiters = new Map<Waiter<C>, number>();
  readonly #dials = new Set<Close>();
  #isClosed = false;

  constructor(options: PoolOptions, dialOne: DialOne<C>, clock: Clock, stats: WireStats) {
    this.#options = options;
    this.#dialOne = dialOne;
    this.#clock = clock;
    this.#stats = stats;
    this.#alarm = new Alarm(clock, () => this.#reap());
    this.#waitAlarm = new Alarm(clock, () => this.#failLateWaiters());
  }

  /** No call can be accepted: all connections are in use and the queue is full, or the pool is closed. */
  get isExhausted(): boolean {
    return this.#isClosed || (this.#isFull && this.#queued >= this.#options.maxWaiters);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get connections(): number {
    return this.#members.size;
  }

  /** Open connections, and dials in progress. */
  get size(): number {
    return this.#members.size + this.#dials.size;
  }

  /** An idle connection, or null: then `wait`. */
  take(): C | null {
    const member = this.#idle.pop();
    if (member === undefined) return null;
    this.#stats.pooled -= 1;
    return member;
  }

  /** Waits for a connection, dialling if allowed. May fail synchronously. The result cancels. */
  wait(waiter: Waiter<C>): Close {
    if (this.isExhausted) {
      if (!this.#isClosed) this.#stats.tooManyWaiters.value += 1;
      waiter.failed(this.#exhausted());
      return nothing;
    }
    const nowMs = this.#clock.nowMs();
    this.#waiters.set(waiter, nowMs);
    if (this.#waiters.size === 1) this.#waitAlarm.set(nowMs + this.#options.maxWaitMs);
    this.#stats.waiters += 1;
    this.#dialForWaiters();
    if (this.#queued > 0) this.#stats.waited.value += 1;
    return () => void this.#leave(waiter, this.#dials.size > 0 ? "connectMs" : "queueMs");
  }

  /** A connection is free again, clean, and open. */
  give(member: C): void {
    const nowMs = this.#clock.nowMs();
    if (this.#isClosed || nowMs - member.openedMs >= this.#options.lifeTimeMs) {
      return member.close();
    }
    const waiter = this.#nextWaiter(member.calls === 0 ? "connectMs" : "queueMs");
    if (waiter !== null) return waiter.got(member);
    member.idleSinceMs = nowMs;
    this.#idle.push(member);
    this.#stats.pooled += 1;
    this.#schedule();
  }

  /** A connection has closed, idle or busy. Every member reports this once. */
  gone(member: C): void {
    if (!this.#members.delete(member)) return;
    this.#stats.connections -= 1;
    this.#stats.closes.value += 1;
    this.#stats.connectionRequests.record(member.calls);
    const at = this.#idle.indexOf(member);
    if (at >= 0) {
      this.#idle.splice(at, 1);
      this.#stats.pooled -= 1;
    }
    if (!this.#isClosed) this.#dialForWaiters();
  }

  /** Fails waiting calls, closes idle members now and busy ones after `graceMs`. */
  close(graceMs: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.close();
    this.#waitAlarm.close();
    this.#stats.cancelledConnects.value += this.#dials.size;
    for (const cancel of this.#dials) cancel();
    this.#dials.clear();
    for (const waiter of Array.from(this.#waiters.keys())) {
      if (this.#leave(waiter, "queueMs")) waiter.failed(this.#closedFailure());
    }
    for (const member of Array.from(this.#idle)) member.close();
    if (this.#members.size === 0) return;
    const closeRest = () => {
      for (const member of Array.from(this.#members)) member.close();
    };
    if (graceMs <= 0) closeRest();
    else this.#clock.after(graceMs, closeRest);
  }

  get #isFull(): boolean {
    return this.size >= this.#options.maxConnections;
  }

  /** Waiters that no dial in progress will serve; negative: more dials than waiters. */
  get #queued(): number {
    return this.#waiters.size - this.#dials.size;
  }

  #leave(waiter: Waiter<C>, waitedFor: WaitKind): boolean {
    const sinceMs = this.#waiters.get(waiter);
    if (sinceMs === undefined) return false;
    this.#waiters.delete(waiter);
    this.#stats.waiters -= 1;
    waiter.waited?.(waitedFor, this.#clock.nowMs() - sinceMs);
    return true;
  }

  #nextWaiter(waitedFor: WaitKind): Waiter<C> | null {
    for (const waiter of this.#waiters.keys()) {
      this.#leave(waiter, waitedFor);
      return waiter;
    }
    return null;
  }

  #failLateWaiters(): void {
    const nowMs = this.#clock.nowMs();
    for (const [waiter, sinceMs] of this.#waiters) {
      const untilMs = sinceMs + this.#options.maxWaitMs;
      if (untilMs > nowMs) return this.#waitAlarm.set(untilMs);
      this.#leave(waiter, "queueMs");
      waiter.failed(this.#late());
    }
  }

  #dialForWaiters(): void {
    while (this.#waiters.size > this.#dials.size && !this.#isFull) this.#dial();
  }

  #dial(): void {
    const startedMs = this.#clock.nowMs();
    const cancel = this.#dialOne(
      (member) => {
        this.#dials.delete(cancel);
        this.#opened(member, startedMs);
      },
      (why) => {
        this.#dials.delete(cancel);
        this.#stats.failedConnectLatencyMs.record(Math.round(this.#clock.nowMs() - startedMs));
        this.#dialFailed(why);
      },
    );
    this.#dials.add(cancel);
  }

  #opened(member: C, startedMs: number): void {
    const nowMs = this.#clock.nowMs();
    this.#stats.connects.value += 1;
    this.#stats.connections += 1;
    this.#stats.connectLatencyMs.record(Math.round(nowMs - startedMs));
    member.openedMs = nowMs;
    this.#members.add(member);
    this.give(member);
  }

  /**
   * The longest waiting call fails, and with it all that neither a dial nor a busy connection will
   * serve: another endpoint may take them, a second dial to this one hardly would.
   */
  #dialFailed(why: Failure): void {
    this.#nextWaiter("connectMs")?.failed(why);
    while (this.#members.size === 0 && this.#queued > 0) this.#nextWaiter("connectMs")?.failed(why);
    this.#dialForWaiters();
  }

  #schedule(): void {
    const oldest = this.#idle[0];
    if (oldest === undefined) return this.#alarm.clear();
    this.#alarm.set(Math.min(this.#idleEndsMs(oldest), this.#lifeEndsMs()));
    return undefined;
  }

  #idleEndsMs(member: C): number {
    const { idleTimeMs, poolIdleMs, minConnections } = this.#options;
    const isExtra = this.#members.size > minConnections;
    return member.idleSinceMs + (isExtra ? Math.min(poolIdleMs, idleTimeMs) : idleTimeMs);
  }

  /** Of the oldest member, which may be busy: then checked again a little later. */
  #lifeEndsMs(): number {
    if (this.#options.lifeTimeMs === Infinity) return Infinity;
    for (const { openedMs } of this.#members) {
      return Math.max(openedMs + this.#options.lifeTimeMs, this.#clock.nowMs() + lookAgainMs);
    }
    return Infinity;
  }

  #reap(): void {
    const nowMs = this.#clock.nowMs();
    for (const member of Array.from(this.#idle)) {
      const isOld = nowMs - member.openedMs >= this.#options.lifeTimeMs;
      if (isOld || nowMs >= this.#idleEndsMs(member)) this.#retire(member);
    }
    this.#schedule();
  }

  #retire(member: C): void {
    const at = this.#idle.indexOf(member);
    this.#idle.splice(at, 1);
    this.#stats.pooled -= 1;
    member.close();
    this.gone(member);
  }

  #exhausted(): Failure {
    if (this.#isClosed) return this.#closedFailure();
    const { name, maxConnections, maxWaiters } = this.#options;
    const detail = `all ${maxConnections} connections to ${name} are in use and ${maxWaiters} calls wait already`;
    return failure("exhausted", detail, "safe");
  }

  /** Not retried: the call would wait as long for the next endpoint. */
  #late(): Failure {
    const { name, maxConnections, maxWaitMs } = this.#options;
    const detail = `no connection to ${name} was free within ${maxWaitMs} ms; all ${maxConnections} are in use`;
    return failure("exhausted", detail);
  }

  #closedFailure(): Failure {
    return failure(
      "exhausted",
      `the connections to ${this.#options.name} are being closed`,
      "safe",
    );
  }
}

const nothing: Close = () => {};
const lookAgainMs = 100;
