// Messages without frames (`thriftFramed: false`): each is walked over to find where it ends.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { GrowingBuffer } from "../../../src/net/growing-buffer.ts";
import { Skipper } from "./skipper.ts";
import type { ThriftProtocol } from "./types.ts";

/** The first allocation for a message that is not complete. */
const firstBytes = 4 * 1024;

export interface MessageConsumer {
  /** One whole message as a frame, which the consumer owns. False: no more now. */
  frame(frame: Buffer): boolean;
  /** Not a message; `received` is its beginning. The reader ignores all further bytes. */
  notMessage(reason: string, received: Uint8Array): void;
  /** The process has no memory left for the message; `received` is its beginning. As `notMessage`. */
  noMemory(received: Uint8Array): void;
}

/**
 * Like `Framer`, it hands out frames, with room for the length in front, so that the rest of the
 * protocol knows one form only. Memory grows with the bytes received.
 */
export class UnframedReader {
  /** The protocol of the struct before each message of an upgraded connection; null: not upgraded. */
  headerProtocol: ThriftProtocol | null = null;
  readonly #maxBytes: number;
  readonly #consumer: MessageConsumer;
  readonly #skipper = new Skipper();
  #part: "none" | "header" | "message" | "broken" = "none";
  /** The message so far, with room for a prefix; null between messages. */
  #message: GrowingBuffer | null = null;

  constructor(maxBytes: number, taker: MessageConsumer) {
    this.#maxBytes = maxBytes;
    this.#consumer = taker;
  }

  /** Bytes of an incomplete message: 0 between messages. */
  get heldBytes(): number {
    return this.#message === null ? 0 : this.#message.length - prefixBytes;
  }

  /** Drops an incomplete message. All further input is discarded. */
  close(): void {
    this.#take("broken");
  }

  /** Takes `buffer[start, end)`, copying what it keeps. Returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#part === "broken") return end;
      if (this.#part === "none") this.#begin();
      const before = at;
      at = this.#skipper.push(buffer, at, end);
      if (!this.#keep(buffer, before, at)) this.#consumer.noMemory(this.#take("broken"));
      else if (this.#skipper.problem !== null) this.#break(this.#skipper.problem);
      else if (this.#skipper.isDone && !this.#partDone()) return at;
    }
    return at;
  }

  #begin(): void {
    if (this.headerProtocol === null) return this.#beginMessage();
    this.#part = "header";
    this.#skipper.beginStruct(this.headerProtocol, this.#maxBytes);
  }

  #beginMessage(): void {
    this.#part = "message";
    this.#skipper.beginMessage(this.#maxBytes - this.heldBytes);
  }

  /** False: the consumer wants no more now. */
  #partDone(): boolean {
    if (this.#part === "header") {
      this.#beginMessage();
      return true;
    }
    const frame = this.#message?.release() ?? emptyFrame();
    this.#message = null;
    this.#part = "none";
    frame.writeInt32BE(frame.length - prefixBytes, 0);
    return this.#consumer.frame(frame);
  }

  #break(reason: string): void {
    this.#consumer.notMessage(reason, this.#take("broken"));
  }

  /** The beginning of the message so far, which is dropped. */
  #take(part: "broken"): Buffer {
    this.#part = part;
    const received = Buffer.from(this.#message?.head(firstBytes) ?? emptyFrame());
    this.#message?.drop();
    this.#message = null;
    return received.subarray(prefixBytes);
  }

  /** False: no memory is left. */
  #keep(buffer: Buffer, start: number, end: number): boolean {
    if (start === end) return true;
    this.#message ??= this.#begun(end - start);
    const isShort = this.#message.length + end - start <= firstBytes;
    return this.#message.append(buffer, start, end, isShort);
  }

  #begun(bytes: number): GrowingBuffer {
    // Most messages arrive in one piece: then the buffer is exactly as long as the message.
    const isWhole = this.#skipper.isDone && this.#part === "message";
    const longest = prefixBytes + this.#maxBytes;
    const room = isWhole ? prefixBytes + bytes : Math.min(longest, Math.max(firstBytes, bytes));
    return new GrowingBuffer(Buffer.allocUnsafe(room), prefixBytes, longest);
  }
}

const emptyFrame = (): Buffer => Buffer.alloc(prefixBytes);
