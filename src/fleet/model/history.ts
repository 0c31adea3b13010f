// What was counted in the last hour, in two rings of a fixed size: ten seconds a slot, and a minute.
import type { Place } from "./slab.ts";
import type { Point } from "../views/shapes.ts";

export const slotMs = 10_000;
export const slotsPerMinute = 6;
/** Of both rings: ten minutes, and an hour. */
const slotsInRing = 60;

/** What one slot holds: calls and failures. */
const fields = 2;
export const numbersInRing = slotsInRing * fields;

export function slotOf(wallMs: number): number {
  return Math.floor(wallMs / slotMs);
}

/** A ring of slots with consecutive numbers, in a place that somebody else owns. */
export class Ring {
  readonly #slotMs: number;
  readonly #values: Float32Array;
  readonly #base: number;
  /** The newest slot that was written; -1: none. */
  #last = -1;

  constructor({ values, at }: Place<Float32Array>, ofMs: number) {
    this.#values = values;
    this.#base = at;
    this.#slotMs = ofMs;
  }

  /** Slots never go back: what comes late counts in the newest. */
  add(wallMs: number, requests: number, failures: number): void {
    const at = this.#at(Math.floor(wallMs / this.#slotMs));
    this.#values[at]! += requests;
    this.#values[at + 1]! += failures;
  }

  /** The slots that are kept up to the one of `wallMs`, oldest first. */
  points(wallMs: number): Point[] {
    const now = Math.floor(wallMs / this.#slotMs);
    return Array.from({ length: slotsInRing }, (_, i) => {
      const slot = now - slotsInRing + 1 + i;
      const at = this.#placeOf(slot);
      const isKept = slot <= this.#last && slot > this.#last - slotsInRing;
      const value = (field: number) => (isKept ? this.#values[at + field]! : 0);
      return { atMs: slot * this.#slotMs, requests: value(0), failures: value(1) };
    });
  }

  #placeOf(slot: number): number {
    return this.#base + (slot % slotsInRing) * fields;
  }

  /** Where a slot begins in `#values`; slots that were skipped are emptied. */
  #at(slot: number): number {
    const last = this.#last;
    if (slot > last) {
      const from = last === -1 ? slot : Math.max(last + 1, slot - slotsInRing + 1);
      for (let each = from; each <= slot; each += 1) {
        const at = this.#placeOf(each);
        this.#values.fill(0, at, at + fields);
      }
      this.#last = slot;
    }
    return this.#placeOf(Math.max(slot, last));
  }
}
