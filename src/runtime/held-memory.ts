// How many bytes peers make this process hold: incomplete messages, calls in progress, unread responses.

/**
 * Counts bytes from the moment they are taken until they are dropped, not what the collector has
 * left: a dropped message frees its share immediately. Whoever takes bytes releases as many.
 */
class HeldMemory {
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

/** One for the process: so is its memory. */
export const heldMemory = new HeldMemory();
