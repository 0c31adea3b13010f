// Small writes to one socket, joined: what is written in one turn of the event loop leaves together.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { flushAtTickEnd } from "../runtime/event-loop.ts";
import type { Flushing } from "../runtime/event-loop.ts";

const batchBytes = 64 * 1024;
/** Buffers that no batch uses at the moment; few, since most writes are over at once. */
const spare: Buffer[] = [];
const maxSpare = 8;

/**
 * Owns its buffer from the first write to the flush, which comes by itself at the end of the turn.
 * An idle connection has none.
 */
export class Batch implements Flushing {
  readonly #socket: Socket;
  /** Good until the next `take`. */
  bytes: Buffer = none;
  #used = 0;
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that are not with the socket yet. */
  get waitingBytes(): number {
    return this.#used;
  }

  /** Room for `count` bytes, at most `maxBatchedBytes`: they are to be written to `bytes` from here. */
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

  /** Hands what waits to the socket, in one write. */
  flush(): void {
    this.#isScheduled = false;
    const { bytes } = this;
    if (this.#used === 0) return;
    const written = bytes.subarray(0, this.#used);
    this.bytes = none;
    this.#used = 0;
    if (this.#socket.destroyed) return giveBack(bytes);
    if (this.#socket.writableLength > 0) {
      // It will wait: in as little memory as it needs.
      this.#socket.write(Buffer.from(written));
      return giveBack(bytes);
    }
    this.#socket.write(written);
    // What the kernel took at once leaves the buffer free; otherwise the socket keeps it.
    if (this.#socket.writableLength === 0) giveBack(bytes);
    return undefined;
  }

  #renew(): void {
    const isScheduled = this.#isScheduled;
    this.flush();
    this.#isScheduled = isScheduled; // the end of the turn flushes what comes now
    this.bytes = spare.pop() ?? Buffer.allocUnsafeSlow(batchBytes);
  }
}

const none = Buffer.alloc(0);

/** The longest piece that a batch takes. */
export const maxBatchedBytes = batchBytes;

function giveBack(bytes: Buffer): void {
  if (bytes.length === batchBytes && spare.length < maxSpare) spare.push(bytes);
}
