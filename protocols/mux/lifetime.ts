// How long a connection may be opening, idle and old.
import type { Clock } from "../../src/core/clock.ts";
import { Alarm } from "../../src/net/alarm.ts";

/** Milliseconds; Infinity: no limit. */
export interface LifetimeLimits {
  readonly idleTimeMs: number;
  readonly lifeTimeMs: number;
}

/** One time limit at a time: each method replaces the one before. Owns a timer until `close`. */
export class Lifetime {
  /** When the connection was opened, or became idle. */
  idleSinceMs: number;
  readonly #clock: Clock;
  readonly #limits: LifetimeLimits;
  readonly #endMs: number;
  readonly #alarm: Alarm;

  constructor(clock: Clock, limits: LifetimeLimits, timedOut: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.idleSinceMs = clock.nowMs();
    this.#endMs = this.idleSinceMs + limits.lifeTimeMs;
    this.#alarm = new Alarm(clock, timedOut);
  }

  /** For a step that the peer has to take. */
  within(limitMs: number): void {
    this.#alarm.set(this.#clock.nowMs() + limitMs);
  }

  /** Calls are in progress: only age counts. */
  busy(): void {
    this.#alarm.set(this.#endMs);
  }

  idle(): void {
    this.idleSinceMs = this.#clock.nowMs();
    this.#alarm.set(Math.min(this.idleSinceMs + this.#limits.idleTimeMs, this.#endMs));
  }

  close(): void {
    this.#alarm.close();
  }
}
