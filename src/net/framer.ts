// Length-prefixed frames from chunks (Thrift, mux): four bytes big endian, then as many as they say.
import { Buffer } from "node:buffer";

/** The prefix, which the length does not count. */
export const prefixBytes = 4;

/** A frame that is not whole yet gets so much room at first; then it doubles as bytes come. */
const firstRoomBytes = 4 * 1024;

export interface FrameConsumer {
  /**
   * One whole frame, its prefix in front: as it was received, ready to be written. The bytes are the
   * taker's own. False: no more now; `push` then returns where it stopped.
   */
  frame(frame: Buffer): boolean;
  /**
   * The prefix announces more than the limit, or less than nothing (`lengthBytes` is signed). What
   * came behind it in this chunk is `buffer[start, end)`, good only during the call. The framer is
   * of no use from here on: it swallows what comes.
   */
  tooLong(lengthBytes: number, buffer: Buffer, start: number, end: number): void;
}

/**
 * Holds at most one frame in part, in room that grows with what was received: a prefix alone makes
 * nobody allocate what it announces, and nothing beyond `maxFrameBytes` is ever held.
 */
export class Framer {
  readonly #maxFrameBytes: number;
  readonly #taker: FrameConsumer;
  #isBroken = false;
  /** What came of the prefix, while it is in pieces. */
  #prefix = 0;
  #prefixCount = 0;
  /** The frame in progress, prefix included; null between frames. */
  #room: Buffer | null = null;
  #held = 0;
  #wanted = 0;

  /** `maxFrameBytes` does not count the prefix. */
  constructor(maxFrameBytes: number, taker: FrameConsumer) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#taker = taker;
  }

  /** Bytes of a frame that is not whole: 0 between frames. */
  get heldBytes(): number {
    return this.#room === null ? this.#prefixCount : this.#held;
  }

  /** Takes `buffer[start, end)`, copying what it keeps. Returns where it stopped: `end`, unless a
   *  frame was answered with false. */
  push(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#isBroken) {
      const before = at;
      at = this.heldBytes === 0 ? this.#whole(buffer, at, end) : before;
      if (at > before) {
        if (!this.#taker.frame(own(buffer, before, at))) return at;
        continue;
      }
      at = this.#piece(buffer, at, end);
      if (this.#room === null || this.#held < this.#wanted) continue;
      const frame = this.#room;
      this.#room = null;
      if (!this.#taker.frame(frame)) return at;
    }
    return end > at && this.#isBroken ? end : at;
  }

  /** Where the frame that begins at `start` ends, when all of it is here; else `start`. */
  #whole(buffer: Buffer, start: number, end: number): number {
    if (end - start < prefixBytes) return start;
    const lengthBytes = buffer.readInt32BE(start);
    if (lengthBytes < 0 || lengthBytes > this.#maxFrameBytes) return start;
    const frameEnd = start + prefixBytes + lengthBytes;
    return frameEnd <= end ? frameEnd : start;
  }

  #piece(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (this.#room === null) {
      if (at === end) return at;
      this.#prefix = (this.#prefix << 8) | (buffer[at++] as number);
      if (++this.#prefixCount === prefixBytes && !this.#begin(buffer, at, end)) return end;
    }
    const taken = Math.min(end - at, this.#wanted - this.#held);
    this.#makeRoom(this.#held + taken);
    buffer.copy(this.#room, this.#held, at, at + taken);
    this.#held += taken;
    return at + taken;
  }

  /** The prefix is whole. False: it cannot be. */
  #begin(buffer: Buffer, start: number, end: number): boolean {
    const lengthBytes = this.#prefix;
    this.#prefix = this.#prefixCount = 0;
    if (lengthBytes < 0 || lengthBytes > this.#maxFrameBytes) {
      this.#isBroken = true;
      this.#taker.tooLong(lengthBytes, buffer, start, end);
      return false;
    }
    this.#wanted = prefixBytes + lengthBytes;
    this.#room = Buffer.allocUnsafe(Math.min(this.#wanted, firstRoomBytes));
    this.#held = this.#room.writeInt32BE(lengthBytes, 0);
    return true;
  }

  #makeRoom(bytes: number): void {
    const room = this.#room as Buffer;
    if (bytes <= room.length) return;
    const roomy = Buffer.allocUnsafe(Math.min(this.#wanted, Math.max(bytes, 2 * room.length)));
    room.copy(roomy, 0, 0, this.#held);
    this.#room = roomy;
  }
}

function own(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buffer.copy(copy, 0, start, end);
  return copy;
}
