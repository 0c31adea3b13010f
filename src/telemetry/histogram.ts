// A log-linear histogram with two ranges: the samples of the last minute, and all since the start.
import type { Histogram } from "../core/stats.ts";

/** Samples are collected in time slices of this length; the window is the last few slices. */
export const sliceMs = 10_000;
/** The slice in progress and the ones before it: the last 50 to 60 seconds. */
const slicesInWindow = 6;

/** The number of the slice in progress. The owner of the metrics adds one every `sliceMs`. */
export interface CurrentSlice {
  slice: number;
}

/** Summarises the last minute. Percentiles are at most 1.6 % off, all other numbers are exact. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  /** One value for each of `percentiles`, in that order. */
  readonly atPercentile: readonly number[];
}

export const percentiles = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999] as const;

/** Larger values share the last bucket; sum and maximum stay exact. */
const largest = 2 ** 32 - 1;
export const bucketCount = bucketOf(largest) + 1;
const noCounts: number[] = [];
/** Scratch space in which a summary adds up its slices: summaries never overlap. */
const merged = new Float64Array(bucketCount);

/**
 * Buckets are one wide up to 64, then 32 to each octave, so that a bucket is never wider than 1/32
 * of its values. `value` is a whole number up to `largest`.
 */
function bucketOf(value: number): number {
  const shift = 26 - Math.clz32(value);
  return shift <= 0 ? value : (shift << 5) + (value >>> shift);
}

/** The middle of a bucket's values. */
export function middleOf(bucket: number): number {
  if (bucket < 64) return bucket;
  const width = 2 ** ((bucket >> 5) - 1);
  return ((bucket & 31) + 32) * width + Math.floor((width - 1) / 2);
}

/** The samples of one time slice, complete. */
export interface Slice {
  readonly number: number;
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/**
 * A record costs about 10 ns and reads no clock: the sample goes to the slice in progress, and the
 * first record after the slice number changed closes the previous slice. The counts grow as larger
 * values arrive, so an idle histogram is a few small objects. The slice in progress lives in the
 * histogram itself, and its counts are a plain array: with a thousand services, every object that a
 * record touches is a cache miss.
 */
export class WindowedHistogram implements Histogram {
  readonly kind = "histogram";
  readonly #slices: CurrentSlice;
  /** The number of the slice in progress, to which the fields up to `#max` belong. */
  #number: number;
  #count = 0;
  /** Zeros that are not in `#counts` yet: most samples of retries and of fast calls are 0. */
  #zeros = 0;
  #counts = noCounts;
  #sum = 0;
  #min = 0;
  #max = 0;
  /** Closed slices that are still in the window, oldest first. */
  readonly #closed: Slice[] = [];
  /** Sum of all closed slices since the start. Doubles: 32 bits would overflow within days. */
  #total: Float64Array = new Float64Array(0);
  #totalCount = 0;
  #totalSum = 0;

  constructor(slices: CurrentSlice) {
    this.#slices = slices;
    this.#number = slices.slice;
  }

  record(sample: number): void {
    if (this.#slices.slice !== this.#number) this.#close();
    const value = sample >= 0 ? sample : 0; // a clock that stepped back must not spoil the sum
    if (this.#count === 0 || value < this.#min) this.#min = value;
    this.#count += 1;
    if (value === 0) {
      this.#zeros += 1;
      return;
    }
    const bucket = value <= largest ? bucketOf(value >>> 0) : bucketCount - 1;
    if (bucket >= this.#counts.length) this.#counts = widened(this.#counts, bucket);
    this.#counts[bucket]! += 1;
    if (value > this.#max) this.#max = value;
    this.#sum += value;
  }

  /** Covers the last minute up to now. All zeros if nothing was recorded in it. */
  summary(): Summary {
    return this.#summaryOf(slicesInWindow);
  }

  /** Covers the last 10 to 20 seconds up to now: for curves that should not lag by a minute. */
  recent(): Summary {
    return this.#summaryOf(2);
  }

  /** Of the last so many slices, the one in progress included. */
  #summaryOf(slices: number): Summary {
    if (this.#slices.slice !== this.#number) this.#close();
    const oldest = this.#number - slices + 1;
    const shown = this.#closed.filter(({ count, number }) => count > 0 && number >= oldest);
    if (this.#count > 0) shown.push(this.#slice());
    const used = Math.max(0, ...shown.map((slice) => slice.counts.length));
    merged.fill(0, 0, used);
    const total = { count: 0, sum: 0, min: Infinity, max: 0 };
    for (const slice of shown) {
      addTo(merged, slice.counts);
      total.count += slice.count;
      total.sum += slice.sum;
      total.min = Math.min(total.min, slice.min);
      total.max = Math.max(total.max, slice.max);
    }
    if (total.count === 0) total.min = 0;
    const avg = total.count === 0 ? 0 : total.sum / total.count;
    return { ...total, avg, atPercentile: readPercentiles(total, used) };
  }

  /**
   * Counts all samples since the start: `atMost[i]` is the number of samples up to `bounds[i]`
   * (ascending). A bound includes its whole bucket: it is exact up to 64; above that, values up to
   * 3.1 % larger than the bound may be included.
   */
  since(bounds: readonly number[]): { atMost: number[]; count: number; sum: number } {
    if (this.#slices.slice !== this.#number) this.#close();
    const counts = this.#allCounts();
    const used = Math.max(this.#total.length, counts.length);
    const atMost: number[] = [];
    let running = 0;
    let next = 0;
    for (const bound of bounds) {
      const end = Math.min(used, bound >= largest ? bucketCount : bucketOf(bound) + 1);
      for (; next < end; next += 1) running += (this.#total[next] ?? 0) + (counts[next] ?? 0);
      atMost.push(running);
    }
    return { atMost, count: this.#totalCount + this.#count, sum: this.#totalSum + this.#sum };
  }

  /** The complete slices of the window behind slice `after`, oldest first. */
  slicesAfter(after: number): readonly Slice[] {
    if (this.#slices.slice !== this.#number) this.#close();
    return this.#closed.filter(({ number }) => number > after);
  }

  #slice(): Slice {
    const counts = this.#allCounts();
    const [number, count, sum] = [this.#number, this.#count, this.#sum];
    return { number, counts, count, sum, min: this.#min, max: this.#max };
  }

  #allCounts(): readonly number[] {
    if (this.#zeros > 0) {
      if (this.#counts.length === 0) this.#counts = widened(this.#counts, 0);
      this.#counts[0]! += this.#zeros;
      this.#zeros = 0;
    }
    return this.#counts;
  }

  /** Files the slice in progress, drops those that left the window, and starts the next one. */
  #close(): void {
    const now = this.#slices.slice;
    const ended = this.#slice();
    this.#addToTotal(ended);
    if (ended.count > 0) this.#closed.push(ended);
    while (this.#closed.length > 0 && this.#closed[0]!.number <= now - slicesInWindow) {
      this.#closed.shift();
    }
    this.#number = now;
    this.#counts = ended.count === 0 ? this.#counts : zeros(this.#counts.length);
    this.#count = this.#sum = this.#min = this.#max = 0;
  }

  #addToTotal(slice: Slice): void {
    if (slice.counts.length > this.#total.length) {
      const wider = new Float64Array(slice.counts.length);
      wider.set(this.#total);
      this.#total = wider;
    }
    if (slice.count === 0) return;
    addTo(this.#total, slice.counts);
    this.#totalCount += slice.count;
    this.#totalSum += slice.sum;
  }
}

function addTo(total: Float64Array, counts: readonly number[]): void {
  for (let bucket = 0; bucket < counts.length; bucket += 1) total[bucket]! += counts[bucket]!;
}

/** A copy with space for `bucket` and the rest of its octave. */
function widened(counts: readonly number[], bucket: number): number[] {
  const wider = zeros(Math.min(bucketCount, ((bucket >> 5) + 1) << 5));
  for (let i = 0; i < counts.length; i += 1) wider[i] = counts[i]!;
  return wider;
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);

/** The values in `merged` at each of `percentiles`. */
function readPercentiles(
  total: { readonly count: number; readonly min: number; readonly max: number },
  used: number,
): number[] {
  let bucket = -1;
  let running = 0;
  return percentiles.map((share) => {
    const rank = Math.ceil(share * total.count);
    while (running < rank && bucket + 1 < used) {
      bucket += 1;
      running += merged[bucket] ?? 0;
    }
    return Math.min(total.max, Math.max(total.min, middleOf(Math.max(0, bucket))));
  });
}
