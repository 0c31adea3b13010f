// A deadline that moves with every request and costs a timer only now and then.
import type { Clock, Close } from "../core/clock.ts";

const noTimer: Close = () => {};

/**
 * Calls `ring` when the due time has passed. Moving the due time later, or clearing it, only writes a
 * number: the running timer compares it when it fires, and restarts if it is early.
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

  /** `dueMs` is in `Clock.nowMs` time; Infinity clears. Replaces the previous due time. */
  set(dueMs: number): void {
    this.#dueMs = dueMs;
    if (dueMs < this.#timerMs) this.#start();
  }

  clear(): void {
    this.#dueMs = Infinity;
  }

  /** Also stops the timer: for the end of life. */
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
