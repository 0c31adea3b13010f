// A body that flows in from a peer: decoded, counted, passed to one sink, or discarded.
import type { Failure } from "../../../src/core/failure.ts";
import type { Body, BodySink } from "./body.ts";
import { ChunkDecoder } from "./chunked-decoder.ts";
import type { Framing } from "./framing.ts";
import type { HeadLimits } from "./limits.ts";
import type { Fields } from "./passthrough-fields.ts";

/** The connection that a body comes from. */
export interface BodySource {
  /** The body wants bytes, for the first time or again. */
  bodyWants(): void;
  /** The rest of the body is unwanted. */
  bodyCancelled(): void;
  /** The last byte has been taken, and the sink knows it. */
  bodyEnded(): void;
  /** The bytes are malformed. The source then calls `fail`. */
  bodyBroke(problem: string): void;
}

/** A body waits to be started; then it flows, is held back by its sink, or is discarded. */
type State = "waiting" | "flowing" | "held" | "discarding" | "done";

export class IncomingBody implements Body {
  readonly length: number | null;
  readonly whole = null;
  readonly latin1 = null;
  /** Bytes of payload received. */
  receivedBytes = 0;
  readonly #source: BodySource;
  readonly #isUntilClose: boolean;
  readonly #chunks: ChunkDecoder | null;
  #state: State = "waiting";
  #sink: BodySink | null = null;
  /** Bytes received before the rest became unwanted. */
  #wantedBytes = Infinity;

  constructor(framing: Framing, limits: HeadLimits, source: BodySource) {
    this.length = framing.kind === "length" ? framing.length : null;
    this.#isUntilClose = framing.kind === "until-close";
    this.#chunks = framing.kind === "chunked" ? new ChunkDecoder(limits) : null;
    this.#source = source;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /** More bytes can be consumed now. */
  get wants(): boolean {
    return this.#state === "flowing" || this.#state === "discarding";
  }

  /** Bytes still to come; null when unknown. */
  get remainingBytes(): number | null {
    return this.length === null ? null : this.length - this.receivedBytes;
  }

  /** Bytes received after the rest became unwanted. */
  get discardedBytes(): number {
    return Math.max(0, this.receivedBytes - this.#wantedBytes);
  }

  start(sink: BodySink): void {
    if (this.#sink !== null) throw new Error("bug: a body started twice");
    this.#sink = sink;
    if (this.#state !== "waiting") return;
    this.#state = "flowing";
    this.#source.bodyWants();
  }

  resume(): void {
    if (this.#state !== "held") return;
    this.#state = "flowing";
    this.#source.bodyWants();
  }

  cancel(): void {
    if (this.#state === "done" || this.#state === "discarding") return;
    this.#sink = null;
    this.#state = "discarding";
    this.#wantedBytes = this.receivedBytes;
    this.#source.bodyCancelled();
  }

  /** Called by the source, as `Consumer.consume`. */
  consume(buffer: Buffer, start: number, end: number): number {
    if (!this.wants || start === end) return start;
    return this.#chunks === null
      ? this.#consumePlain(buffer, start, end)
      : this.#consumeChunks(this.#chunks, buffer, start, end);
  }

  /** Called by the source when the peer sends no more. Returns false when the body is incomplete. */
  peerEnded(): boolean {
    if (!this.#isUntilClose) return false;
    this.#end([]);
    return true;
  }

  /** Called by the source when the body will not be completed. */
  fail(why: Failure): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#sink?.fail(why);
  }

  #consumePlain(buffer: Buffer, start: number, end: number): number {
    const remaining = this.remainingBytes ?? Infinity;
    const stop = Math.min(end, start + remaining);
    this.#give(buffer, start, stop);
    if (this.remainingBytes === 0) this.#end([]);
    return stop;
  }

  #consumeChunks(chunks: ChunkDecoder, buffer: Buffer, start: number, end: number): number {
    const stop = chunks.decode(buffer, start, end);
    if (chunks.payloadEnd > chunks.payloadStart) {
      this.#give(buffer, chunks.payloadStart, chunks.payloadEnd);
    }
    if (chunks.problem !== null) this.#source.bodyBroke(chunks.problem);
    else if (chunks.trailers !== null) this.#end(chunks.trailers);
    return stop;
  }

  #give(buffer: Buffer, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.#sink === null || this.#state !== "flowing") return;
    const hasRoom = this.#sink.chunk(buffer.subarray(start, end));
    // The sink may have cancelled during the call.
    if (!hasRoom && this.#state === "flowing") this.#state = "held";
  }

  #end(trailers: Fields): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#sink?.end(trailers);
    this.#source.bodyEnded();
  }
}
