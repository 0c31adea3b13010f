// Time and chance are arguments: nothing below assemble.ts takes them from the process.

/** Releases what it came with. Idempotent. */
export type Close = () => void;

export interface Clock {
  /** Monotonic milliseconds, with fractions: for durations and deadlines. */
  nowMs(): number;
  /** Milliseconds since 1970-01-01 UTC: for people, logs and headers. */
  wallMs(): number;
  /**
   * Calls `run` once, not before `delayMs` have passed and at most a tick of the timer wheel
   * later. Does not keep the process alive. Closing it before it ran prevents it.
   */
  after(delayMs: number, run: () => void): Close;
}

/** A number in [0, 1), as `Math.random` gives it. Seeded in tests. */
export type Random = () => number;
