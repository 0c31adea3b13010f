// Bytes of a caller to calls: frames, what stands around a message, and its envelope.
import { Framer, prefixBytes } from "../../../src/net/framer.ts";
import { lastScan, messageType, readEnvelope } from "./envelope.ts";
import { exceptionType } from "./exception.ts";
import { isHeaderFrame, readHeaderFrame } from "./theader.ts";
import { noTransportHeaders, ThriftRequest } from "../message.ts";
import { UnframedReader } from "./unframed-reader.ts";
import { readRequestHeader, upgradeMethod } from "../ttwitter/headers.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { ExceptionType } from "./exception.ts";
import type { WireFormat, TransportHeaders } from "../message.ts";
import type { HeaderFrame } from "./theader.ts";

/** Bytes that cannot be a call, and what may be said of them to the caller. */
export interface Malformed {
  /** For the log and, if it can be told which call it was, for the caller. */
  readonly reason: string;
  readonly type: ExceptionType;
  readonly wireFormat: WireFormat;
  /** The caller's connection is upgraded: a header stands before the message. */
  readonly isUpgraded: boolean;
  /** The THeader around it, if that could be read. */
  readonly header: HeaderFrame | null;
  /** What has come of the message, from its first byte; good during the call only. */
  readonly received: Uint8Array;
  /** More of it may come. */
  readonly mayContinue: boolean;
}

/** Takes calls as they come. True: go on; false: no more now. */
export interface RequestConsumer {
  call(request: ThriftRequest): boolean;
  /** The caller asks whether this server knows the TTwitter upgrade; from here on it does. */
  upgrade(request: ThriftRequest): boolean;
  /** The last that it hears. */
  malformed(what: Malformed): void;
}

/** Holds at most one call in part. */
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
    taker: RequestConsumer,
  ) {
    this.#wireFormat = wireFormat;
    this.#isNamedByMethod = wireFormat.isNamedByMethod;
    this.#peer = peer;
    this.#consumer = taker;
    this.#source =
      wireFormat.transport === "buffered"
        ? new UnframedReader(wireFormat.maxFrameBytes, this)
        : new Framer(wireFormat.maxFrameBytes, this);
  }

  /** Bytes of a call that is not whole: 0 between calls. */
  get heldBytes(): number {
    return this.#source.heldBytes;
  }

  /** Takes bytes until the taker wants no more; returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    return this.#source.push(buffer, start, end);
  }

  // FrameTaker, MessageTaker

  frame(frame: Buffer): boolean {
    if (this.#isUpgraded) return this.#upgraded(frame);
    if (this.#wireFormat.transport === "header" && isHeaderFrame(frame))
      return this.#inHeader(frame);
    return this.#message(frame, prefixBytes, noTransportHeaders);
  }

  tooLong(lengthBytes: number, buffer: Buffer, start: number, end: number): void {
    const { maxFrameBytes } = this.#wireFormat;
    const isNegative = lengthBytes < 0;
    const what = isNegative
      ? `the length of a frame is negative (${lengthBytes}): the caller may not be framed (thriftFramed: false)`
      : `a frame of ${lengthBytes} bytes is longer than the ${maxFrameBytes} that maxFrameKB allows`;
    const reason = what + guessOf(lengthBytes);
    const received = buffer.subarray(start, end);
    this.#refuse(reason, exceptionType.protocolError, received, null, !isNegative);
  }

  notMessage(reason: string, received: Uint8Array): void {
    this.#refuse(`not a Thrift message: ${reason}`, exceptionType.protocolError, received);
  }

  #upgraded(frame: Buffer): boolean {
    const { protocol } = this.#wireFormat;
    const header = readRequestHeader(protocol, frame, prefixBytes, frame.length);
    if (typeof header !== "string") {
      return this.#message(frame, header.end, { header: null, upgrade: header.value });
    }
    const reason = `the header of an upgraded call cannot be read: ${header}`;
    return this.#refuse(reason, exceptionType.protocolError, noBytes);
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

  #message(frame: Buffer, messageAt: number, wrapping: TransportHeaders): boolean {
    const problem = readEnvelope(frame, messageAt, frame.length) ?? this.#problem(frame, wrapping);
    if (problem !== null) return this.#badMessage(frame, messageAt, wrapping, problem);
    const request = new ThriftRequest(
      frame,
      messageAt,
      wrapping,
      this.#peer,
      this.#isNamedByMethod,
    );
    if (request.method !== upgradeMethod || !this.#mayUpgrade(wrapping)) {
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

  /** Of a message whose envelope could be read. */
  #problem(frame: Buffer, wrapping: TransportHeaders): string | null {
    const { type, envelopeForm, bodyAt } = lastScan;
    if (type !== messageType.call && type !== messageType.oneway) return noCall;
    const protocol = envelopeForm === "compact" ? "compact" : "binary";
    if (wrapping.header === null && protocol !== this.#wireFormat.protocol) return otherProtocol;
    return bodyAt < frame.length ? null : "the message ends behind its header";
  }

  #badMessage(
    frame: Buffer,
    messageAt: number,
    wrapping: TransportHeaders,
    problem: string,
  ): boolean {
    const received = frame.subarray(messageAt);
    const { header } = wrapping;
    if (problem === noCall) {
      const reason = `a message of type ${lastScan.type} came, which is no call`;
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

  #refuse(
    reason: string,
    type: ExceptionType,
    received: Uint8Array,
    header: HeaderFrame | null = null,
    mayContinue = false,
  ): boolean {
    const isUpgraded = this.#isUpgraded;
    const wireFormat = this.#wireFormat;
    this.#consumer.malformed({
      reason,
      type,
      wireFormat,
      isUpgraded,
      header,
      received,
      mayContinue,
    });
    return false;
  }
}

const names = ["binary", "compact"] as const;
const noCall = "no call";
const otherProtocol = "another protocol";
const noBytes = new Uint8Array(0);

/** A compressed message: nothing of it can be read on the way. */
const transformed =
  "a message is transformed (compressed): switch transforms off, the proxy has to read its name";

/** What a length may be that is none: the first bytes of something else. */
function guessOf(lengthBytes: number): string {
  const bytes = Buffer.alloc(prefixBytes);
  bytes.writeInt32BE(lengthBytes);
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return " (the first bytes are those of TLS)";
  const text = bytes.toString("latin1");
  if (!/^[\x20-\x7e]+$/.test(text)) return "";
  return ` (the first bytes are the text "${text}": is it HTTP?)`;
}
