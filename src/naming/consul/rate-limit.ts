// So much a second in the long run, a few at once.
import type { Clock } from "../../core/clock.ts";

export class RateLimit {
  readonly #perSecond: number;
  readonly #atOnce: number;
  readonly #clock: Clock;
  #left: number;
  #countedAtMs: number;

  constructor(perSecond: number, atOnce: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#clock = clock;
    this.#left = atOnce;
    this.#countedAtMs = clock.nowMs();
  }

  /** Counts one. Milliseconds to wait before it is done; 0: at once. */
  take(): number {
    const nowMs = this.#clock.nowMs();
    const earned = ((nowMs - this.#countedAtMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#atOnce, this.#left + earned) - 1;
    this.#countedAtMs = nowMs;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1_000;
  }
}
