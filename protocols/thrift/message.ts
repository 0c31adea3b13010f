// Thrift requests and responses as the proxy sees them: an envelope, and bytes passed on unchanged.
import { Buffer } from "node:buffer";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import { root } from "../../src/core/names/path.ts";
import { lastScan, messageType } from "./codec/envelope.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Address } from "../../src/core/address.ts";
import type { BoundName, Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { CallIdentity, ExceptionType } from "./codec/exception.ts";
import type { EnvelopeForm } from "./codec/envelope.ts";
import type { Outcome } from "./codec/outcome.ts";
import type { RequestHeader } from "./ttwitter/headers.ts";
import type { HeaderFrame } from "./codec/theader.ts";
import type { ThriftProtocol } from "./codec/types.ts";

/** What stands around a message, beside the four bytes of its length. */
export interface TransportHeaders {
  /** The fields of a THeader frame; null: the message is not in one. */
  readonly header: HeaderFrame | null;
  /** The struct that an upgraded connection (TTwitter) has before each call; null: not upgraded. */
  readonly upgrade: RequestHeader | null;
}

export const noTransportHeaders: TransportHeaders = { header: null, upgrade: null };

/** One call. `frame` is its own bytes, prefix in front; from `messageAt` on it is the message. */
export class ThriftRequest implements Request, CallIdentity {
  deadlineMs = Infinity;
  localDtab: Dtab = emptyDtab;
  readonly replayable = true;
  /** Nobody but the service knows what a method does twice; its configuration may say it. */
  idempotent = false;
  logicalName: Path | null = null;
  bound: BoundName | null = null;
  endpoint: Address | null = null;
  destination: object | null = null;
  clusterHandle: object | null = null;
  fault?: string;

  readonly frame: Buffer;
  readonly messageAt: number;
  readonly transportHeaders: TransportHeaders;
  readonly envelopeForm: EnvelopeForm;
  /** Signed. Never changed on the way. */
  readonly seqid: number;
  readonly isOneway: boolean;
  readonly nameAt: number;
  readonly nameEnd: number;
  readonly peer: PeerInfo;
  /** The name as sent: `method` or, multiplexed, `Service:method`. */
  readonly method: string;
  /** The router's `thriftMethodInDst`, for identifiers. */
  readonly isNamedByMethod: boolean;
  /** The destination that an upgraded caller sent; `/` when it sent none. */
  dest: Path = root;
  /** What an upgraded caller told, as far as it is believed; null: nothing. */
  callerContext: RequestHeader | null = null;

  /** Of the message that `marks` describes. */
  constructor(
    frame: Buffer,
    messageAt: number,
    wrapping: TransportHeaders,
    peer: PeerInfo,
    isNamedByMethod: boolean,
  ) {
    this.frame = frame;
    this.messageAt = messageAt;
    this.transportHeaders = wrapping;
    this.envelopeForm = lastScan.envelopeForm;
    this.seqid = lastScan.seqid;
    this.isOneway = lastScan.type === messageType.oneway;
    this.nameAt = lastScan.nameAt;
    this.nameEnd = lastScan.nameEnd;
    this.method = frame.toString("utf8", lastScan.nameAt, lastScan.nameEnd);
    this.peer = peer;
    this.isNamedByMethod = isNamedByMethod;
  }

  /** The bytes of its name, as they came. */
  get name(): Buffer {
    return this.frame.subarray(this.nameAt, this.nameEnd);
  }
}

/**
 * The same call, to be sent beside the first. They share the frame: what is written before its
 * message is the same for both.
 */
export function copyOf(request: ThriftRequest): ThriftRequest {
  const copy: ThriftRequest = Object.assign(Object.create(Object.getPrototypeOf(request)), request);
  return copy;
}

/** One answer. As with requests, its bytes go to the caller as they came. */
export interface ThriftResponse {
  /** Empty: nothing is sent, the call was one-way. */
  readonly frame: Buffer;
  readonly messageAt: number;
  /** It came in a THeader frame, which goes on with it. */
  readonly isHeaderFrame: boolean;
  readonly outcome: Outcome | "oneway";
  /** What the path took it for; null: nobody has said. */
  verdict: Verdict | null;
  /** Whoever answered says that the call must not be sent again; absent: nobody has said. */
  readonly isFinal?: boolean;
}

/** For a one-way call that has been written: there is nothing to wait for, and nothing to send. */
export function onewayDone(): ThriftResponse {
  const frame = noBytes;
  return { frame, messageAt: 0, isHeaderFrame: false, outcome: "oneway", verdict: null };
}

const noBytes = Buffer.alloc(0);

/** How the ends of messages are found: by a length in front, or by walking over them. */
export type Transport = "framed" | "buffered" | "header";

/** How one side of a router reads and writes messages. */
export interface WireFormat {
  readonly protocol: ThriftProtocol;
  readonly transport: Transport;
  readonly maxFrameBytes: number;
}

/** The exception that a caller gets for a call that failed. */
export interface RenderedFailure {
  readonly type: ExceptionType;
  readonly text: string;
}

export type RenderFailure = (failure: Failure, request: ThriftRequest) => RenderedFailure;

/** One call as the caller saw it end, reported once, after its last byte was written. */
export interface CompletedCall {
  readonly request: ThriftRequest;
  readonly status: ThriftResponse["outcome"] | "error";
  /** Null: the call failed, or the proxy itself responded. */
  readonly response: ThriftResponse | null;
  /** Bytes of the response and of the request, transport headers included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** `Clock.nowMs` when the request was complete, and when its response was written. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly failure: Failure | null;
}
