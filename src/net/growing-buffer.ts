// Bytes that arrive in pieces, kept in one contiguous buffer that doubles as they arrive.
import { Buffer } from "node:buffer";

/**
 * Never longer than `maxBytes`, which the owner checks: an announced length alone allocates nothing
 * beyond `firstBytes`. The bytes belong to the owner.
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
  }

  static ofSize(firstBytes: number, maxBytes: number): GrowingBuffer {
    return new GrowingBuffer(Buffer.allocUnsafe(Math.min(firstBytes, maxBytes)), 0, maxBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a copy of `source[start, end)`. */
  append(source: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start;
    if (needed > this.#bytes.length) this.#grow(needed);
    source.copy(this.#bytes, this.#length, start, end);
    this.#length = needed;
  }

  /** What was appended; good until the next `append`. */
  view(): Buffer {
    return this.#length === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }

  #grow(needed: number): void {
    const doubled = Math.min(this.#maxBytes, 2 * this.#bytes.length);
    const larger = Buffer.allocUnsafe(Math.max(needed, doubled));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
