// Cuts length-prefixed frames out of chunks (Thrift, mux): four bytes, big endian, then the frame.
import { Buffer } from "node:buffer";
import { GrowingBuffer } from "./growing-buffer.ts";

/** Size of the prefix, which the length does not include. */
export const prefixBytes = 4;

/** Room for the beginning of a frame that arrives in pieces. */
const firstBytes = 4 * 1024;

export interface FrameConsumer {
  /**
   * One whole frame, prefix included: as it was received, ready to be written. The consumer owns the
   * bytes. False: no more frames for now; `push` then returns where it stopped.
   */
  frame(frame: Buffer): boolean;
  /**
   * The prefix announces more than the limit, or a negative length (`lengthBytes` is signed).
   * `buffer[start, end)` is the rest of this chunk, valid only during the call. The framer discards
   * all further input.
   */
  tooLong(lengthBytes: number, buffer: Buffer, start: number, end: number): void;
}

/**
 * Holds at most one partial frame, in a buffer that grows with what was received: a prefix alone
 * allocates next to nothing, and never more than `maxFrameBytes` is held.
 */
export class Framer {
  readonly #maxFrameBytes: number;
  readonly #consumer: FrameConsumer;
  #isBroken = false;
  /** The bytes of an incomplete prefix. */
  #prefix = 0;
  #prefixCount = 0;
  /** The frame in progress, prefix included; null between frames. */
  #frame: GrowingBuffer | null = null;
  #frameBytes = 0;

  /** `maxFrameBytes` does not count the prefix. */
  constructor(maxFrameBytes: number, consumer: FrameConsumer) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#consumer = consumer;
  }

  /** Bytes of an incomplete frame; 0 between frames. */
  get heldBytes(): number {
    return this.#frame === null ? this.#prefixCount : this.#frame.length;
  }

  /** Consumes `buffer[start, end)`, copying what it keeps. Returns where it stopped: `end`, unless the
   *  consumer returned false. */
  push(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#isBroken) {
      const before = at;
      at = this.heldBytes === 0 ? this.#whole(buffer, at, end) : before;
      if (at > before) {
        if (!this.#consumer.frame(own(buffer, before, at))) return at;
        continue;
      }
      at = this.#piece(buffer, at, end);
      if (this.#frame === null || this.#frame.length < this.#frameBytes) continue;
      const frame = this.#frame.view();
      this.#frame = null;
      if (!this.#consumer.frame(frame)) return at;
    }
    return end > at && this.#isBroken ? end : at;
  }

  /** The end of the frame that begins at `start`, if it is complete; else `start`. */
  #whole(buffer: Buffer, start: number, end: number): number {
    if (end - start < prefixBytes) return start;
    const lengthBytes = buffer.readInt32BE(start);
    if (lengthBytes < 0 || lengthBytes > this.#maxFrameBytes) return start;
    const frameEnd = start + prefixBytes + lengthBytes;
    return frameEnd <= end ? frameEnd : start;
  }

  #piece(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (this.#frame === null) {
      if (at === end) return at;
      this.#prefix = (this.#prefix << 8) | (buffer[at++] as number);
      if (++this.#prefixCount === prefixBytes && !this.#begin(buffer, at, end)) return end;
    }
    const frame = this.#frame;
    const stop = Math.min(end, at + this.#frameBytes - frame.length);
    frame.append(buffer, at, stop);
    return stop;
  }

  /** The prefix is complete. False: it is not valid. */
  #begin(buffer: Buffer, start: number, end: number): boolean {
    const lengthBytes = this.#prefix;
    this.#prefix = this.#prefixCount = 0;
    if (lengthBytes < 0 || lengthBytes > this.#maxFrameBytes) {
      this.#isBroken = true;
      this.#consumer.tooLong(lengthBytes, buffer, start, end);
      return false;
    }
    this.#frameBytes = prefixBytes + lengthBytes;
    const first = Buffer.allocUnsafe(Math.min(this.#frameBytes, firstBytes));
    this.#frame = new GrowingBuffer(first, first.writeInt32BE(lengthBytes, 0), this.#frameBytes);
    return true;
  }
}

function own(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buffer.copy(copy, 0, start, end);
  return copy;
}
