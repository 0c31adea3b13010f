// The failure detector of a session: pings the endpoint periodically.
import type { Clock, Close } from "../../../src/core/clock.ts";

export interface PingOptions {
  /** Time between pings, unless a reply takes longer; Infinity: no pings. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

const nothing: Close = () => {};

/** One ping at a time. Owns a timer from `start` to `close`. */
export class PingDetector {
  readonly #options: PingOptions;
  readonly #clock: Clock;
  readonly #ping: () => void;
  readonly #silent: () => void;
  #sentMs = -1;
  #stop: Close = nothing;

  /** `ping` sends one; `silent` is called once, when a reply is late. */
  constructor(options: PingOptions, clock: Clock, ping: () => void, silent: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#ping = ping;
    this.#silent = silent;
  }

  /** Sends the first ping immediately. */
  start(): void {
    if (this.#options.pingIntervalMs !== Infinity) this.#send();
  }

  replied(): void {
    if (this.#sentMs < 0) return;
    const tookMs = this.#clock.nowMs() - this.#sentMs;
    this.#sentMs = -1;
    this.#stop();
    const pauseMs = Math.max(0, this.#options.pingIntervalMs - tookMs);
    this.#stop = this.#clock.after(pauseMs, () => this.#send());
  }

  close(): void {
    this.#stop();
    this.#stop = nothing;
    this.#sentMs = -1;
  }

  #send(): void {
    this.#sentMs = this.#clock.nowMs();
    this.#stop = this.#clock.after(this.#options.pingTimeoutMs, this.#silent);
    this.#ping();
  }
}
