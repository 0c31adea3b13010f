// What was counted in the last hour, in two rings of a fixed size: ten seconds a slot, and a minute.
export const slotMs = 10_000;
export const slotsPerMinute = 6;

/** What one slot holds: calls, failures, and two percentiles in ms. */
const fields = 4;

export interface Point {
  /** Wall time of the slot's begin, in ms. */
  readonly atMs: number;
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function slotOf(wallMs: number): number {
  return Math.floor(wallMs / slotMs);
}

/** A ring of slots with consecutive numbers. */
export class Ring {
  readonly #size: number;
  readonly #slotMs: number;
  readonly #values: Float32Array;
  /** The newest slot that was written; -1: none. */
  #last = -1;

  constructor(size: number, ofMs: number) {
    this.#size = size;
    this.#slotMs = ofMs;
    this.#values = new Float32Array(size * fields);
  }

  /** Slots never go back: what comes late counts in the newest. */
  add(wallMs: number, requests: number, failures: number, p50Ms: number, p99Ms: number): void {
    const at = this.#at(Math.floor(wallMs / this.#slotMs));
    this.#values[at]! += requests;
    this.#values[at + 1]! += failures;
    this.#values[at + 2] = p50Ms;
    this.#values[at + 3] = p99Ms;
  }

  /** The slots that are kept up to the one of `wallMs`, oldest first. */
  points(wallMs: number): Point[] {
    const now = Math.floor(wallMs / this.#slotMs);
    const found: Point[] = [];
    for (let slot = now - this.#size + 1; slot <= now; slot += 1) {
      const at = (slot % this.#size) * fields;
      const isKept = slot <= this.#last && slot > this.#last - this.#size;
      const value = (field: number) => (isKept ? this.#values[at + field]! : 0);
      const [requests, failures] = [value(0), value(1)];
      found.push({
        atMs: slot * this.#slotMs,
        requests,
        failures,
        p50Ms: value(2),
        p99Ms: value(3),
      });
    }
    return found;
  }

  /** Where a slot begins in `#values`; slots that were skipped are emptied. */
  #at(slot: number): number {
    const last = this.#last;
    if (slot > last) {
      const from = last === -1 ? slot : Math.max(last + 1, slot - this.#size + 1);
      for (let each = from; each <= slot; each += 1) {
        const at = (each % this.#size) * fields;
        this.#values.fill(0, at, at + fields);
      }
      this.#last = slot;
    }
    return (Math.max(slot, last) % this.#size) * fields;
  }
}
