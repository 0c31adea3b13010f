// The reading half of a caller's connection: bytes to requests and their bodies.
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import type { IncomingBody } from "../codec/incoming-body.ts";
import type { HttpLimits } from "../codec/limits.ts";
import type { RequestHead } from "../codec/request-head.ts";
import type { KeepAlive } from "./keep-alive.ts";
import { RequestReader } from "../codec/request-reader.ts";
import type { RefusedBytes } from "../codec/request-reader.ts";

/** The connection's state, which decides what bytes mean; `ServerConnection` has the transitions. */
export type ConnectionState = "head" | "busy" | "draining" | "closing" | "tunnel" | "closed";

/** The connection, as its input sees it. */
export interface InputOwner {
  readonly link: SocketLink;
  readonly peer: PeerInfo;
  readonly state: ConnectionState;
  /** The request's body while more of it is to come. */
  readonly body: IncomingBody | null;
  readonly keepAlive: KeepAlive;
  /** The first bytes of a request are here, and its head is not complete. */
  headBegun(): void;
  /** The head is complete, and a short body is to come. */
  bodyAwaited(): void;
  requestRead(read: RequestHead): void;
  requestRefused(bytes: RefusedBytes): void;
  /** Some bytes of the body were taken, and more are to come. */
  bodyFlowed(): void;
  /** More of an unwanted body came than is read to keep the connection. */
  bodyOverdrained(): void;
  inputEnded(): void;
}

/** Owned by its connection; owns the bytes that wait. */
export class RequestInput implements Consumer {
  /** Some bytes of a request are here, but not all that is needed to begin its call. */
  isReadingHead = false;
  /** The head is complete, but not a short body. */
  #awaitsBody = false;
  readonly #owner: InputOwner;
  readonly #limits: HttpLimits;
  readonly #buffer: InputBuffer;
  readonly #reader: RequestReader;

  constructor(owner: InputOwner, limits: HttpLimits) {
    this.#owner = owner;
    this.#limits = limits;
    this.#buffer = new InputBuffer(owner.link, this);
    this.#reader = new RequestReader(limits, owner.peer);
  }

  received(buffer: Buffer, length: number): void {
    this.#buffer.received(buffer, length);
  }

  ended(): void {
    this.#buffer.ended();
  }

  /** The connection's state has changed: waiting bytes may now be consumed. */
  advance(): void {
    this.#buffer.advance();
  }

  /**
   * Begins a call whose short body is late, if there is one: the response may not depend on the
   * body, and a caller may wait for it. Returns false when not even the head is complete.
   */
  stopAwaitingBody(): boolean {
    if (!this.#awaitsBody) return false;
    this.#reader.stopWaiting();
    this.advance();
    return true;
  }

  get isEmpty(): boolean {
    return this.#buffer.waitingBytes === 0;
  }

  // Consumer

  get readAheadBytes(): number {
    const { state, body, link } = this.#owner;
    const { maxPipelinedBytes } = this.#limits;
    if (state === "head") return link.hasRoom ? Infinity : maxPipelinedBytes;
    if (state !== "busy") return Infinity;
    if (body === null) return maxPipelinedBytes;
    return body.wants && !this.#isOverdrained(body) ? Infinity : 0;
  }

  consume(buffer: Buffer, start: number, end: number): number {
    let at = start;
    for (;;) {
      const before = at;
      const { state } = this.#owner;
      at = this.#consumeOnce(buffer, at, end);
      if (at >= end || (at === before && state === this.#owner.state)) return at;
    }
  }

  inputEnded(): void {
    this.#owner.inputEnded();
  }

  #consumeOnce(buffer: Buffer, start: number, end: number): number {
    const { state, link } = this.#owner;
    switch (state) {
      case "head":
        if (!link.hasRoom || this.#buffer.isResting) return start;
        return this.#consumeHead(buffer, start, end);
      case "busy":
      case "draining":
        return this.#consumeBody(buffer, start, end);
      case "tunnel":
        // Read before the tunnel was established.
        link.receiver.received(buffer.subarray(start, end), end - start);
        return end;
      case "closing":
      case "closed":
        return end;
      default:
        return state satisfies never;
    }
  }

  #consumeHead(buffer: Buffer, start: number, end: number): number {
    const read = this.#reader.read(buffer, start, end);
    if (read === "more") {
      this.#awaitMore();
      return start;
    }
    this.isReadingHead = this.#awaitsBody = false;
    this.#buffer.foundMessage();
    if ("refusal" in read) {
      this.#owner.requestRefused(read);
      return end;
    }
    this.#owner.requestRead(read);
    return read.end;
  }

  #awaitMore(): void {
    const { awaitsBody } = this.#reader;
    if (this.isReadingHead && awaitsBody === this.#awaitsBody) return;
    this.isReadingHead = true;
    this.#awaitsBody = awaitsBody;
    if (awaitsBody) this.#owner.bodyAwaited();
    else this.#owner.headBegun();
  }

  #consumeBody(buffer: Buffer, start: number, end: number): number {
    const owner = this.#owner;
    const { body } = owner;
    if (body === null) {
      // Reading goes on, because a socket that is not read does not say that its peer has left.
      return owner.keepAlive.isLast && end - start > this.#limits.maxPipelinedBytes ? end : start;
    }
    if (this.#isOverdrained(body)) return start;
    const stop = body.consume(buffer, start, end);
    if (owner.body !== null && stop > start) owner.bodyFlowed();
    if (this.#isOverdrained(body)) owner.bodyOverdrained();
    return stop;
  }

  #isOverdrained(body: IncomingBody): boolean {
    return body.discardedBytes > this.#limits.maxDrainBytes;
  }
}
