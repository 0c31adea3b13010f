// The calls of one connection that are in progress, oldest first.
import type { Buffer } from "node:buffer";
import type { Failure } from "../../../src/core/failure.ts";
import { heldMemory } from "../../../src/runtime/held-memory.ts";
import { responseBytes } from "../codec/response-writer.ts";
import type { ServerCall } from "./call.ts";
import type { ServerSettings } from "./settings.ts";

/** A call that could not be read, and the response to it. */
export class RefusedCall {
  next: QueuedCall | null = null;
  sentBytes = 0;
  readonly hasEnded = true;
  readonly isOneway = false;
  readonly receivedBytes = 0;
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get heldResponseBytes(): number {
    return this.bytes.length;
  }

  cancel(): void {}
  abort(): void {}
}

export type QueuedCall = ServerCall | RefusedCall;

/** The response to a call that has ended. */
export function bytesOf(call: QueuedCall, settings: ServerSettings): Buffer {
  if (call instanceof RefusedCall) return call.bytes;
  return call.bytes ?? responseBytes(call, settings);
}

/** One-way calls are counted but not queued: they await no response. */
export class CallQueue {
  /** The oldest call that awaits its response. */
  first: QueuedCall | null = null;
  /** Calls whose responses have not been written, and one-way calls that have not ended. */
  count = 0;
  /** Bytes of those calls, and of responses that wait for their turn. */
  heldBytes = 0;
  #last: QueuedCall | null = null;

  add(call: QueuedCall): void {
    this.count++;
    this.#hold(call.receivedBytes);
    if (call.isOneway) return;
    if (this.#last === null) this.first = call;
    else this.#last.next = call;
    this.#last = call;
  }

  /** The response to the call is here; it may have to wait for its turn. */
  ended(call: QueuedCall): void {
    this.#hold(call.heldResponseBytes);
  }

  /** The call is over; it is `first` or one-way. */
  remove(call: QueuedCall): void {
    if (call === this.first) {
      this.first = call.next;
      if (call.next === null) this.#last = null;
    }
    this.count--;
    this.#hold(-call.receivedBytes - call.heldResponseBytes);
  }

  #hold(bytes: number): void {
    this.heldBytes += bytes;
    heldMemory.add(bytes);
  }

  cancel(why: Failure): void {
    for (let call = this.first; call !== null; call = call.next) call.cancel(why);
  }

  /** Responds to each call now, whatever becomes of it. */
  abort(why: Failure): void {
    for (let call = this.first; call !== null;) {
      const { next } = call; // read now: the call may be gone afterwards
      call.abort(why);
      call = next;
    }
  }
}
