// Bytes of a caller to requests: frames, the headers before a message, and its envelope.
import { Framer, noMemory, prefixBytes } from "../../../src/net/framer.ts";
import type { SkipReason } from "../../../src/net/framer.ts";
import {
  lastScan,
  messageType,
  readEnvelope,
  readWhole,
  truncated,
  unknownType,
} from "./envelope.ts";
import { exceptionType } from "./exception.ts";
import { isHeaderFrame, readHeaderFrame } from "./theader.ts";
import { noTransportHeaders, ThriftRequest } from "../message.ts";
import { Skipper } from "./skipper.ts";
import type { ThriftProtocol } from "./types.ts";
import { UnframedReader } from "./unframed-reader.ts";
import { readRequestHeader, upgradeMethod } from "../ttwitter/headers.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { ExceptionType } from "./exception.ts";
import type { WireFormat, TransportHeaders } from "../message.ts";
import type { HeaderFrame } from "./theader.ts";

/** Bytes that cannot be a call, and what the caller may be told about them. */
export interface Malformed {
  /** For the log and, if the call can be identified, for the caller. */
  readonly reason: string;
  readonly type: ExceptionType;
  readonly wireFormat: WireFormat;
  /** The caller's connection is upgraded: a header stands before the message. */
  readonly isUpgraded: boolean;
  /** The THeader around it, if that could be read. */
  readonly header: HeaderFrame | null;
  /** The beginning of the message; valid during the call only. */
  readonly received: Uint8Array;
  /** More of it may arrive. */
  readonly mayContinue: boolean;
  /** All of it was read: the calls after it can be read, too. */
  readonly isWhole: boolean;
}

/** Takes calls as they arrive. True: continue; false: no more now. */
export interface RequestConsumer {
  call(request: ThriftRequest): boolean;
  /** The caller asks for the TTwitter upgrade; from here on its calls are upgraded. */
  upgrade(request: ThriftRequest): boolean;
  /** As for calls. Unless `what` is whole, it is the last that the consumer gets. */
  malformed(what: Malformed): boolean;
}

/** Holds at most one incomplete call. */
export class RequestReader {
  readonly #wireFormat: WireFormat;
  readonly #isNamedByMethod: boolean;
  readonly #peer: PeerInfo;
  readonly #consumer: RequestConsumer;
  readonly #source: Framer | UnframedReader;
  #isUpgraded = false;

  constructor(
    wireFormat: WireFormat & { readonly isNamedByMethod: boolean },
    peer: PeerInfo,
    consumer: RequestConsumer,
  ) {
    this.#wireFormat = wireFormat;
    this.#isNamedByMethod = wireFormat.isNamedByMethod;
    this.#peer = peer;
    this.#consumer = consumer;
    this.#source =
      wireFormat.transport === "buffered"
        ? new UnframedReader(wireFormat.maxFrameBytes, this)
        : new Framer(wireFormat.maxFrameBytes, this);
  }

  /** Bytes of an incomplete call: 0 between calls. */
  get heldBytes(): number {
    return this.#source.heldBytes;
  }

  /** Drops an incomplete call. */
  close(): void {
    this.#source.close();
  }

  /** Takes bytes until the consumer wants no more; returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    return this.#source.push(buffer, start, end);
  }

  // FrameConsumer, MessageConsumer

  frame(frame: Buffer): boolean {
    if (this.#isUpgraded) return this.#upgraded(frame);
    if (this.#wireFormat.transport === "header" && isHeaderFrame(frame))
      return this.#inHeader(frame);
    return this.#message(frame, prefixBytes, noTransportHeaders);
  }

  tooLong(
    lengthBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
    cause: SkipReason,
  ): void {
    const begin = buffer.subarray(start, end);
    if (cause === "no memory") {
      this.#malformed(noMemory, exceptionType.internalError, begin, {});
      return;
    }
    const isNegative = lengthBytes < 0;
    const what = isNegative
      ? `the length of a frame is negative (${lengthBytes}): the caller may not be framed (thriftFramed: false)`
      : this.#tooLong(lengthBytes);
    const reason = what + guessOf(lengthBytes);
    const mayContinue = !isNegative;
    this.#malformed(reason, exceptionType.protocolError, begin, { mayContinue });
  }

  /** Whether the frame can be skipped: its beginning says which call to refuse, whatever else is wrong with it. */
  canSkip(head: Buffer): boolean | null {
    const { received } = this.#beginning(head);
    if (received === null || received.length === 0) return null;
    // Without a version any text looks like a message with a strange type.
    const read = (received[0] as number) >= 0x80 ? readWhole : readEnvelope;
    const problem = read(received, 0, received.length);
    return problem === truncated ? null : problem === null;
  }

  skipped(head: Buffer, lengthBytes: number, reason: SkipReason): boolean {
    const { received, header } = this.#beginning(head);
    const [text, type] =
      reason === "no memory"
        ? [noMemory, exceptionType.internalError]
        : [this.#tooLong(lengthBytes), exceptionType.protocolError];
    return this.#refuse(text, type, received ?? noBytes, header);
  }

  /** The message in the first bytes of a frame; null: they end before it. */
  #beginning(head: Buffer): { received: Buffer | null; header: HeaderFrame | null } {
    if (this.#isUpgraded) {
      const { protocol } = this.#wireFormat;
      const header = readRequestHeader(protocol, head, prefixBytes, head.length);
      return {
        received: typeof header === "string" ? null : head.subarray(header.end),
        header: null,
      };
    }
    if (this.#wireFormat.transport !== "header" || !isHeaderFrame(head)) {
      return { received: head.subarray(prefixBytes), header: null };
    }
    const header = readHeaderFrame(head);
    if (typeof header === "string") return { received: null, header: null };
    return { received: head.subarray(header.messageAt), header };
  }

  #tooLong(lengthBytes: number): string {
    const { maxFrameBytes } = this.#wireFormat;
    return `a frame of ${lengthBytes} bytes is longer than the ${maxFrameBytes} that maxFrameKB allows`;
  }

  noMemory(received: Uint8Array): void {
    this.#malformed(noMemory, exceptionType.internalError, received, {});
  }

  notMessage(reason: string, received: Uint8Array): void {
    this.#malformed(`not a Thrift message: ${reason}`, exceptionType.protocolError, received, {});
  }

  #upgraded(frame: Buffer): boolean {
    const { protocol } = this.#wireFormat;
    const header = readRequestHeader(protocol, frame, prefixBytes, frame.length);
    if (typeof header !== "string") {
      return this.#message(frame, header.end, { header: null, upgrade: header.value });
    }
    const reason = `the header of an upgraded call cannot be read: ${header}`;
    return this.#refuse(reason, exceptionType.protocolError, messageBehind(frame, protocol));
  }

  #inHeader(frame: Buffer): boolean {
    const header = readHeaderFrame(frame);
    if (typeof header === "string") {
      return this.#refuse(header, exceptionType.protocolError, noBytes);
    }
    if (header.isTransformed) {
      return this.#refuse(transformed, exceptionType.invalidTransform, noBytes, header);
    }
    return this.#message(frame, header.messageAt, { header, upgrade: null });
  }

  #message(frame: Buffer, messageAt: number, headers: TransportHeaders): boolean {
    const problem = readEnvelope(frame, messageAt, frame.length) ?? this.#problem(frame, headers);
    if (problem !== null) return this.#badMessage(frame, messageAt, headers, problem);
    const request = new ThriftRequest(frame, messageAt, headers, this.#peer, this.#isNamedByMethod);
    if (request.method !== upgradeMethod || !this.#mayUpgrade(headers)) {
      return this.#consumer.call(request);
    }
    this.#isUpgraded = true;
    if (this.#source instanceof UnframedReader)
      this.#source.headerProtocol = this.#wireFormat.protocol;
    return this.#consumer.upgrade(request);
  }

  #mayUpgrade({ header, upgrade }: TransportHeaders): boolean {
    return header === null && upgrade === null && lastScan.type === messageType.call;
  }

  /** What is wrong with a message whose envelope could be read. */
  #problem(frame: Buffer, headers: TransportHeaders): string | null {
    const { type, envelopeForm, bodyAt } = lastScan;
    if (type !== messageType.call && type !== messageType.oneway) return noCall;
    const protocol = envelopeForm === "compact" ? "compact" : "binary";
    if (headers.header === null && protocol !== this.#wireFormat.protocol) return otherProtocol;
    return bodyAt < frame.length ? null : "the message ends after its envelope";
  }

  #badMessage(
    frame: Buffer,
    messageAt: number,
    headers: TransportHeaders,
    problem: string,
  ): boolean {
    const received = frame.subarray(messageAt);
    const { header } = headers;
    if (problem === noCall || problem === unknownType) {
      const reason = `a message of type ${lastScan.type} came, which is not a call`;
      return this.#refuse(reason, exceptionType.invalidMessageType, received, header);
    }
    if (problem === otherProtocol) {
      const [ours, theirs] = this.#wireFormat.protocol === "binary" ? names : names.toReversed();
      const reason = `a call came in the ${theirs} protocol, and thriftProtocol of this router is ${ours}`;
      return this.#refuse(reason, exceptionType.invalidProtocol, received, header);
    }
    const reason = `not a Thrift message: ${problem}`;
    return this.#refuse(reason, exceptionType.protocolError, received, header);
  }

  /** Of a message that was read to its end. */
  #refuse(
    reason: string,
    type: ExceptionType,
    received: Uint8Array,
    header: HeaderFrame | null = null,
  ): boolean {
    return this.#malformed(reason, type, received, { header, isWhole: true });
  }

  #malformed(
    reason: string,
    type: ExceptionType,
    received: Uint8Array,
    { header = null, mayContinue = false, isWhole = false }: Partial<Malformed>,
  ): boolean {
    const [wireFormat, isUpgraded] = [this.#wireFormat, this.#isUpgraded];
    const more = { wireFormat, isUpgraded, header, mayContinue, isWhole };
    return this.#consumer.malformed({ reason, type, received, ...more });
  }
}

const names = ["binary", "compact"] as const;
const noCall = "no call";
const otherProtocol = "another protocol";
const noBytes = new Uint8Array(0);

/** Longer headers that cannot be read are not stepped through to find the call to refuse. */
const maxSkippedBytes = 256 * 1024;

/** The message behind a header that cannot be read; empty: it was not found. */
function messageBehind(frame: Buffer, protocol: ThriftProtocol): Uint8Array {
  const skipper = new Skipper();
  skipper.beginStruct(protocol, maxSkippedBytes);
  const end = skipper.push(frame, prefixBytes, frame.length);
  return skipper.isDone && skipper.problem === null ? frame.subarray(end) : noBytes;
}

/** A compressed message, of which the proxy cannot read the name. */
const transformed =
  "a message is transformed (compressed): switch transforms off, the proxy has to read its name";

/** What the first four bytes may be, if not a length: the beginning of another protocol. */
function guessOf(lengthBytes: number): string {
  const bytes = Buffer.alloc(prefixBytes);
  bytes.writeInt32BE(lengthBytes);
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return " (the first bytes are those of TLS)";
  const text = bytes.toString("latin1");
  if (!/^[\x20-\x7e]+$/.test(text)) return "";
  return ` (the first bytes are the text "${text}": is it HTTP?)`;
}
