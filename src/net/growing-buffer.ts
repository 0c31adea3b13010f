// Bytes that arrive in pieces, kept in one contiguous buffer that doubles as they arrive.
import { Buffer } from "node:buffer";
import { heldMemory } from "../runtime/held-memory.ts";

/**
 * Never longer than `maxBytes`, which the owner checks: an announced length alone allocates nothing
 * beyond the first buffer. Its memory is counted until `release`, which the owner must call.
 */
export class GrowingBuffer {
  readonly #maxBytes: number;
  #bytes: Buffer;
  #length: number;

  /** `bytes[0, length)` is taken over as the beginning, without a copy. */
  constructor(bytes: Buffer, length: number, maxBytes: number) {
    this.#bytes = bytes;
    this.#length = length;
    this.#maxBytes = maxBytes;
    heldMemory.add(bytes.length);
  }

  static ofSize(firstBytes: number, maxBytes: number): GrowingBuffer {
    return new GrowingBuffer(Buffer.allocUnsafe(Math.min(firstBytes, maxBytes)), 0, maxBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes that are counted as held. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  /** Appends a copy of `source[start, end)`. False, and nothing is appended: no memory is left. */
  append(source: Buffer, start: number, end: number): boolean {
    const needed = this.#length + end - start;
    if (needed > this.#bytes.length && !this.#grow(needed)) return false;
    source.copy(this.#bytes, this.#length, start, end);
    this.#length = needed;
    return true;
  }

  /** What was appended; valid until the next `append`. */
  view(): Buffer {
    return this.#length === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }

  /** Returns what was appended, which the owner has to count from now on. */
  release(): Buffer {
    const view = this.view();
    heldMemory.release(this.#bytes.length);
    this.#bytes = noBytes;
    this.#length = 0;
    return view;
  }

  #grow(needed: number): boolean {
    const bytes = Math.max(needed, Math.min(this.#maxBytes, 2 * this.#bytes.length));
    if (!heldMemory.take(bytes - this.#bytes.length)) return false;
    const larger = Buffer.allocUnsafe(bytes);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    return true;
  }
}

const noBytes = Buffer.alloc(0);
