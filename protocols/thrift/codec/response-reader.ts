// Bytes of an endpoint to responses: one at a time, each for the call that is awaited.
import type { Buffer } from "node:buffer";
import { Framer, noMemory, prefixBytes } from "../../../src/net/framer.ts";
import type { SkipReason } from "../../../src/net/framer.ts";
import { lastScan, messageType, readEnvelope, unknownType } from "./envelope.ts";
import { outcomeOf } from "./outcome.ts";
import { isHeaderFrame, readHeaderFrame } from "./theader.ts";
import { UnframedReader } from "./unframed-reader.ts";
import { readStruct } from "./struct-reader.ts";
import { onewayDone } from "../message.ts";
import type { WireFormat, ThriftRequest, ThriftResponse } from "../message.ts";

/** Holds at most one response. */
export class ResponseReader {
  /** The last response; whoever takes it clears it. */
  response: ThriftResponse | null = null;
  /** Why the bytes are not a response; the reader is unusable from then on. */
  problem: string | null = null;
  /** `problem` is a shortage of the proxy's own memory: the endpoint is not to blame. */
  isShortage = false;
  readonly #wireFormat: WireFormat;
  readonly #isUpgraded: boolean;
  readonly #source: Framer | UnframedReader;

  constructor(wireFormat: WireFormat, isUpgraded: boolean) {
    this.#wireFormat = wireFormat;
    this.#isUpgraded = isUpgraded;
    if (wireFormat.transport === "buffered") {
      this.#source = new UnframedReader(wireFormat.maxFrameBytes, this);
      if (isUpgraded) this.#source.headerProtocol = wireFormat.protocol;
    } else this.#source = new Framer(wireFormat.maxFrameBytes, this);
  }

  /** Bytes of an incomplete response. */
  get heldBytes(): number {
    return this.#source.heldBytes;
  }

  /** Drops an incomplete response. */
  close(): void {
    this.#source.close();
  }

  /** Stops after a response. */
  push(buffer: Buffer, start: number, end: number): number {
    return this.#source.push(buffer, start, end);
  }

  /** Why the last response cannot be the one to `request`; null: it is. */
  mismatch(request: ThriftRequest): string | null {
    const { seqid, type } = lastScan;
    if (this.response?.outcome === "oneway") return "the message is empty";
    if (seqid !== request.seqid) {
      return `it carries sequence id ${seqid}, and the call ${request.method} had ${request.seqid}`;
    }
    const { response } = this;
    if (type === messageType.exception || response === null) return null;
    if (isNameOf(response.frame, lastScan.nameAt, lastScan.nameEnd, request)) return null;
    const name = response.frame.toString("utf8", lastScan.nameAt, lastScan.nameEnd);
    return `it is for ${name}, and the call was ${request.method}`;
  }

  /** Whether the last response has the sequence id and the name of `request`. */
  isNamedLike(request: ThriftRequest): boolean {
    const { response } = this;
    if (response === null || response.outcome === "oneway") return false;
    const { seqid, nameAt, nameEnd } = lastScan;
    return seqid === request.seqid && isNameOf(response.frame, nameAt, nameEnd, request);
  }

  // FrameConsumer, MessageConsumer

  frame(frame: Buffer): boolean {
    const messageAt = this.#messageAt(frame);
    if (typeof messageAt === "string") return this.#fail(messageAt);
    if (messageAt >= frame.length) {
      this.response = onewayDone(); // to a one-way call; to any other it is a mismatch
      return false;
    }
    const problem = readEnvelope(frame, messageAt, frame.length);
    if (problem !== null && problem !== unknownType) return this.#fail(problem);
    const { type } = lastScan;
    if (type !== messageType.reply && type !== messageType.exception) {
      return this.#fail(`a message of type ${type}, which is not a response`);
    }
    const outcome = outcomeOf(frame, frame.length);
    if (outcome === null) return this.#fail("the message ends before its result");
    const isInHeader = messageAt !== prefixBytes && !this.#isUpgraded;
    this.response = { frame, messageAt, isHeaderFrame: isInHeader, outcome, verdict: null };
    return false;
  }

  tooLong(
    lengthBytes: number,
    _buffer: Buffer,
    _start: number,
    _end: number,
    why: SkipReason,
  ): void {
    if (why === "no memory") return this.noMemory();
    this.#fail(
      lengthBytes < 0
        ? `the length of a frame is negative (${lengthBytes}): the endpoint may not be framed (thriftFramed: false)`
        : `a frame of ${lengthBytes} bytes, longer than the ${this.#wireFormat.maxFrameBytes} that maxFrameKB allows`,
    );
    return undefined;
  }

  noMemory(): void {
    this.isShortage = true;
    this.#fail(noMemory);
  }

  notMessage(reason: string): void {
    this.#fail(reason);
  }

  #messageAt(frame: Buffer): number | string {
    if (frame.length === prefixBytes) return prefixBytes;
    if (this.#isUpgraded) {
      const header = readStruct(
        this.#wireFormat.protocol,
        frame,
        prefixBytes,
        frame.length,
        (reader) => reader.struct(() => false),
      );
      return typeof header === "string" ? `its ResponseHeader: ${header}` : header.end;
    }
    if (this.#wireFormat.transport !== "header" || !isHeaderFrame(frame)) return prefixBytes;
    const header = readHeaderFrame(frame);
    if (typeof header === "string") return header;
    return header.isTransformed ? "its message is transformed (compressed)" : header.messageAt;
  }

  #fail(why: string): false {
    this.problem ??= why;
    return false;
  }
}

/** A response repeats the name of its call; after a multiplexed call it may leave out the service. */
function isNameOf(frame: Buffer, start: number, end: number, request: ThriftRequest): boolean {
  const skipped = request.nameEnd - request.nameAt - (end - start);
  if (skipped < 0) return false;
  const isAfterColon = skipped > 0 && request.frame[request.nameAt + skipped - 1] === colon;
  if (skipped > 0 && !isAfterColon) return false;
  const offset = request.nameAt + skipped - start;
  for (let at = start; at < end; at++) {
    if (frame[at] !== request.frame[at + offset]) return false;
  }
  return true;
}

const colon = 0x3a;
