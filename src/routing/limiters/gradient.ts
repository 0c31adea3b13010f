// `kind: io.l5d.gradient`: as many calls at a time as the endpoints take without getting slower.
//
//   concurrency:
//     kind: io.l5d.gradient
//     minLimit: 3
//     maxLimit: 1000
//     windowMs: 100
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { integer } from "../../core/schema.ts";
import type { Limiter, LimiterPlugin } from "./limiter.ts";

export const gradient: LimiterPlugin = plugin({
  kind: "io.l5d.gradient",
  schema: v.pipe(
    v.strictObject({
      kind: v.literal("io.l5d.gradient"),
      minLimit: v.optional(integer(1), 3),
      maxLimit: v.optional(integer(1), 1_000),
      /** How often the limit is looked at. */
      windowMs: v.optional(integer(10), 100),
    }),
    v.check(({ minLimit, maxLimit }) => minLimit <= maxLimit, "expected minLimit <= maxLimit"),
  ),
  create: (config) => (nowMs) => new Gradient(config, nowMs),
});

interface GradientOptions {
  readonly minLimit: number;
  readonly maxLimit: number;
  readonly windowMs: number;
}

/** Fewer responses say nothing about the median: the window continues. */
const minSamples = 10;
/** More are not looked at in one window. */
const maxSamples = 1_000;
/** So much slower than the best is still good. */
const tolerance = 1.25;
/** The best median is forgotten after one to two times this. */
const bestMs = 30_000;
/** Windows at half the limit, to find the best median again under a load that never ends. */
const dipWindows = 3;

/**
 * After each window the limit follows the ratio of the best median latency to the latest, and gets
 * its root on top as room to explore: L = L * g + sqrt(L * g), g within 0.5 and 2. It does not grow
 * while less than half of it is used, since latency then says nothing about a higher limit; and the
 * best median is a rolling minimum, so that calls are never held back to measure it: only when a
 * limit was in the way all the time is it halved for a few windows.
 */
class Gradient implements Limiter {
  readonly #options: GradientOptions;
  readonly #samples = new Float64Array(maxSamples);
  #count = 0;
  #peak = 0;
  #windowEndMs: number;
  #exactLimit: number;
  /** The best medians of this period and of the one before. */
  #best = Infinity;
  #bestBefore = Infinity;
  #periodEndMs: number;
  #wasFull = true;
  #dipsLeft = 0;

  constructor(options: GradientOptions, nowMs: number) {
    this.#options = options;
    this.#exactLimit = Math.min(options.maxLimit, Math.max(options.minLimit, 8));
    this.#windowEndMs = nowMs + options.windowMs;
    this.#periodEndMs = nowMs + bestMs;
  }

  get limit(): number {
    const limit = this.#dipsLeft > 0 ? this.#exactLimit / 2 : this.#exactLimit;
    return Math.max(this.#options.minLimit, Math.floor(limit));
  }

  observe(nowMs: number, latencyMs: number, inProgress: number): void {
    if (inProgress > this.#peak) this.#peak = inProgress;
    if (this.#count < maxSamples) this.#samples[this.#count++] = latencyMs;
    if (nowMs >= this.#windowEndMs && this.#count >= minSamples) this.#windowEnded(nowMs);
  }

  #windowEnded(nowMs: number): void {
    const median = Math.max(medianOf(this.#samples.subarray(0, this.#count)), 0.1);
    this.#best = Math.min(this.#best, median);
    const isUsed = this.#peak >= this.limit / 2;
    if (this.#dipsLeft > 0) this.#dipsLeft--;
    else this.#follow(median, isUsed);
    this.#wasFull &&= this.#peak >= this.limit;
    if (nowMs >= this.#periodEndMs) this.#periodEnded(nowMs);
    this.#windowEndMs = nowMs + this.#options.windowMs;
    this.#count = 0;
    this.#peak = 0;
  }

  #follow(median: number, isUsed: boolean): void {
    const best = Math.min(this.#best, this.#bestBefore);
    const ratio = Math.min(2, Math.max(0.5, (best * tolerance) / median));
    const { minLimit, maxLimit } = this.#options;
    const aim = this.#exactLimit * ratio;
    const next = Math.min(maxLimit, Math.max(minLimit, aim + Math.sqrt(aim)));
    if (isUsed || next < this.#exactLimit) this.#exactLimit = next;
  }

  #periodEnded(nowMs: number): void {
    this.#bestBefore = this.#best;
    this.#best = Infinity;
    this.#periodEndMs = nowMs + bestMs;
    if (this.#wasFull) this.#dipsLeft = dipWindows;
    this.#wasFull = true;
  }
}

/** Sorts them. */
function medianOf(samples: Float64Array): number {
  samples.sort();
  return samples[samples.length >> 1] ?? 0;
}
