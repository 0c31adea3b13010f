// A body on its way out: to the caller or to an endpoint, chunked or with an announced length.
import type { Failure } from "../../../src/core/failure.ts";
import type { BodySink } from "./body.ts";
import { chunkSize, lastChunk } from "./head-writer.ts";
import type { Fields } from "./passthrough-fields.ts";

/** The connection it is written to. Texts are latin1. */
export interface BodyTarget {
  write(text: string): void;
  /** Copies `bytes`. False: no more until the source is told to resume. */
  writeCopy(bytes: Uint8Array, before: string, after: string): boolean;
}

/** Who is told what became of it: one of the two, once. */
export interface OutgoingOwner {
  /** All is written. */
  bodySent(): void;
  bodyBroken(why: Failure): void;
}

export class OutgoingBody implements BodySink {
  /** Without chunk framing. */
  sentBytes = 0;
  readonly #target: BodyTarget;
  readonly #isChunked: boolean;
  readonly #owner: OutgoingOwner;
  /** The message's head, which goes out with the first bytes when they are there. */
  #head: string;
  #isOpen = true;

  constructor(target: BodyTarget, head: string, isChunked: boolean, owner: OutgoingOwner) {
    this.#target = target;
    this.#head = head;
    this.#isChunked = isChunked;
    this.#owner = owner;
  }

  /** No bytes came with the head. */
  flushHead(): void {
    if (this.#head === "" || !this.#isOpen) return;
    this.#target.write(this.#head);
    this.#head = "";
  }

  /** Nothing is written and nobody is told any more. */
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
