// What a caller sends besides calls: the handshake, pings, discards, drains and errors.
import type { Buffer } from "node:buffer";
import { negotiate } from "../codec/handshake.ts";
import type { TlsStart } from "./tls-start.ts";
import * as mux from "../codec/messages.ts";
import type { MessageWriter } from "../message-writer.ts";

/** The connection, as these messages change it. */
export interface ControlOwner {
  /** The caller gave up the call with this tag. */
  discarded(tag: number, reason: string): void;
  /** The caller sends no more calls. False: it was not asked to drain. */
  drainReplied(): boolean;
  malformed(what: string): void;
}

/** Owned by the connection; owns nothing. */
export class ControlMessages {
  readonly #writer: MessageWriter;
  /** Of this side, offered in the handshake. */
  readonly #maxFragmentBytes: number;
  readonly #tls: TlsStart;
  readonly #owner: ControlOwner;

  constructor(writer: MessageWriter, maxFragmentBytes: number, tls: TlsStart, owner: ControlOwner) {
    this.#tls = tls;
    this.#writer = writer;
    this.#maxFragmentBytes = maxFragmentBytes;
    this.#owner = owner;
  }

  /** Long because it is the table of messages. */
  take(frame: Buffer, type: number, tag: number): void {
    switch (type) {
      case mux.tping:
        return this.#writer.control(mux.emptyMessage(mux.rping, tag));
      case mux.tdiscarded:
        return this.#discarded(mux.readDiscarded(frame));
      case mux.tinit:
        return this.#init(frame, tag);
      case mux.rerr:
        // The question whether this side negotiates; other errors reply to nothing that was sent.
        if (mux.readReason(frame) === mux.tinitCheck) this.#writer.control(frame);
        return undefined;
      case mux.rdrain:
        return this.#owner.drainReplied() ? undefined : this.#unexpected(type, tag);
      case mux.rping:
        return undefined;
      case mux.tdrain:
        // Clients should not send it, but the meaning is clear: no more calls will come.
        return this.#writer.control(mux.emptyMessage(mux.rdrain, tag));
      default:
        if (mux.isKnownType(type)) return this.#unexpected(type, tag);
        return this.#owner.malformed(`a message of unknown type ${type}`);
    }
  }

  /** A known message that a caller must not send now. The session continues. */
  #unexpected(type: number, tag: number): void {
    const reason = `Unexpected mux message type ${type}`;
    this.#writer.control(mux.rerrMessage(tag & mux.maxTag, reason));
  }

  #discarded(discarded: ReturnType<typeof mux.readDiscarded>): void {
    if ("problem" in discarded) return this.#owner.malformed(discarded.problem);
    return this.#owner.discarded(discarded.tag, discarded.reason);
  }

  #init(frame: Buffer, tag: number): void {
    const reply = negotiate(frame, tag, this.#maxFragmentBytes, this.#tls.level);
    if ("problem" in reply) return this.#owner.malformed(reply.problem);
    if ("refused" in reply) {
      this.#writer.control(mux.rerrMessage(tag, reply.refused));
      return this.#owner.malformed(`a Tinit that was refused: ${reply.refused}`);
    }
    this.#writer.maxFragmentBytes = reply.maxFragmentBytes;
    this.#writer.control(reply.rinit);
    return reply.startsTls ? this.#tls.start() : undefined;
  }
}
