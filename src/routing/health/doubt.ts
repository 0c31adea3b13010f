// Keeps calls away from an endpoint that fails them, before accrual has seen enough to eject it.
import type { Counter } from "../../core/stats.ts";

/** About so many of the latest calls make up a rate of failures. */
const rateWindow = 500;
const rateDecay = 1 - 1 / rateWindow;
/** No endpoint is taken to fail more seldom than this, however few failures were seen. */
const minRate = 0.001;
/** Failures in a row that would be less probable than one in a million at the usual rate are no accident. */
const decisive = Math.log(1e6) - 0.01;
/** An endpoint in doubt gets one call at a time, or one in so long when they take longer. */
const maxTestMs = 1_000;
/** A good response so soon after a failure, to a call that began before it, may have been on its way already. */
const maxOldNewsMs = 50;
/** The first test of those held back comes so soon, the next four times as late, up to the last. */
const minIntervalMs = 500;
const maxIntervalMs = 15_000;
const intervalGrowth = 4;
/** For so long it holds that no endpoint is good. */
const lookAgainMs = 100;

/** The share of calls that failed of late. Failures count when a good response has ended their row. */
class FailureRate {
  value = 0;

  succeeded(failuresBefore: number): void {
    this.value *= rateDecay;
    if (failuresBefore > 0) this.value += failuresBefore / rateWindow;
  }
}

export interface DoubtsDeps {
  /** Endpoints held back. */
  readonly held: Counter;
  /** Whether an endpoint beside this one is open and has had next to no failures. */
  hasGoodBeside(doubt: Doubt): boolean;
  /** For people: an endpoint is held back for about `forMs`, or (null) no longer. */
  changed(doubt: Doubt, forMs: number | null): void;
}

/**
 * One for a cluster. An endpoint that has failed a call is in doubt until it responds well: it gets one call at
 * a time, so that a failure now and then costs it next to nothing. Failures in a row that its rate of failures,
 * or the cluster's, does not explain hold it back. Those held back are tested in turns, one call after 0.5 s, one
 * 2 s later, 8 s later, then every 15 s, whatever their number. The first that responds well ends it for all: what befell
 * them together may be over for all.
 */
export class Doubts {
  readonly rate = new FailureRate();
  readonly #deps: DoubtsDeps;
  /** The next to be tested first. */
  #held: Doubt[] = [];
  #nextTestMs = Infinity;
  #intervalMs = minIntervalMs;
  #lookAgainMs = -Infinity;

  constructor(deps: DoubtsDeps) {
    this.#deps = deps;
  }

  /** When one of those held back may get a call. */
  get nextTestMs(): number {
    return this.#nextTestMs;
  }

  /** Looks at all endpoints; when none is good, not again for a moment. */
  mayHold(doubt: Doubt, nowMs: number): boolean {
    if (nowMs < this.#lookAgainMs) return false;
    if (this.#deps.hasGoodBeside(doubt)) return true;
    this.#lookAgainMs = nowMs + lookAgainMs;
    return false;
  }

  hold(doubt: Doubt, nowMs: number): void {
    if (this.#held.length === 0) this.#nextTestMs = nowMs + this.#intervalMs;
    this.#held.push(doubt);
    this.#deps.held.value++;
    this.#deps.changed(doubt, this.#nextTestMs - nowMs);
  }

  /** Whether the next call may be its test. One that no call goes to loses its turn. */
  isNext(doubt: Doubt, nowMs: number): boolean {
    if (nowMs < this.#nextTestMs) return false;
    if (nowMs >= this.#nextTestMs + maxTestMs) {
      this.#rotate();
      this.#nextTestMs = nowMs;
    }
    return this.#held[0] === doubt;
  }

  testBegan(nowMs: number): void {
    this.#rotate();
    this.#intervalMs = Math.min(maxIntervalMs, this.#intervalMs * intervalGrowth);
    this.#nextTestMs = nowMs + this.#intervalMs;
  }

  /** One of those held back has responded well. */
  release(): void {
    const released = this.#held;
    this.#held = [];
    this.#intervalMs = minIntervalMs;
    for (const doubt of released) {
      doubt.released();
      this.#deps.changed(doubt, null);
    }
  }

  /** It is gone. */
  forget(doubt: Doubt): void {
    this.#held = this.#held.filter((each) => each !== doubt);
  }

  #rotate(): void {
    const first = this.#held.shift();
    if (first !== undefined) this.#held.push(first);
  }
}

/** Of one endpoint. */
export class Doubt {
  /** In a row, and each known before the next call began; 0: there is no doubt. */
  failures = 0;
  /** Of its endpoint. */
  readonly name: string;
  readonly #doubts: Doubts;
  readonly #rate = new FailureRate();
  #isHeld = false;
  /** Calls in progress that began in doubt, and when the last one did. */
  #tests = 0;
  #testedMs = 0;
  /** When it last failed. */
  #failedMs = 0;

  constructor(name: string, doubts: Doubts) {
    this.name = name;
    this.#doubts = doubts;
  }

  /** When a call may come to it again; 0: it is not held back. */
  get heldUntilMs(): number {
    return this.#isHeld ? this.#doubts.nextTestMs : 0;
  }

  /** In doubt, whether calls should go elsewhere for now. */
  isBusy(nowMs: number): boolean {
    if (this.#isHeld) return !this.#doubts.isNext(this, nowMs);
    return this.#tests > 0 && nowMs - this.#testedMs < maxTestMs;
  }

  /** A call begins. True: in doubt, so that `testEnded` must follow. */
  began(nowMs: number): boolean {
    if (this.failures === 0) return false;
    if (this.#isHeld && this.#doubts.isNext(this, nowMs)) this.#doubts.testBegan(nowMs);
    this.#tests++;
    this.#testedMs = nowMs;
    return true;
  }

  testEnded(): void {
    this.#tests--;
  }

  /** `isTest`: see `failed`. */
  succeeded(isTest: boolean, nowMs: number): void {
    if (this.failures > 0 && !isTest && nowMs - this.#failedMs < maxOldNewsMs) return;
    this.#rate.succeeded(this.failures);
    this.#doubts.rate.succeeded(this.failures);
    if (this.failures === 0) return;
    this.failures = 0;
    if (this.#isHeld) this.#doubts.release();
  }

  /** `isTest`: the call began in doubt. Others that fail with the first one say nothing more: one cause may have ended them all. */
  failed(isTest: boolean, nowMs: number): void {
    if (this.failures > 0 && !isTest) return;
    this.failures++;
    this.#failedMs = nowMs;
    if (this.#isHeld || !this.#isDecided || !this.#doubts.mayHold(this, nowMs)) return;
    this.#isHeld = true;
    this.#doubts.hold(this, nowMs);
  }

  /** It is not held back any more, but still in doubt unless it was the one that responded well. */
  released(): void {
    this.#isHeld = false;
  }

  /** Its endpoint has left. */
  forget(): void {
    if (this.#isHeld) this.#doubts.forget(this);
    this.#isHeld = false;
  }

  get #isDecided(): boolean {
    const rate = Math.max(minRate, this.#rate.value, this.#doubts.rate.value);
    return -Math.log(Math.min(1, rate)) * this.failures >= decisive;
  }
}
