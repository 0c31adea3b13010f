// The calls of one router that are kept, and which of those that end are worth it.
import type { CallListener, CallView } from "../../core/calls/hub.ts";
import type { CallRecord } from "../../core/calls/record.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import { Ring } from "./ring.ts";
import { Slowest } from "./slowest.ts";

export interface RecentOptions {
  /** The share of all calls in the sample, 0 to 1. */
  readonly sampleRate: number;
  /** How many of the sample are kept; of those that failed; and of the slowest. */
  readonly capacity: number;
  readonly failed: number;
  readonly slowest: number;
}

/** Why a call is kept. */
export type Kept = "failed" | "slow" | "sample";

/** A record costs some microseconds: a flood of failures must not spend more than a few ms a second on them. */
const maxFailedPerSec = 200;
/** Whoever sends garbage must not push out the calls of others. */
const maxRefusedPerSec = 10;
const maxSlowPerSec = 50;
const maxSampledPerSec = 50;
/** Of `failed`, for what was never a call. */
const refusedShare = 4;

export class RouterRecent implements CallListener {
  /** Calls that were left out because too many came together. */
  skipped = 0;
  readonly #failed: Ring<CallRecord>;
  readonly #refused: Ring<CallRecord>;
  readonly #sampled: Ring<CallRecord>;
  readonly #slowest: Slowest<CallRecord>;
  readonly #mayFail = bucket(maxFailedPerSec);
  readonly #mayRefuse = bucket(maxRefusedPerSec);
  readonly #maySlow = bucket(maxSlowPerSec);
  readonly #maySample = bucket(maxSampledPerSec);
  readonly #sampleRate: number;
  readonly #keepsFailed: boolean;
  /** The sample gets a call when this reaches 1. */
  #due: number;
  // Set by `wants` for the `take` that follows.
  #isFailed = false;
  #isRefused = false;
  #isSlow = false;
  #isSampled = false;
  #durationMs = 0;
  #endedMs = 0;

  constructor({ sampleRate, capacity, failed, slowest }: RecentOptions) {
    this.#sampleRate = capacity === 0 ? 0 : sampleRate;
    // The first call of all is in the sample.
    this.#due = this.#sampleRate === 0 ? 0 : 1 - this.#sampleRate;
    this.#keepsFailed = failed > 0;
    this.#failed = new Ring(failed);
    this.#refused = new Ring(Math.ceil(failed / refusedShare));
    this.#sampled = new Ring(capacity);
    this.#slowest = new Slowest(slowest);
  }

  wants(call: CallView): boolean {
    const { durationMs, endedMs } = call;
    this.#due += this.#sampleRate;
    const isDue = this.#due >= 1;
    const isSlow = durationMs > this.#slowest.thresholdMs || endedMs >= this.#slowest.nextExpiryMs;
    const isFailed = call.outcome === "failure" && this.#keepsFailed;
    if (!isDue && !isSlow && !isFailed) return false;
    return this.#decide(call, isDue, isSlow, isFailed);
  }

  take(record: CallRecord): void {
    if (this.#isFailed) (this.#isRefused ? this.#refused : this.#failed).add(record);
    if (this.#isSlow) this.#slowest.add(record, this.#durationMs, this.#endedMs);
    if (this.#isSampled) this.#sampled.add(record);
  }

  /** Every call that is kept at this moment, with the reasons. */
  calls(nowMs: number): ReadonlyMap<CallRecord, readonly Kept[]> {
    const found = new Map<CallRecord, Kept[]>();
    const note = (records: Iterable<CallRecord>, why: Kept) => {
      for (const record of records) {
        const reasons = found.get(record);
        if (reasons === undefined) found.set(record, [why]);
        else reasons.push(why);
      }
    };
    note(this.#failed.all(), "failed");
    note(this.#refused.all(), "failed");
    note(this.#slowest.all(nowMs), "slow");
    note(this.#sampled.all(), "sample");
    return found;
  }

  #decide(call: CallView, isDue: boolean, isSlow: boolean, isFailed: boolean): boolean {
    const { endedMs, durationMs, request } = call;
    if (isDue) this.#due %= 1;
    this.#endedMs = endedMs;
    this.#durationMs = durationMs;
    this.#isRefused = request === null;
    const mayFail = this.#isRefused ? this.#mayRefuse : this.#mayFail;
    this.#isFailed = isFailed && mayFail.take(endedMs) === 0;
    this.#isSlow =
      isSlow &&
      !call.isTunnel &&
      this.#slowest.isAmong(durationMs, endedMs) &&
      this.#maySlow.take(endedMs) === 0;
    this.#isSampled = isDue && this.#maySample.take(endedMs) === 0;
    if (this.#isFailed || this.#isSlow || this.#isSampled) return true;
    if (isFailed || isDue) this.skipped++;
    return false;
  }
}

function bucket(perSec: number): TokenBucket {
  return new TokenBucket({ perSec, burst: perSec });
}
