// What a caller's connection waits for, and for how long: one alarm, set for one thing at a time.
import type { Clock } from "../../../src/core/clock.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import type { HttpLimits } from "../codec/limits.ts";

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

  /** The first bytes of a request are here. */
  awaitHead(): void {
    this.#alarm.set(this.#clock.nowMs() + this.#limits.headerReadTimeoutMs);
  }

  /** Closes the connection unless something flows from now on. */
  awaitFlow(): void {
    const { stallTimeoutMs } = this.#limits;
    if (stallTimeoutMs !== Infinity) this.#alarm.set(this.#clock.nowMs() + stallTimeoutMs);
  }

  clear(): void {
    this.#alarm.clear();
  }

  close(): void {
    this.#alarm.close();
  }
}
