// Messages without frames (`thriftFramed: false`): each is walked over to find where it ends.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { Skipper } from "./skipper.ts";
import type { ThriftProtocol } from "./types.ts";

/** The first allocation for a message that is not complete; it doubles as bytes arrive. */
const firstRoomBytes = 4 * 1024;

export interface MessageConsumer {
  /** One whole message as a frame, which the consumer owns. False: no more now. */
  frame(frame: Buffer): boolean;
  /** Not a message; `received` is its beginning. The reader ignores all further bytes. */
  notMessage(reason: string, received: Uint8Array): void;
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
  #room: Buffer = noRoom;
  #held = 0;

  constructor(maxBytes: number, taker: MessageConsumer) {
    this.#maxBytes = maxBytes;
    this.#consumer = taker;
  }

  /** Bytes of an incomplete message: 0 between messages. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Takes `buffer[start, end)`, copying what it keeps. Returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#part === "broken") return end;
      if (this.#part === "none") this.#begin();
      const before = at;
      at = this.#skipper.push(buffer, at, end);
      this.#keep(buffer, before, at);
      if (this.#skipper.problem !== null) this.#break(this.#skipper.problem);
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
    this.#skipper.beginMessage(this.#maxBytes - this.#held);
  }

  /** False: the consumer wants no more now. */
  #partDone(): boolean {
    if (this.#part === "header") {
      this.#beginMessage();
      return true;
    }
    const frame = this.#room.subarray(0, prefixBytes + this.#held);
    frame.writeInt32BE(this.#held, 0);
    this.#clear("none");
    return this.#consumer.frame(frame);
  }

  #break(reason: string): void {
    const received = this.#room.subarray(prefixBytes, prefixBytes + this.#held);
    this.#clear("broken");
    this.#consumer.notMessage(reason, received);
  }

  #clear(part: "none" | "broken"): void {
    this.#part = part;
    this.#room = noRoom;
    this.#held = 0;
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const neededBytes = prefixBytes + this.#held + end - start;
    if (neededBytes > this.#room.length) this.#grow(neededBytes);
    buffer.copy(this.#room, prefixBytes + this.#held, start, end);
    this.#held += end - start;
  }

  #grow(neededBytes: number): void {
    // Most messages arrive in one piece: then the room is exactly as long as the message.
    const isWhole = this.#skipper.isDone && this.#part === "message";
    const roomy = Math.max(firstRoomBytes, 2 * this.#room.length, neededBytes);
    const most = prefixBytes + this.#maxBytes;
    const room = Buffer.allocUnsafe(isWhole ? neededBytes : Math.min(roomy, most));
    this.#room.copy(room, 0, 0, prefixBytes + this.#held);
    this.#room = room;
  }
}

const noRoom = Buffer.alloc(0);
