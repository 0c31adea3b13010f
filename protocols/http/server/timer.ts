// What a caller's connection waits for, and for how long: one alarm, set for one thing at a time.
import type { Clock } from "../../../src/core/clock.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import type { HttpLimits } from "../codec/limits.ts";

/**
 * A client that writes head and body separately is held back by delayed acknowledgements for up to
 * 40 ms. A call that begins without its short body costs more, since the body has to flow.
 */
const shortBodyWaitMs = 50;

/**
 * How long an idle connection of a closing server stays open for one more request, whose response then
 * says that it is the last. A request that crossed a FIN would be lost.
 */
const lastRequestWaitMs = 1_000;

/** Owned by the connection, which closes it. */
export class ConnectionTimer {
  readonly #alarm: Alarm;
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #openedMs: number;

  constructor(clock: Clock, limits: HttpLimits, expired: () => void) {
    this.#alarm = new Alarm(clock, expired);
    this.#clock = clock;
    this.#limits = limits;
    this.#openedMs = clock.nowMs();
  }

  /** The connection is as old as it may get. */
  get isPastLife(): boolean {
    const { lifeTimeMs } = this.#limits;
    return lifeTimeMs !== Infinity && this.#clock.nowMs() - this.#openedMs >= lifeTimeMs;
  }

  /** No request has begun. */
  awaitRequest(): void {
    const { idleTimeMs, lifeTimeMs } = this.#limits;
    if (idleTimeMs === Infinity && lifeTimeMs === Infinity) return this.#alarm.clear();
    const idleEndsMs = this.#clock.nowMs() + idleTimeMs;
    return this.#alarm.set(Math.min(idleEndsMs, this.#openedMs + lifeTimeMs));
  }

  /** The server is closing: a caller that was about to send a request may do so. */
  awaitLastRequest(): void {
    this.#alarm.set(this.#clock.nowMs() + lastRequestWaitMs);
  }

  /** The first bytes of a request are here. */
  awaitHead(): void {
    this.#alarm.set(this.#clock.nowMs() + this.#limits.headerReadTimeoutMs);
  }

  /** A complete head is here, and a short body is to come. */
  awaitShortBody(): void {
    this.#alarm.set(this.#clock.nowMs() + shortBodyWaitMs);
  }

  /** Closes the connection unless something flows from now on. */
  awaitFlow(): void {
    const { stallTimeoutMs } = this.#limits;
    if (stallTimeoutMs !== Infinity) this.#alarm.set(this.#clock.nowMs() + stallTimeoutMs);
  }

  /** The caller has sent a FIN and may await a response. */
  awaitResponse(): void {
    this.#alarm.set(this.#clock.nowMs() + this.#limits.halfCloseGraceMs);
  }

  clear(): void {
    this.#alarm.clear();
  }

  close(): void {
    this.#alarm.close();
  }
}
