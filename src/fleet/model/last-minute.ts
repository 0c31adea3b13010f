// How fast a total grew in the last minute, from totals that come at any times.
import { slotMs } from "./history.ts";
import type { Place } from "./slab.ts";

const marks = 7;
/** Time, requests, failures of each mark. */
export const numbersInMarks = marks * 3;

export interface Growth {
  /** 0: too little was seen to say. */
  readonly overMs: number;
  readonly requests: number;
  readonly failures: number;
}

/** Remembers the first totals of each ten seconds, so that a difference is exact for the time it spans. */
export class LastMinute {
  readonly #marks: Float64Array;
  readonly #base: number;
  #slot = -1;
  #atMs = 0;
  #requests = 0;
  #failures = 0;

  /** The place is somebody else's. */
  constructor({ values, at }: Place<Float64Array>) {
    this.#marks = values;
    this.#base = at;
  }

  add(wallMs: number, requests: number, failures: number): void {
    this.#atMs = wallMs;
    this.#requests += requests;
    this.#failures += failures;
    const slot = Math.floor(wallMs / slotMs);
    if (slot === this.#slot) return;
    this.#slot = slot;
    this.#marks.set([wallMs, this.#requests, this.#failures], this.#base + (slot % marks) * 3);
  }

  growth(wallMs: number): Growth {
    const oldestMs = wallMs - 60_000;
    if (this.#atMs < oldestMs) return { overMs: 60_000, requests: 0, failures: 0 };
    let from = -1;
    const end = this.#base + numbersInMarks;
    for (let at = this.#base; at < end; at += 3) {
      const ms = this.#marks[at]!;
      if (ms >= oldestMs && (from === -1 || ms < this.#marks[from]!)) from = at;
    }
    if (from === -1) return { overMs: 0, requests: 0, failures: 0 };
    return {
      overMs: this.#atMs - this.#marks[from]!,
      requests: this.#requests - this.#marks[from + 1]!,
      failures: this.#failures - this.#marks[from + 2]!,
    };
  }
}
