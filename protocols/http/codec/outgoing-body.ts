// A body on its way out: to the caller or to an endpoint, chunked or with an announced length.
import type { Failure } from "../../../src/core/failure.ts";
import type { BodySink } from "./body.ts";
import { chunkSize, lastChunk } from "./head-writer.ts";
import type { Fields } from "./passthrough-fields.ts";

/** The connection that the body is written to. Texts are latin1. */
export interface BodyTarget {
  write(text: string): void;
  /** Copies `bytes`. Returns false when the source must wait for `resume`. */
  writeCopy(bytes: Uint8Array, before: string, after: string): boolean;
}

/** Learns how the body ended: exactly one of the two is called, once. */
export interface OutgoingOwner {
  /** Everything has been written. */
  bodySent(): void;
  bodyBroken(why: Failure): void;
}

export class OutgoingBody implements BodySink {
  /** Without chunk framing. */
  sentBytes = 0;
  readonly #target: BodyTarget;
  readonly #isChunked: boolean;
  readonly #owner: OutgoingOwner;
  /** The message's head, which goes out together with the first bytes. */
  #head: string;
  #isOpen = true;

  constructor(target: BodyTarget, head: string, isChunked: boolean, owner: OutgoingOwner) {
    this.#target = target;
    this.#head = head;
    this.#isChunked = isChunked;
    this.#owner = owner;
  }

  /** Writes the head when no bytes have come with it. */
  flushHead(): void {
    if (this.#head === "" || !this.#isOpen) return;
    this.#target.write(this.#head);
    this.#head = "";
  }

  /** Stops writing and reporting. */
  close(): void {
    this.#isOpen = false;
  }

  chunk(bytes: Uint8Array): boolean {
    if (!this.#isOpen) return true;
    this.sentBytes += bytes.length;
    const before = this.#isChunked ? this.#head + chunkSize(bytes.length) : this.#head;
    this.#head = "";
    return this.#target.writeCopy(bytes, before, this.#isChunked ? "\r\n" : "");
  }

  end(trailers: Fields): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const rest = this.#isChunked ? this.#head + lastChunk(trailers) : this.#head;
    if (rest !== "") this.#target.write(rest);
    this.#owner.bodySent();
  }

  fail(why: Failure): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#owner.bodyBroken(why);
  }
}
