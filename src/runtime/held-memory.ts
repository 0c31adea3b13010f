// How many bytes peers make this process hold: incomplete messages, calls in progress, unread responses.

import { totalmem } from "node:os";

/**
 * Counts bytes from the moment they are taken until they are dropped, not what the collector has
 * left: a dropped message frees its share immediately. Whoever takes bytes releases as many.
 */
export class HeldMemory {
  /** Infinity: no limit. */
  limitBytes = Infinity;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.limitBytes;
  }

  /** False, and nothing is taken: the limit would be exceeded. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.limitBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Regardless of the limit: for what is held already, or too little to refuse. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * The default limit: a quarter of the memory that the process may use. The rest is for code, metrics
 * and what the collector has not freed yet.
 */
export function defaultLimitBytes(): number {
  const constrained = constrainedMemory();
  return Math.floor(Math.min(totalmem(), constrained > 0 ? constrained : Infinity) / 4);
}

/** Of the control group; 0: unknown. Not in the oldest supported Node. */
function constrainedMemory(): number {
  const { constrainedMemory: read } = process as { constrainedMemory?: () => number | undefined };
  return read?.call(process) ?? 0;
}

/** One for the process: so is its memory. */
export const heldMemory = new HeldMemory();
