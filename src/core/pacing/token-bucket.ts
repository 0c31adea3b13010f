// So much a second in the long run, and a few together after a quiet time.

export interface TokenRate {
  readonly perSec: number;
  /** What may come together after a quiet time. */
  readonly burst: number;
}

/**
 * Holds one number: when it will be full again. Every token moves that moment by `1000 / perSec`
 * milliseconds. Times are `Clock.nowMs`.
 */
export class TokenBucket {
  readonly #stepMs: number;
  readonly #aheadMs: number;
  #fullMs = -Infinity;

  constructor({ perSec, burst }: TokenRate) {
    this.#stepMs = 1_000 / perSec;
    this.#aheadMs = (burst - 1) * this.#stepMs;
  }

  /** Takes a token if there is one. 0: taken; otherwise milliseconds until there is one. */
  take(nowMs: number): number {
    const waitMs = this.#waitMs(nowMs);
    if (waitMs === 0) this.#spend(nowMs);
    return waitMs;
  }

  /** Takes a token in any case, ahead of time if need be. Milliseconds to wait before using it. */
  reserve(nowMs: number): number {
    const waitMs = this.#waitMs(nowMs);
    this.#spend(nowMs);
    return waitMs;
  }

  #waitMs(nowMs: number): number {
    const waitMs = this.#fullMs - nowMs - this.#aheadMs;
    // Rounding must not make the last token of a burst too expensive.
    return waitMs > 1e-6 ? waitMs : 0;
  }

  #spend(nowMs: number): void {
    this.#fullMs = Math.max(this.#fullMs, nowMs) + this.#stepMs;
  }
}
