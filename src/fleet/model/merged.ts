// One service over all instances: their histograms added up, bucket by bucket, so that percentiles are
// those of all calls.
import { bucketCount, middleOf, percentiles } from "../../telemetry/histogram.ts";
import type { SliceRow } from "../page/format.ts";
import { slotOf, slotsPerMinute } from "./history.ts";
import type { Percentiles } from "../views/shapes.ts";

const minutesKept = 60;
/** A slice ends up to ten seconds after its slot began, and arrives a little later. */
const slotsKept = slotsPerMinute + 3;

export class MergedHistogram {
  #counts = new Uint32Array(0);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(slice: SliceRow): void {
    const [, sum = 0, max = 0] = slice;
    for (let at = 3; at + 1 < slice.length; at += 2) {
      const bucket = slice[at]!;
      const count = slice[at + 1]!;
      if (!Number.isInteger(bucket) || bucket >= bucketCount) continue;
      if (bucket >= this.#counts.length) this.#widen(bucket);
      this.#counts[bucket]! += count;
      this.#count += count;
    }
    this.#sum += sum;
    this.#max = Math.max(this.#max, max);
  }

  addAll(other: MergedHistogram): void {
    if (other.#counts.length > this.#counts.length) this.#widen(other.#counts.length - 1);
    for (const [bucket, count] of other.#counts.entries()) this.#counts[bucket]! += count;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  /** null: no calls. */
  percentiles(): Percentiles | null {
    if (this.#count === 0) return null;
    const [p50 = 0, p90 = 0, p95 = 0, p99 = 0, p999 = 0] = this.#read();
    const meanMs = this.#sum / this.#count;
    return { count: this.#count, meanMs, maxMs: this.#max, p50, p90, p95, p99, p999 };
  }

  #read(): number[] {
    let bucket = -1;
    let running = 0;
    return percentiles.map((share) => {
      const rank = Math.ceil(share * this.#count);
      while (running < rank && bucket + 1 < this.#counts.length) {
        bucket += 1;
        running += this.#counts[bucket]!;
      }
      return Math.min(this.#max, middleOf(Math.max(0, bucket)));
    });
  }

  #widen(bucket: number): void {
    const wider = new Uint32Array(Math.min(bucketCount, ((bucket >> 5) + 1) << 5));
    wider.set(this.#counts);
    this.#counts = wider;
  }
}

/** The latencies of a service, as its callers' routers measured them. */
export class MergedService {
  readonly router: string;
  readonly name: string;
  readonly #slots = new Map<number, MergedHistogram>();
  readonly #minutes = new Map<number, MergedHistogram>();

  constructor(router: string, name: string) {
    this.router = router;
    this.name = name;
  }

  /** `wallMs`: when the slice ended. */
  add(slice: SliceRow, wallMs: number): void {
    histogramAt(this.#slots, slotOf(wallMs)).add(slice);
    histogramAt(this.#minutes, Math.floor(wallMs / 60_000)).add(slice);
  }

  lastMinute(wallMs: number): Percentiles | null {
    const total = new MergedHistogram();
    const now = slotOf(wallMs);
    for (const [slot, histogram] of this.#slots) {
      if (slot > now - slotsPerMinute) total.addAll(histogram);
    }
    return total.percentiles();
  }

  /** All that is kept: up to an hour. */
  lastHour(wallMs: number): Percentiles | null {
    const total = new MergedHistogram();
    const now = Math.floor(wallMs / 60_000);
    for (const [minute, histogram] of this.#minutes) {
      if (minute > now - minutesKept) total.addAll(histogram);
    }
    return total.percentiles();
  }

  /** By minute, oldest first. */
  hour(wallMs: number): readonly { readonly atMs: number; readonly latency: Percentiles | null }[] {
    const now = Math.floor(wallMs / 60_000);
    return Array.from({ length: minutesKept }, (_, i) => {
      const minute = now - minutesKept + 1 + i;
      return { atMs: minute * 60_000, latency: this.#minutes.get(minute)?.percentiles() ?? null };
    });
  }

  /** Drops what is too old; true: nothing is left. */
  prune(wallMs: number): boolean {
    const slot = slotOf(wallMs);
    const minute = Math.floor(wallMs / 60_000);
    for (const each of this.#slots.keys()) if (each <= slot - slotsKept) this.#slots.delete(each);
    for (const each of this.#minutes.keys()) {
      if (each <= minute - minutesKept) this.#minutes.delete(each);
    }
    return this.#minutes.size === 0;
  }
}

function histogramAt(kept: Map<number, MergedHistogram>, number: number): MergedHistogram {
  let found = kept.get(number);
  if (found === undefined) {
    found = new MergedHistogram();
    kept.set(number, found);
  }
  return found;
}
