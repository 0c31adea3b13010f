// Bodies: those that flow once to one sink, and those that are complete in memory.
import type { Failure } from "../../../src/core/failure.ts";
import type { Fields } from "./passthrough-fields.ts";

/** Receives a body. Exactly one of `end` and `fail` is called, last. */
export interface BodySink {
  /**
   * `bytes` is valid only during this call (it may be the shared read buffer): copy to keep.
   * Returns false to receive no more until `resume` is called on the source.
   */
  chunk(bytes: Uint8Array): boolean;
  /** `trailers` is empty unless the body was chunked and had some. */
  end(trailers: Fields): void;
  fail(why: Failure): void;
}

/** A source that delivers a body once, to one sink. */
export interface Body {
  /** Announced bytes; null when the length is known only at the end (chunked, or until close). */
  readonly length: number | null;
  /** The complete body when it is short and came with the head, so nothing flows; empty: no body. */
  readonly whole: Uint8Array | null;
  /** `whole` as text, one character a byte, which the writer joins with a head. Null like `whole`. */
  readonly latin1: string | null;
  /** Starts the flow; not allowed when `whole` is set. May call the sink before it returns. */
  start(sink: BodySink): void;
  resume(): void;
  /**
   * Discards the rest: a bounded amount is drained, or the connection closed. For a response this
   * ends the call before it returns: a filter that substitutes another body starts that one first.
   */
  cancel(): void;
}

/** A complete body, as bytes or as text; the other form is made on demand. */
class WholeBody implements Body {
  readonly length: number;
  #bytes: Uint8Array | null;
  #text: string | null;

  constructor(bytes: Uint8Array | null, text: string | null) {
    this.#bytes = bytes;
    this.#text = text;
    this.length = bytes?.length ?? text?.length ?? 0;
  }

  get whole(): Uint8Array {
    this.#bytes ??= Buffer.from(this.#text ?? "", "latin1");
    return this.#bytes;
  }

  get latin1(): string {
    const bytes = this.#bytes;
    this.#text ??=
      bytes === null
        ? ""
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    return this.#text;
  }

  start(): void {
    throw new Error("bug: start() of a body that is whole");
  }
  resume(): void {}
  cancel(): void {}
}

/** Stands for the absence of a body: no length is announced either. */
export const noBody: Body = new WholeBody(null, "");

/** Makes a complete body. `bytes` is kept, not copied. */
export function wholeBody(bytes: Uint8Array): Body {
  return new WholeBody(bytes, null);
}

/** Makes a complete body from text of one character a byte. */
export function latin1Body(text: string): Body {
  return new WholeBody(null, text);
}

/** Nothing follows, but a length was announced: a response to HEAD, or a 304. */
export function announcedBody(length: number): Body {
  return {
    length,
    whole: new Uint8Array(0),
    latin1: "",
    start() {
      throw new Error("bug: start() of a body that was only announced");
    },
    resume() {},
    cancel() {},
  };
}
