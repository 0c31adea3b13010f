// Keeps the beginning of a request's body while it flows, so that the call can be retried.
import { GrowingBuffer } from "../../../src/net/growing-buffer.ts";
import { heldMemory } from "../../../src/runtime/held-memory.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { Body, BodySink } from "../codec/body.ts";
import type { Fields } from "../codec/passthrough-fields.ts";
import type { HttpFilter, HttpRequest, HttpResponse } from "../message.ts";

/**
 * Surrounds all attempts of a call. A body up to `limitBytes` can be sent again however much of it
 * has passed; a longer one until more than that has passed. Bodies that came with their head need
 * no copy.
 */
export function replayFilter(limitBytes: number): HttpFilter {
  return (request, reply, next): Pending => {
    if (request.replayable) return next(request, reply);
    const body = new ReplayBody(request, limitBytes);
    request.body = body;
    request.replayable = true;
    return next(request, new KeptReply(reply, body));
  };
}

/** Releases the copy once a response goes to the caller. */
class KeptReply implements Reply<HttpResponse> {
  readonly #reply: Reply<HttpResponse>;
  readonly #body: ReplayBody;

  constructor(reply: Reply<HttpResponse>, body: ReplayBody) {
    this.#reply = reply;
    this.#body = body;
  }

  start(response: HttpResponse): void {
    this.#body.release();
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    this.#body.release();
    this.#reply.end(why);
  }
}

const firstBytes = 4 * 1024;

/** How the source ended. */
type End = { readonly trailers: Fields } | { readonly why: Failure };

/**
 * A body that successive attempts may start, each from its beginning. An attempt that cancels it only
 * stops listening: the caller's connection decides about the rest when the call has ended. Owns no
 * connection.
 */
class ReplayBody implements Body, BodySink {
  readonly length: number | null;
  readonly whole = null;
  readonly latin1 = null;
  readonly #request: HttpRequest;
  readonly #source: Body;
  readonly #limitBytes: number;
  #kept: GrowingBuffer | null = null;
  /** Nothing is kept: the body goes straight to the current attempt. */
  #isLetGo = false;
  #isStarted = false;
  /** The source waits for `resume`. */
  #isHeld = false;
  #end: End | null = null;
  /** The current attempt's sink; null between attempts. */
  #sink: BodySink | null = null;

  constructor(request: HttpRequest, limitBytes: number) {
    this.#request = request;
    this.#source = request.body;
    this.#limitBytes = limitBytes;
    this.length = request.body.length;
  }

  /** For the access log. */
  get receivedBytes(): number {
    const source = this.#source;
    return "receivedBytes" in source ? Number(source.receivedBytes) : 0;
  }

  /** The body will not be started again. */
  release(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    this.#request.replayable = false;
    this.#kept?.drop();
    this.#kept = null;
  }

  // Body

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#isStarted) return this.#replay(sink);
    this.#isStarted = true;
    // Announced as too long to be kept.
    if (this.length !== null && this.length > this.#limitBytes) this.release();
    return this.#source.start(this);
  }

  resume(): void {
    if (!this.#isHeld || this.#sink === null) return;
    this.#isHeld = false;
    this.#source.resume();
  }

  cancel(): void {
    this.#sink = null;
    if (this.#isLetGo) this.#source.cancel();
  }

  // BodySink

  chunk(bytes: Uint8Array): boolean {
    const sink = this.#sink;
    if (!this.#isLetGo) {
      // Between attempts every byte is kept: the source stops now, and the next attempt takes them.
      const isBetween = sink === null;
      const isTooLong = this.#keptBytes + bytes.length > this.#limitBytes;
      if ((isTooLong && !isBetween) || !this.#keep(bytes, isBetween)) this.release();
    }
    this.#isHeld = sink === null || !sink.chunk(bytes);
    return !this.#isHeld;
  }

  end(trailers: Fields): void {
    this.#end = { trailers };
    this.#sink?.end(trailers);
  }

  fail(why: Failure): void {
    this.#end = { why };
    this.#sink?.fail(why);
  }

  #replay(sink: BodySink): void {
    if (this.#isLetGo) throw new Error("bug: a released body is started again");
    const kept = this.#kept?.view() ?? null;
    if (this.#keptBytes > this.#limitBytes) this.release();
    const hasRoom = kept === null || sink.chunk(kept);
    if (this.#sink !== sink) return undefined; // the attempt cancelled the body
    const end = this.#end;
    if (end === null) return hasRoom ? this.resume() : undefined;
    return "trailers" in end ? sink.end(end.trailers) : sink.fail(end.why);
  }

  get #keptBytes(): number {
    return this.#kept === null ? 0 : this.#kept.length;
  }

  /** Returns false when there is no memory for a copy: the call cannot be retried then. */
  #keep(bytes: Uint8Array, isForced: boolean): boolean {
    if (bytes.length === 0) return true;
    const expectedBytes = this.length ?? Math.max(firstBytes, bytes.length);
    const { limitBytes } = heldMemory;
    if (this.#kept === null && !isForced && heldMemory.bytes + expectedBytes > limitBytes) {
      return false;
    }
    this.#kept ??= GrowingBuffer.ofSize(expectedBytes, Infinity);
    return this.#kept.append(bytes, 0, bytes.length, isForced);
  }
}
