// Whether a value that a server no longer has is really gone.
import type { Clock, Close } from "../../core/clock.ts";

/** How long a value stays that has gone from a server that was away or lost its state. */
const doubtMs = 30_000;
/** The same after a 404, which one mistake on the way gives for everything that there is. */
const doubtOf404Ms = 1_000;

/**
 * Only a good response may take away what a good response gave: the one that raised the doubt does
 * not count, and neither does time. A second one is needed, after the doubt has lasted a while.
 */
export class Doubt {
  readonly #clock: Clock;
  readonly #askAgain: () => void;
  #state: "none" | "waiting" | "over" = "none";
  #cancel: Close = () => {};

  /** `askAgain` is called when the time for a second response has come. */
  constructor(clock: Clock, askAgain: () => void) {
    this.#clock = clock;
    this.#askAgain = askAgain;
  }

  get isOn(): boolean {
    return this.#state !== "none";
  }

  /**
   * Takes a good response without the value. Returns whether the value is gone. `why` null: nothing
   * is doubtful about this response itself. Called with true when a doubt begins.
   */
  confirms(why: "restart" | "404" | null, onBegin: () => void): boolean {
    if (this.#state === "over") return true;
    if (this.#state === "waiting") return false;
    if (why === null) return true;
    onBegin();
    this.#state = "waiting";
    this.#cancel = this.#clock.after(why === "404" ? doubtOf404Ms : doubtMs, () => {
      this.#state = "over";
      this.#askAgain();
    });
    return false;
  }

  end(): void {
    this.#cancel();
    this.#state = "none";
  }
}
