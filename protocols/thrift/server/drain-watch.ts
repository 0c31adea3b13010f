// When a connection may close without losing a call. Thrift has no message that announces a close.
import { nextCallWaitMs } from "../../../src/net/connections.ts";
import { recentTurnMs, turnNumber } from "../../../src/runtime/event-loop.ts";

/** A caller that pauses this long between response and call has read a FIN sent with the response. */
const minGapMs = 2;

/** Other callers may be closed when they have sent nothing for this long after a response. */
const minPauseMs = 50;

/** Of an event loop that is late: what it sends leaves, and what it reads came, up to a turn earlier or later. */
const turnsInGap = 2;
const turnsInPause = 10;

/** In which a connection of this process closed with a response. */
let lastTurn = -1;

/**
 * A call that crosses a FIN is lost. A caller that pauses between its calls is closed together with a
 * response; one that sends its next call right after a response, or several at a time, is served until
 * it pauses; an idle one gets a moment for its next call. Pauses are measured in turns of the event loop as
 * well as in time: a call that a late loop reads after 20 ms may have been sent immediately.
 */
export class DrainWatch {
  hasBegun = false;
  readonly #turnMs: () => number;
  /** How long the caller paused before its current call. 0: it did not wait for its last response. */
  #gapMs = 0;
  #respondedMs = 0;
  /** Since its last response the caller has sent nothing. */
  #isInPause = false;
  /** No call has been read since the pause was over. */
  isSilent = false;

  /** `turnMs`: how long turns of the event loop take at present. */
  constructor(turnMs: () => number = recentTurnMs) {
    this.#turnMs = turnMs;
  }

  begin(): void {
    this.hasBegun = true;
    this.#isInPause = false;
  }

  /** `inProgress`: the calls before this one that have not ended. */
  called(nowMs: number, inProgress: number): void {
    this.#gapMs = inProgress > 0 ? 0 : nowMs - this.#respondedMs;
    this.#isInPause = this.isSilent = false;
  }

  responded(nowMs: number): void {
    this.#respondedMs = nowMs;
    this.#isInPause = true;
  }

  /** The last response was to a caller that pauses. */
  get isSafe(): boolean {
    return this.#isInPause && this.#gapMs >= minGapMs + turnsInGap * this.#turnMs();
  }

  /**
   * Whether this is the first to close in this turn of the event loop: a FIN leaves in the turn after its
   * response, and the fewer there are, the sooner. The others serve their callers on.
   */
  takesTurn(): boolean {
    const turn = turnNumber();
    if (turn === lastTurn) return false;
    lastTurn = turn;
    return true;
  }

  /** When an idle connection may close, unless a call comes first. */
  closesAtMs(nowMs: number): number {
    if (!this.#isInPause) return nowMs + nextCallWaitMs;
    return nowMs + minPauseMs + turnsInPause * this.#turnMs();
  }

  /** The pause is over; bytes that have arrived may not have been read. */
  timedOut(): void {
    this.isSilent = true;
  }
}
