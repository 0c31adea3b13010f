// When a connection may close without losing a call. Thrift has no message that announces a close.
import { nextCallWaitMs } from "../../../src/net/connections.ts";

/** A caller that pauses this long between response and call has read a FIN sent with the response. */
const minGapMs = 2;

/** Other callers may be closed when they have sent nothing for this long after a response. */
const pauseMs = 5;

/**
 * A call that crosses a FIN is lost. A caller that pauses between its calls is closed together with a
 * response; one that sends its next call right after a response, or several at a time, is served until
 * it pauses; an idle one gets a moment for its next call.
 */
export class DrainWatch {
  hasBegun = false;
  /** How long the caller paused before its current call. 0: it did not wait for its last response. */
  #gapMs = 0;
  #respondedMs = 0;
  /** Since its last response the caller has sent nothing. */
  #isInPause = false;
  #hasLookedAgain = false;

  begin(): void {
    this.hasBegun = true;
    this.#isInPause = false;
  }

  /** `inProgress`: the calls before this one that have not ended. */
  called(nowMs: number, inProgress: number): void {
    this.#gapMs = inProgress > 0 ? 0 : nowMs - this.#respondedMs;
    this.#isInPause = this.#hasLookedAgain = false;
  }

  responded(nowMs: number): void {
    this.#respondedMs = nowMs;
    this.#isInPause = true;
  }

  /** The last response was to a caller that pauses. */
  get isSafe(): boolean {
    return this.#isInPause && this.#gapMs >= minGapMs;
  }

  /** When an idle connection may close, unless a call comes first. */
  closesAtMs(nowMs: number): number {
    return nowMs + (this.#isInPause ? pauseMs : nextCallWaitMs);
  }

  /** True once: the time has passed, but bytes that have arrived may not have been read. */
  looksAgain(): boolean {
    if (this.#hasLookedAgain) return false;
    this.#hasLookedAgain = true;
    return true;
  }
}
