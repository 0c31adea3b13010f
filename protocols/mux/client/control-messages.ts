// What an endpoint sends besides responses: discards, errors, pings, drains and leases.
import type { Buffer } from "node:buffer";
import type { Clock } from "../../../src/core/clock.ts";
import * as mux from "../codec/messages.ts";
import type { Problem } from "../codec/messages.ts";
import type { MessageWriter } from "../message-writer.ts";
import type { PingDetector } from "./ping.ts";

/** The connection, as these messages change it. */
export interface ControlOwner {
  /** The call with this tag was discarded, or its cancellation is confirmed. */
  discarded(tag: number): void;
  /** The endpoint responded to this tag with an Rerr. */
  protocolError(frame: Buffer, tag: number): void;
  /** The endpoint takes no more calls. */
  drain(): void;
  malformed(what: string): void;
}

/** Owned by the connection; owns nothing. */
export class ControlMessages {
  readonly #writer: MessageWriter;
  readonly #ping: PingDetector;
  readonly #clock: Clock;
  readonly #owner: ControlOwner;
  /** In `Clock.nowMs` time; Infinity: the endpoint grants no leases. */
  #leaseEndsMs = Infinity;

  constructor(writer: MessageWriter, ping: PingDetector, clock: Clock, owner: ControlOwner) {
    this.#writer = writer;
    this.#ping = ping;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** The endpoint takes calls: its last lease has not ended. */
  get hasLease(): boolean {
    return this.#leaseEndsMs === Infinity || this.#clock.nowMs() < this.#leaseEndsMs;
  }

  /** Long because it is the table of messages. */
  take(frame: Buffer, type: number, tag: number): void {
    switch (type) {
      case mux.rdiscarded:
        return this.#owner.discarded(tag);
      case mux.rerr:
        return this.#owner.protocolError(frame, tag);
      case mux.rping:
        return this.#ping.replied();
      case mux.tping:
        return this.#writer.control(mux.emptyMessage(mux.rping, tag));
      case mux.tdrain:
        this.#writer.control(mux.emptyMessage(mux.rdrain, tag));
        return this.#owner.drain();
      case mux.tlease:
        return this.#lease(mux.readLease(frame));
      case mux.rinit: // a second one
      case mux.rdrain:
      case mux.tdiscarded:
        return undefined; // replies to nothing that was sent
      default:
        return this.#owner.malformed(
          mux.isKnownType(type)
            ? `a ${mux.showType(type)}, which is not for an endpoint to send`
            : `a message of unknown type ${type}`,
        );
    }
  }

  #lease(howMuchMs: number | null | Problem): void {
    if (howMuchMs === null) return undefined;
    if (typeof howMuchMs === "object") return this.#owner.malformed(howMuchMs.problem);
    this.#leaseEndsMs = this.#clock.nowMs() + howMuchMs;
    return undefined;
  }
}
