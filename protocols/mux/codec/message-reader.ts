// The bytes of a peer to messages: frames, fragments joined; what is too long is dropped alone.
import type { Buffer } from "node:buffer";
import { Framer, noMemory } from "../../../src/net/framer.ts";
import type { FrameConsumer, SkipReason } from "../../../src/net/framer.ts";
import { Fragments } from "./fragments.ts";
import type { Dropped, FragmentLimits } from "./fragments.ts";
import * as mux from "./messages.ts";
import type { Problem } from "./messages.ts";

export interface MessageConsumer {
  /** One complete message, which the consumer owns. False: no more messages for now. */
  message(frame: Buffer, type: number, tag: number): boolean;
  /** Called with the first fragment of a message: null, or why it is not valid. "unwanted": it is dropped. */
  fragment(tag: number): "wanted" | "unwanted" | Problem;
  /** A message of `type` that is not kept. */
  dropped(what: Dropped, type: number): void;
  /** What is wrong with the input, which can no longer be trusted. The reader must be closed. */
  malformed(what: string): void;
}

/** One per connection, whose owner must `close` it. */
export class MessageReader implements FrameConsumer {
  readonly #limits: FragmentLimits;
  /** The only type that may come in fragments: Tdispatch or Rdispatch. */
  readonly #fragmentedType: number;
  /** Its older form: Treq or Rreq. */
  readonly #plainType: number;
  readonly #consumer: MessageConsumer;
  readonly #framer: Framer;
  readonly #fragments: Fragments;

  constructor(
    limits: FragmentLimits,
    fragmentedType: typeof mux.tdispatch | typeof mux.rdispatch,
    consumer: MessageConsumer,
  ) {
    this.#limits = limits;
    this.#fragmentedType = fragmentedType;
    this.#plainType = fragmentedType === mux.tdispatch ? mux.treq : mux.rreq;
    this.#consumer = consumer;
    this.#framer = new Framer(limits.maxFrameBytes, this);
    this.#fragments = new Fragments(limits);
  }

  /** Consumes `buffer[start, end)`, copying what it keeps. Returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    return this.#framer.push(buffer, start, end);
  }

  /** Bytes of an incomplete message; 0 between messages. */
  get heldBytes(): number {
    return this.#framer.heldBytes;
  }

  /** No more fragments of this message will come. False: there were none. */
  forget(tag: number): boolean {
    return this.#fragments.forget(tag);
  }

  /** Discards what has arrived of this message, and what still arrives. */
  discard(tag: number): void {
    if (this.#fragments.has(tag)) this.#fragments.drop(tag, "", false, false);
  }

  close(): void {
    this.#framer.close();
    this.#fragments.close();
  }

  // FrameConsumer

  frame(frame: Buffer): boolean {
    if (frame.length < mux.bodyStart) {
      const bodyBytes = frame.length - mux.bodyStart + mux.minFrameBytes;
      this.#consumer.malformed(`a message of ${bodyBytes} bytes, which is too short for any`);
      return true;
    }
    const type = mux.typeOf(frame);
    const tag = mux.tagOf(frame);
    if (type !== this.#fragmentedType) return this.#consumer.message(frame, type, tag);
    if ((tag & mux.moreFollows) !== 0 && !this.#fragments.has(tag & mux.maxTag)) {
      return this.#firstFragment(frame, tag & mux.maxTag);
    }
    return this.#added(this.#fragments.add(frame));
  }

  tooLong(lengthBytes: number): void {
    this.#consumer.malformed(
      lengthBytes < 0
        ? `a message of a negative size (${lengthBytes}): is it mux?`
        : this.#tooLong(lengthBytes),
    );
  }

  /** Calls and responses have tags, so that only one call fails. What else is long is hardly mux. */
  canSkip(head: Buffer): boolean | null {
    if (head.length < mux.bodyStart) return null;
    const type = mux.typeOf(head);
    return type === this.#fragmentedType || type === this.#plainType;
  }

  skipped(head: Buffer, lengthBytes: number, reason: SkipReason): boolean {
    const text = reason === "no memory" ? noMemory : this.#tooLong(lengthBytes);
    const type = mux.typeOf(head);
    const tag = mux.tagOf(head) & mux.maxTag;
    const isFragment = (mux.tagOf(head) & mux.moreFollows) !== 0;
    const mayRetry = reason === "no memory";
    if (type === this.#fragmentedType) {
      return this.#added(this.#fragments.drop(tag, text, mayRetry, !isFragment));
    }
    this.#consumer.dropped({ tag, dropped: text, mayRetry, isLast: true }, type);
    return true;
  }

  #tooLong(lengthBytes: number): string {
    const { maxFrameBytes } = this.#limits;
    return `a message of ${lengthBytes} bytes, more than the ${maxFrameBytes} allowed (maxFrameKB)`;
  }

  #firstFragment(frame: Buffer, tag: number): boolean {
    const verdict = this.#consumer.fragment(tag);
    if (typeof verdict === "object") this.#consumer.malformed(verdict.problem);
    else if (verdict === "wanted") return this.#added(this.#fragments.add(frame));
    else this.#fragments.drop(tag, "", false, false);
    return true;
  }

  #added(result: ReturnType<Fragments["add"]>): boolean {
    if (result === null) return true;
    if ("problem" in result) this.#consumer.malformed(result.problem);
    else if ("dropped" in result) this.#consumer.dropped(result, this.#fragmentedType);
    else return this.#consumer.message(result, this.#fragmentedType, mux.tagOf(result));
    return true;
  }
}
