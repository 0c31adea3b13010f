// The failure detector of a session: asks from time to time whether the endpoint is alive.
import type { Clock, Close } from "../../../src/core/clock.ts";

export interface PingOptions {
  /** From an answer to the next question, less the time the answer took; Infinity: never asks. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

const nothing: Close = () => {};

/** One question at a time. Owns a timer from `start` to `close`. */
export class PingDetector {
  readonly #options: PingOptions;
  readonly #clock: Clock;
  readonly #ping: () => void;
  readonly #silent: () => void;
  #askedMs = -1;
  #stop: Close = nothing;

  /** `ping` sends one; `silent` is told once, when an answer did not come in time. */
  constructor(options: PingOptions, clock: Clock, ping: () => void, silent: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#ping = ping;
    this.#silent = silent;
  }

  /** The first question at once. */
  start(): void {
    if (this.#options.pingIntervalMs !== Infinity) this.#ask();
  }

  answered(): void {
    if (this.#askedMs < 0) return;
    const tookMs = this.#clock.nowMs() - this.#askedMs;
    this.#askedMs = -1;
    this.#stop();
    const pauseMs = Math.max(0, this.#options.pingIntervalMs - tookMs);
    this.#stop = this.#clock.after(pauseMs, () => this.#ask());
  }

  close(): void {
    this.#stop();
    this.#stop = nothing;
    this.#askedMs = -1;
  }

  #ask(): void {
    this.#askedMs = this.#clock.nowMs();
    this.#stop = this.#clock.after(this.#options.pingTimeoutMs, this.#silent);
    this.#ping();
  }
}
