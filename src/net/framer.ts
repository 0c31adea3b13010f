// Cuts length-prefixed frames out of chunks (Thrift, mux): four bytes, big endian, then the frame.
import { Buffer } from "node:buffer";
import { slabBytes } from "../runtime/spare-memory.ts";
import { GrowingBuffer } from "./growing-buffer.ts";

/** Size of the prefix, which the length does not include. */
export const prefixBytes = 4;

/** Room for the beginning of a frame that arrives in pieces; all that is kept of a frame that is skipped. */
const firstBytes = 4 * 1024;

/** Why a frame is not kept: longer than the limit, or the memory for it is used up. */
export type SkipReason = "too long" | "no memory";

/** Room for a frame of which at least a sixteenth has arrived is allocated whole, up to a slab. */
const likelyShare = 16;

/** For people: the process holds as much as it may. */
export const noMemory =
  "this proxy holds as many bytes of calls and responses as it may (limits.maxBufferedMB)";

export interface FrameConsumer {
  /**
   * One whole frame, prefix included: as it was received, ready to be written. The consumer owns the
   * bytes. False: no more frames for now; `push` then returns where it stopped.
   */
  frame(frame: Buffer): boolean;
  /**
   * The prefix announces more than the limit or a negative length (`lengthBytes` is signed), or the
   * frame finds no memory. `buffer[start, end)` is the rest of this chunk, valid only during the call. The framer discards
   * all further input.
   */
  tooLong(
    lengthBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
    reason: SkipReason,
  ): void;
  /**
   * Whether a frame that is too long, or finds no memory, is skipped; otherwise, and without this
   * method, it ends in `tooLong`. `head` is its beginning, prefix included; null: more of it is
   * needed, up to 4 KiB.
   */
  canSkip?(head: Buffer): boolean | null;
  /** A skipped frame has passed; later ones follow. `head`: 4 KiB or all of it. False as for `frame`. */
  skipped?(head: Buffer, lengthBytes: number, reason: SkipReason): boolean;
}

/**
 * Holds at most one partial frame, in a buffer that grows with what was received: a prefix alone
 * allocates next to nothing, and never more than `maxFrameBytes` is held. The owner must `close` it.
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
  /** Why the rest of the frame in progress is discarded; null: it is kept. */
  #skipReason: SkipReason | null = null;
  #isSkipDecided = false;
  #skippedBytes = 0;

  /** `maxFrameBytes` does not count the prefix. */
  constructor(maxFrameBytes: number, consumer: FrameConsumer) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#consumer = consumer;
  }

  /** Bytes of an incomplete frame; 0 between frames. */
  get heldBytes(): number {
    return this.#frame === null ? this.#prefixCount : this.#frame.length;
  }

  /** Drops an incomplete frame. All further input is discarded. */
  close(): void {
    this.#isBroken = true;
    this.#frame?.drop();
    this.#frame = null;
    this.#prefixCount = 0;
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
      if (this.#frame === null || this.#frame.length + this.#skippedBytes < this.#frameBytes) {
        continue;
      }
      if (!this.#completed(this.#frame)) return at;
    }
    return end > at && this.#isBroken ? end : at;
  }

  #completed(frame: GrowingBuffer): boolean {
    const reason = this.#skipReason;
    this.#frame = this.#skipReason = null;
    this.#skippedBytes = 0;
    this.#isSkipDecided = false;
    const bytes = frame.release();
    if (reason === null) return this.#consumer.frame(bytes);
    return this.#consumer.skipped?.(bytes, this.#frameBytes - prefixBytes, reason) ?? true;
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
    const stop = Math.min(end, at + this.#frameBytes - frame.length - this.#skippedBytes);
    if (this.#skipReason !== null) return this.#skip(frame, buffer, at, stop);
    const isShort = this.#frameBytes <= firstBytes; // pings go through whatever is held
    if (frame.append(buffer, at, stop, isShort)) return stop;
    return this.#lacksMemory(frame, buffer, at, stop);
  }

  /** Keeps the beginning of the frame only. */
  #skip(frame: GrowingBuffer, buffer: Buffer, start: number, end: number): number {
    const kept = Math.min(end, start + Math.max(0, firstBytes - frame.length));
    frame.append(buffer, start, kept, true);
    this.#skippedBytes += end - kept;
    if (!this.#isSkipDecided) this.#decideSkip(frame.head(firstBytes));
    return end;
  }

  #decideSkip(head: Buffer): void {
    const decision = this.#consumer.canSkip?.(head) ?? null;
    this.#isSkipDecided = decision === true;
    const isAll = head.length >= Math.min(firstBytes, this.#frameBytes);
    if (decision === true || (decision === null && !isAll)) return;
    this.#refuse(head, this.#frameBytes - prefixBytes, this.#skipReason ?? "too long");
  }

  #refuse(received: Buffer, lengthBytes: number, reason: SkipReason): void {
    this.close();
    this.#consumer.tooLong(lengthBytes, received, prefixBytes, received.length, reason);
  }

  /** The prefix is complete. False: it is not valid. */
  #begin(buffer: Buffer, start: number, end: number): boolean {
    const lengthBytes = this.#prefix;
    this.#prefix = this.#prefixCount = 0;
    const isTooLong = lengthBytes > this.#maxFrameBytes;
    if (lengthBytes < 0 || (isTooLong && this.#consumer.canSkip === undefined)) {
      this.#isBroken = true;
      this.#consumer.tooLong(lengthBytes, buffer, start, end, "too long");
      return false;
    }
    if (isTooLong) this.#skipReason = "too long";
    this.#frameBytes = prefixBytes + lengthBytes;
    // As much as has arrived, rounded up: most frames then need no second allocation.
    const hereBytes = isTooLong ? 0 : likelyShare * (end - start);
    const room = Math.min(this.#frameBytes, Math.max(firstBytes, Math.min(hereBytes, slabBytes)));
    const first = Buffer.allocUnsafe(room);
    this.#frame = new GrowingBuffer(
      first,
      first.writeInt32BE(lengthBytes, 0),
      this.#frameBytes,
      true,
    );
    return true;
  }

  #lacksMemory(frame: GrowingBuffer, buffer: Buffer, start: number, end: number): number {
    const { length } = frame;
    const received = Buffer.from(frame.head(firstBytes));
    frame.drop();
    const skippedBytes = length - received.length;
    if (this.#consumer.canSkip === undefined) {
      this.#refuse(received, this.#frameBytes - prefixBytes, "no memory");
      return end;
    }
    const head = Buffer.allocUnsafe(firstBytes);
    const kept = new GrowingBuffer(head, received.copy(head), firstBytes);
    this.#frame = kept;
    this.#skipReason = "no memory";
    this.#skippedBytes = skippedBytes;
    return this.#skip(kept, buffer, start, end);
  }
}

function own(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buffer.copy(copy, 0, start, end);
  return copy;
}
