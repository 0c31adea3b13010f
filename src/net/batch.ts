// Joins small writes to one socket: everything written in one tick of the event loop is sent together.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { flushAtTickEnd } from "../runtime/event-loop.ts";
import { countUnsent } from "./socket-memory.ts";
import type { Flushing } from "../runtime/event-loop.ts";
import { tookCopy } from "./outlet.ts";

const batchBytes = 64 * 1024;
/** Unused buffers; few, since most writes complete immediately. */
const spare: Buffer[] = [];
const maxSpare = 8;

/**
 * Owns its buffer from the first write to the flush, which happens at the end of the tick. An idle
 * connection has no buffer.
 */
export class Batch implements Flushing {
  readonly #socket: Socket;
  /** Valid until the next `take`. */
  bytes: Buffer = none;
  #used = 0;
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that were not handed to the socket yet. */
  get waitingBytes(): number {
    return this.#used;
  }

  /** Reserves `count` bytes, at most `maxBatchedBytes`; the caller writes them to `bytes` from this offset. */
  take(count: number): number {
    if (this.#used + count > this.bytes.length) this.#renew();
    const at = this.#used;
    this.#used += count;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      flushAtTickEnd(this);
    }
    return at;
  }

  /** Hands all waiting bytes to the socket, in one write. */
  flush(): void {
    this.#isScheduled = false;
    const { bytes } = this;
    if (this.#used === 0) return;
    const written = bytes.subarray(0, this.#used);
    this.bytes = none;
    this.#used = 0;
    if (this.#socket.destroyed) return giveBack(bytes);
    if (this.#socket.writableLength > 0) {
      // It must wait: in no more memory than it needs.
      if (!this.#socket.write(Buffer.from(written))) countUnsent(this.#socket);
      return giveBack(bytes);
    }
    const socket = this.#socket;
    if (!socket.write(written)) countUnsent(socket);
    // If the kernel took everything, the buffer is free again; otherwise the socket keeps it.
    if (socket.writableLength === 0 || tookCopy(socket, written.length)) giveBack(bytes);
    return undefined;
  }

  #renew(): void {
    const isScheduled = this.#isScheduled;
    this.flush();
    this.#isScheduled = isScheduled; // the end of the tick flushes what is written now
    this.bytes = spare.pop() ?? Buffer.allocUnsafeSlow(batchBytes);
  }
}

const none = Buffer.alloc(0);

/** The longest piece that a batch accepts. */
export const maxBatchedBytes = batchBytes;

function giveBack(bytes: Buffer): void {
  if (bytes.length === batchBytes && spare.length < maxSpare) spare.push(bytes);
}
