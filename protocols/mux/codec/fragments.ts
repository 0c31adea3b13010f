// Joins the fragments of messages, within bounds.
import type { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { GrowingBuffer } from "../../../src/net/growing-buffer.ts";
import { bodyStart, maxTag, moreFollows, problem, tagOf, writeHead } from "./messages.ts";
import type { Problem } from "./messages.ts";

export interface FragmentLimits {
  /** Of one joined message, its prefix excluded. */
  readonly maxFrameBytes: number;
  /** Of all incomplete messages together. */
  readonly maxHeldBytes: number;
  /** Number of incomplete messages. */
  readonly maxStreams: number;
}

/** One for each direction of a connection. */
export class Fragments {
  readonly #limits: FragmentLimits;
  readonly #streams = new Map<number, GrowingBuffer>();
  #heldBytes = 0;

  constructor(limits: FragmentLimits) {
    this.#limits = limits;
  }

  /** Bytes of incomplete messages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes a frame, which may be a fragment. Returns the frame itself when it is a complete message,
   * the joined message when it was the last fragment, null when more fragments must come.
   */
  add(frame: Buffer): Buffer | Problem | null {
    const tag = tagOf(frame);
    const stream = this.#streams.get(tag & maxTag);
    const isLast = (tag & moreFollows) === 0;
    if (stream === undefined) return isLast ? frame : this.#begin(frame, tag & maxTag);
    const bytes = frame.length - bodyStart;
    const wrong = this.#tooMuch(stream.length + bytes, bytes);
    if (wrong !== null) return wrong;
    stream.append(frame, bodyStart, frame.length);
    this.#heldBytes += bytes;
    if (!isLast) return null;
    this.drop(tag);
    return whole(stream.view(), tag);
  }

  /** Drops the fragments of an incomplete message. False: there were none. */
  drop(tag: number): boolean {
    const stream = this.#streams.get(tag);
    if (stream === undefined) return false;
    this.#streams.delete(tag);
    this.#heldBytes -= stream.length;
    return true;
  }

  #begin(frame: Buffer, tag: number): Problem | null {
    if (this.#streams.size >= this.#limits.maxStreams) {
      return problem(`more than ${this.#limits.maxStreams} messages in fragments at a time`);
    }
    const wrong = this.#tooMuch(frame.length, frame.length);
    if (wrong !== null) return wrong;
    const longest = prefixBytes + this.#limits.maxFrameBytes;
    this.#streams.set(tag, new GrowingBuffer(frame, frame.length, longest));
    this.#heldBytes += frame.length;
    return null;
  }

  #tooMuch(messageBytes: number, moreBytes: number): Problem | null {
    const { maxFrameBytes, maxHeldBytes } = this.#limits;
    if (messageBytes - 4 > maxFrameBytes) {
      return problem(`a message in fragments of more than ${maxFrameBytes} bytes (maxFrameKB)`);
    }
    if (this.#heldBytes + moreBytes <= maxHeldBytes) return null;
    return problem(`messages in fragments of more than ${maxHeldBytes} bytes together`);
  }
}

/** With a head as if it had come in one piece. */
function whole(joined: Buffer, tag: number): Buffer {
  writeHead(joined, 0, joined.length, joined.readInt8(4), tag);
  return joined;
}
