// The calls of one scope of one instance: totals as it sent them, and what came in when.
import type { CallRow } from "../page/format.ts";
import { numbersInRing, Ring, slotMs } from "./history.ts";
import { LastMinute, numbersInMarks } from "./last-minute.ts";
import { Slabs } from "./slab.ts";
import type { Place } from "./slab.ts";
import type { Figures, Point } from "../views/shapes.ts";

/** Of all series of one fleet. */
export class SeriesMemory {
  readonly rings = new Slabs<Float32Array>(numbersInRing, (length) => new Float32Array(length));
  readonly marks = new Slabs<Float64Array>(numbersInMarks, (length) => new Float64Array(length));
}

export const noFigures: Figures = {
  perSecond: 0,
  successRate: null,
  p50Ms: null,
  p99Ms: null,
  meanMs: null,
};

/** Below so much observation, an instance's own figures are better. */
const observedLongEnoughMs = 10_000;

export class CallSeries {
  /** Wall time of the last page that had it, in ms. */
  seenMs = 0;
  /** The newest slice whose latencies were taken. */
  lastSlice = -1;
  pending = 0;
  #requests = 0;
  #successes = 0;
  #failures = 0;
  #p50Ms = 0;
  #p99Ms = 0;
  #recentCount = 0;
  #recentSumMs = 0;
  #recentWindowMs = 60_000;
  readonly #memory: SeriesMemory;
  readonly #marks: Place<Float64Array>;
  readonly #places: readonly Place<Float32Array>[];
  readonly #lastMinute: LastMinute;
  readonly #fine: Ring | null;
  readonly #coarse: Ring | null;

  /** Without a history, only the last minute is kept: a fifth of the memory. */
  constructor(memory: SeriesMemory, hasHistory: boolean) {
    this.#memory = memory;
    this.#marks = memory.marks.take();
    this.#lastMinute = new LastMinute(this.#marks);
    this.#places = hasHistory ? [memory.rings.take(), memory.rings.take()] : [];
    const [fine, coarse] = this.#places;
    this.#fine = fine === undefined ? null : new Ring(fine, slotMs);
    this.#coarse = coarse === undefined ? null : new Ring(coarse, 60_000);
  }

  /** Nothing may be asked of it any more. */
  close(): void {
    this.#memory.marks.giveBack(this.#marks);
    for (const place of this.#places) this.#memory.rings.giveBack(place);
  }

  /** `isFirst`: the totals are of a time that was not observed. */
  update(row: CallRow, wallMs: number, windowMs: number, isFirst: boolean): void {
    const [, , , requests, successes, failures, pending, p50Ms, p99Ms, count, sumMs] = row;
    const from = isFirst ? { requests, failures } : this.#totalsBefore(requests);
    const failed = Math.max(0, failures - from.failures);
    const called = requests - from.requests;
    this.#lastMinute.add(wallMs, called, failed);
    this.#fine?.add(wallMs, called, failed);
    this.#coarse?.add(wallMs, called, failed);
    [this.#requests, this.#successes, this.#failures] = [requests, successes, failures];
    [this.pending, this.#p50Ms, this.#p99Ms] = [pending, p50Ms, p99Ms];
    [this.#recentCount, this.#recentSumMs, this.#recentWindowMs] = [count, sumMs, windowMs];
  }

  /** Its process was started again. */
  restart(): void {
    this.#requests = this.#successes = this.#failures = 0;
    this.lastSlice = -1;
  }

  figures(wallMs: number): Figures {
    const hasPercentiles = this.#recentCount > 0;
    const { overMs, requests, failures } = this.#lastMinute.growth(wallMs);
    const isObserved = overMs >= observedLongEnoughMs;
    return {
      perSecond: isObserved
        ? (requests * 1_000) / overMs
        : (this.#recentCount * 1_000) / Math.max(1, this.#recentWindowMs),
      successRate: isObserved
        ? rateOf(requests, failures)
        : rateOf(this.#successes + this.#failures, this.#failures),
      p50Ms: hasPercentiles ? this.#p50Ms : null,
      p99Ms: hasPercentiles ? this.#p99Ms : null,
      meanMs: hasPercentiles ? this.#recentSumMs / this.#recentCount : null,
    };
  }

  /** Calls and the sum of their latencies in the last minute, as the instance counted them. */
  recent(): { readonly count: number; readonly sumMs: number } {
    return { count: this.#recentCount, sumMs: this.#recentSumMs };
  }

  /** The last ten minutes, one point every ten seconds. */
  tenMinutes(wallMs: number): readonly Point[] {
    return this.#fine?.points(wallMs) ?? [];
  }

  /** The last hour, a point a minute; empty: it is not kept. */
  hour(wallMs: number): readonly Point[] {
    return this.#coarse?.points(wallMs) ?? [];
  }

  /** Totals that went down begin again at zero. */
  #totalsBefore(requests: number) {
    if (requests < this.#requests) return { requests: 0, failures: 0 };
    return { requests: this.#requests, failures: this.#failures };
  }
}

function rateOf(requests: number, failures: number): number | null {
  return requests <= 0 ? null : Math.max(0, 1 - failures / requests);
}
