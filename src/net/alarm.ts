// A deadline that moves with every request and costs a timer only now and then.
import type { Clock, Close } from "../core/clock.ts";

const noTimer: Close = () => {};

/**
 * Calls `ring` when the due time has passed. Moving the due time later, or clearing it, only writes
 * a number: the timer that is running looks at it when it fires, and starts again if it is early.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #dueMs = Infinity;
  #timerMs = Infinity;
  #stop: Close = noTimer;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** `dueMs` is in `Clock.nowMs` time; Infinity clears. Replaces what was set before. */
  set(dueMs: number): void {
    this.#dueMs = dueMs;
    if (dueMs < this.#timerMs) this.#start();
  }

  clear(): void {
    this.#dueMs = Infinity;
  }

  /** Stops the timer as well: for the end of life. */
  close(): void {
    this.#dueMs = this.#timerMs = Infinity;
    this.#stop();
    this.#stop = noTimer;
  }

  #start(): void {
    this.#stop();
    this.#timerMs = this.#dueMs;
    this.#stop = this.#clock.after(this.#dueMs - this.#clock.nowMs(), () => {
      this.#timerMs = Infinity;
      this.#stop = noTimer;
      if (this.#dueMs === Infinity) return;
      if (this.#clock.nowMs() < this.#dueMs) return this.#start();
      this.#dueMs = Infinity;
      this.#ring();
    });
  }
}
