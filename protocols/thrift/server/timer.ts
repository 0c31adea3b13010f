// The alarm of a caller's connection: the limit of its current state that ends first.
import type { Clock } from "../../../src/core/clock.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import type { DrainWatch } from "./drain-watch.ts";
import type { ServerLimits } from "./settings.ts";

/** `half-closed`: its caller has sent a FIN and awaits a response. `stalled`: it should send or read. */
export type Activity = "idle" | "busy" | "stalled" | "half-closed";

export class ConnectionTimer {
  readonly #clock: Clock;
  readonly #limits: ServerLimits;
  readonly #drain: DrainWatch;
  readonly #alarm: Alarm;
  readonly #openedMs: number;

  constructor(clock: Clock, limits: ServerLimits, drain: DrainWatch, timedOut: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#drain = drain;
    this.#alarm = new Alarm(clock, timedOut);
    this.#openedMs = clock.nowMs();
  }

  /** Restarts the time limit of the state. */
  watch(activity: Activity): void {
    const nowMs = this.#clock.nowMs();
    const { halfCloseGraceMs, stallTimeoutMs } = this.#limits;
    if (activity === "half-closed") this.#alarm.set(nowMs + halfCloseGraceMs);
    else if (activity === "stalled") this.#alarm.set(nowMs + stallTimeoutMs);
    else if (!this.#drain.hasBegun) this.#watchAge(nowMs);
    else if (activity === "busy") this.#alarm.clear();
    else this.#alarm.set(this.#drain.closesAtMs(nowMs));
  }

  get isOld(): boolean {
    return this.#clock.nowMs() >= this.#openedMs + this.#limits.lifeTimeMs;
  }

  close(): void {
    this.#alarm.close();
  }

  #watchAge(nowMs: number): void {
    const { idleTimeMs, lifeTimeMs } = this.#limits;
    if (idleTimeMs === Infinity && lifeTimeMs === Infinity) this.#alarm.clear();
    else this.#alarm.set(Math.min(nowMs + idleTimeMs, this.#openedMs + lifeTimeMs));
  }
}
