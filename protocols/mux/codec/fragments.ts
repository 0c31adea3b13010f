// Joins the fragments of messages, within bounds.
import type { Buffer } from "node:buffer";
import { noMemory, prefixBytes } from "../../../src/net/framer.ts";
import { GrowingBuffer } from "../../../src/net/growing-buffer.ts";
import { heldMemory } from "../../../src/runtime/held-memory.ts";
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

/** A message that is not kept: its own call fails, the session continues. */
export interface Dropped {
  readonly tag: number;
  /** Why, for people; empty: it is not wanted. */
  readonly dropped: string;
  /** The call may be sent again: only the room for it was missing. */
  readonly mayRetry: boolean;
  /** No more fragments follow. */
  readonly isLast: boolean;
}

/** An incomplete message: what it has so far, or why it is dropped. */
type Stream = GrowingBuffer | Omit<Dropped, "isLast">;

/** One for each direction of a connection, whose owner must `close` it. */
export class Fragments {
  readonly #limits: FragmentLimits;
  readonly #streams = new Map<number, Stream>();
  #heldBytes = 0;

  constructor(limits: FragmentLimits) {
    this.#limits = limits;
  }

  /** Bytes of incomplete messages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  has(tag: number): boolean {
    return this.#streams.has(tag);
  }

  /**
   * Takes a frame, which may be a fragment. Returns the frame itself when it is a complete message,
   * the joined message when it was the last fragment, null when more fragments must come. A message
   * that cannot be kept is returned as `Dropped` when that becomes known and with its last fragment.
   */
  add(frame: Buffer): Buffer | Dropped | Problem | null {
    const tag = tagOf(frame) & maxTag;
    const isLast = (tagOf(frame) & moreFollows) === 0;
    const stream = this.#streams.get(tag);
    if (stream === undefined) return isLast ? frame : this.#begin(frame, tag);
    if (!(stream instanceof GrowingBuffer)) return this.#skip(stream, isLast);
    const bytes = frame.length - bodyStart;
    const why = this.#excess(stream.length + bytes, bytes);
    if (why !== null) return this.drop(tag, why.text, !why.tooLong, isLast);
    if (!stream.append(frame, bodyStart, frame.length)) {
      return this.drop(tag, noMemory, true, isLast);
    }
    this.#heldBytes += bytes;
    if (!isLast) return null;
    return joined(this.#remove(tag, stream), tag);
  }

  /** From here on, the fragments of this message are discarded. */
  drop(tag: number, dropped: string, mayRetry: boolean, isLast: boolean): Dropped | Problem {
    this.forget(tag);
    const stream = { tag, dropped, mayRetry };
    // Fragments of dropped messages cost no memory, but their tags have to be known.
    if (!isLast && this.#streams.size >= 2 * this.#limits.maxStreams) {
      return problem(`more than ${2 * this.#limits.maxStreams} messages in fragments at a time`);
    }
    if (!isLast) this.#streams.set(tag, stream);
    return { ...stream, isLast };
  }

  /** No more fragments of this message will come. False: there were none. */
  forget(tag: number): boolean {
    const stream = this.#streams.get(tag);
    if (stream === undefined) return false;
    this.#streams.delete(tag);
    if (!(stream instanceof GrowingBuffer)) return true;
    this.#heldBytes -= stream.length;
    stream.drop();
    return true;
  }

  close(): void {
    for (const tag of Array.from(this.#streams.keys())) this.forget(tag);
  }

  #begin(frame: Buffer, tag: number): Dropped | Problem | null {
    const { maxStreams, maxFrameBytes } = this.#limits;
    if (this.#streams.size >= maxStreams) {
      return this.drop(tag, `more than ${maxStreams} messages in fragments at a time`, true, false);
    }
    const why = this.#excess(frame.length, frame.length);
    if (why !== null) return this.drop(tag, why.text, !why.tooLong, false);
    if (heldMemory.isFull) return this.drop(tag, noMemory, true, false);
    const longest = prefixBytes + maxFrameBytes;
    this.#streams.set(tag, new GrowingBuffer(frame, frame.length, longest));
    this.#heldBytes += frame.length;
    return null;
  }

  #skip(stream: Omit<Dropped, "isLast">, isLast: boolean): Dropped | null {
    if (!isLast) return null;
    this.#streams.delete(stream.tag);
    return { ...stream, isLast };
  }

  #remove(tag: number, stream: GrowingBuffer): Buffer {
    this.#streams.delete(tag);
    this.#heldBytes -= stream.length;
    return stream.release();
  }

  #excess(
    messageBytes: number,
    moreBytes: number,
  ): { readonly text: string; readonly tooLong: boolean } | null {
    const { maxFrameBytes, maxHeldBytes } = this.#limits;
    if (messageBytes - prefixBytes > maxFrameBytes) {
      const text = `a message in fragments of more than ${maxFrameBytes} bytes (maxFrameKB)`;
      return { text, tooLong: true };
    }
    if (this.#heldBytes + moreBytes <= maxHeldBytes) return null;
    const text = `messages in fragments of more than ${maxHeldBytes} bytes together`;
    return { text, tooLong: false };
  }
}

/** With a head as if it had come in one piece. */
function joined(message: Buffer, tag: number): Buffer {
  writeHead(message, 0, message.length, message.readInt8(4), tag);
  return message;
}
