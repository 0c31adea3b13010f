// Bodies: one that flows, once, to one sink; and those that are all here.
import type { Failure } from "../../../src/core/failure.ts";
import type { Fields } from "./passthrough-fields.ts";

/** Takes a body. Exactly one of `end` and `fail` comes, last. */
export interface BodySink {
  /**
   * `bytes` is good only during this call (it may be the shared read buffer): copy to keep.
   * false: no more until `resume` is called on the source.
   */
  chunk(bytes: Uint8Array): boolean;
  /** `trailers` is empty unless the body was chunked and had some. */
  end(trailers: Fields): void;
  fail(why: Failure): void;
}

/** Gives a body, once, to one sink. */
export interface Body {
  /** Bytes announced; null when only the end will tell (chunked, or until close). */
  readonly length: number | null;
  /** All of it, when it is short and came with the head: nothing will flow. Empty for no body. */
  readonly whole: Uint8Array | null;
  /** The same as text, one character a byte: what the writer joins with a head. Null like `whole`. */
  readonly latin1: string | null;
  /** Begins the flow; never when `whole` is there. May call the sink before it returns. */
  start(sink: BodySink): void;
  resume(): void;
  /**
   * Nobody wants the rest: a bounded amount is drained, or the connection closed. Of an answer this
   * ends the call before it returns: whoever puts another body in its place starts that one first.
   */
  cancel(): void;
}

/** A body that is all here: as bytes or as text, and the other form when somebody asks. */
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

/** The body of a message that has none: nothing is announced either. */
export const noBody: Body = new WholeBody(null, "");

/** A body that is all here. `bytes` is kept, not copied. */
export function wholeBody(bytes: Uint8Array): Body {
  return new WholeBody(bytes, null);
}

/** A body that is all here, as text of one character a byte. */
export function latin1Body(text: string): Body {
  return new WholeBody(null, text);
}

/** Nothing follows, but a length was announced: the answer to a HEAD, or a 304. */
export function announcedBody(length: number): Body {
  return {
    length,
    whole: new Uint8Array(0),
    latin1: "",
    start() {
      throw new Error("bug: start() of a body that only was announced");
    },
    resume() {},
    cancel() {},
  };
}
