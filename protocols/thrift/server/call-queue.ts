// The calls of one connection that are in progress, oldest first.
import type { Failure } from "../../../src/core/failure.ts";
import type { ServerCall } from "./call.ts";

/** One-way calls are counted but not queued: they await no response. */
export class CallQueue {
  /** The oldest call that awaits its response. */
  first: ServerCall | null = null;
  /** Calls whose responses have not been written, and one-way calls that have not ended. */
  count = 0;
  /** Bytes of those calls, and of responses that wait for their turn. */
  heldBytes = 0;
  #last: ServerCall | null = null;

  add(call: ServerCall): void {
    this.count++;
    this.heldBytes += call.receivedBytes;
    if (call.request.isOneway) return;
    if (this.#last === null) this.first = call;
    else this.#last.next = call;
    this.#last = call;
  }

  /** The response to the call is here; it may have to wait for its turn. */
  ended(call: ServerCall): void {
    this.heldBytes += call.heldResponseBytes;
  }

  /** The call is over; it is `first` or one-way. */
  remove(call: ServerCall): void {
    if (call === this.first) {
      this.first = call.next;
      if (call.next === null) this.#last = null;
    }
    this.count--;
    this.heldBytes -= call.receivedBytes + call.heldResponseBytes;
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
