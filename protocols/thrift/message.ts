// Thrift requests and responses as the proxy sees them: an envelope, and bytes passed on unchanged.
import { Buffer } from "node:buffer";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import { root } from "../../src/core/names/path.ts";
import { lastScan, messageType } from "./codec/envelope.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { NotedAttempt } from "../../src/core/calls/ended-call.ts";
import type { CallWaits } from "../../src/core/calls/waits.ts";
import type { Address } from "../../src/core/address.ts";
import type { BoundName, Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { TraceId } from "../../src/core/tracing/trace-id.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { CallIdentity, ExceptionType } from "./codec/exception.ts";
import type { EnvelopeForm } from "./codec/envelope.ts";
import type { Outcome } from "./codec/outcome.ts";
import type { RequestHeader } from "./ttwitter/headers.ts";
import type { HeaderFrame } from "./codec/theader.ts";
import type { ThriftProtocol } from "./codec/types.ts";

/** The headers before a message, apart from the four bytes of its length. */
export interface TransportHeaders {
  /** The THeader of its frame; null: a plain frame. */
  readonly header: HeaderFrame | null;
  /** The struct before each request of an upgraded (TTwitter) connection; null: not upgraded. */
  readonly upgrade: RequestHeader | null;
}

export const noTransportHeaders: TransportHeaders = { header: null, upgrade: null };

/** One request. `frame` is owned by it and begins with the prefix; the message starts at `messageAt`. */
export class ThriftRequest implements Request, CallIdentity {
  deadlineMs = Infinity;
  localDtab: Dtab = emptyDtab;
  readonly replayable = true;
  /** Only the service knows what a method does when called twice; its configuration may say so. */
  idempotent = false;
  logicalName: Path | null = null;
  bound: BoundName | null = null;
  endpoint: Address | null = null;
  destination: object | null = null;
  clusterHandle: object | null = null;
  span: TraceId | null = null;
  lastAttempt: NotedAttempt | null = null;
  waits: CallWaits | null = null;
  fault?: string;

  readonly frame: Buffer;
  readonly messageAt: number;
  readonly transportHeaders: TransportHeaders;
  readonly envelopeForm: EnvelopeForm;
  /** Signed. Passed on unchanged. */
  readonly seqid: number;
  readonly isOneway: boolean;
  readonly nameAt: number;
  readonly nameEnd: number;
  readonly peer: PeerInfo;
  /** The name as sent: `method` or, when multiplexed, `Service:method`. */
  readonly method: string;
  /** The router's `thriftMethodInDst`; read by identifiers. */
  readonly isNamedByMethod: boolean;
  /** The destination that an upgraded caller sent; `/` when it sent none. */
  dest: Path = root;
  /** The header sent by an upgraded caller, as far as it is trusted; null: no header. */
  callerContext: RequestHeader | null = null;

  /** For the message that `lastScan` describes. */
  constructor(
    frame: Buffer,
    messageAt: number,
    transportHeaders: TransportHeaders,
    peer: PeerInfo,
    isNamedByMethod: boolean,
  ) {
    this.frame = frame;
    this.messageAt = messageAt;
    this.transportHeaders = transportHeaders;
    this.envelopeForm = lastScan.envelopeForm;
    this.seqid = lastScan.seqid;
    this.isOneway = lastScan.type === messageType.oneway;
    this.nameAt = lastScan.nameAt;
    this.nameEnd = lastScan.nameEnd;
    this.method = frame.toString("utf8", lastScan.nameAt, lastScan.nameEnd);
    this.peer = peer;
    this.isNamedByMethod = isNamedByMethod;
  }

  /** The bytes of its name, as received. */
  get name(): Buffer {
    return this.frame.subarray(this.nameAt, this.nameEnd);
  }
}

/**
 * The same request, to be sent in parallel with the first. They share the frame: what is written
 * before its message is the same for both.
 */
export function copyOf(request: ThriftRequest): ThriftRequest {
  const copy: ThriftRequest = Object.assign(Object.create(Object.getPrototypeOf(request)), request);
  return copy;
}

/** One response. As with requests, its bytes are passed on unchanged. */
export interface ThriftResponse {
  /** Empty for a one-way call: nothing is sent. */
  readonly frame: Buffer;
  readonly messageAt: number;
  /** It came in a THeader frame, which is passed on with it. */
  readonly isHeaderFrame: boolean;
  readonly outcome: Outcome | "oneway";
  /** How the destination's classifier judged it; null: not judged. */
  verdict: Verdict | null;
  /** Whoever responded says that the call must not be sent again; absent: unknown. */
  readonly isFinal?: boolean;
}

/** For a one-way call that has been written: there is no response to await or to send. */
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

/** `cancelled`: the caller left before it got a response. */
export type CallStatus = ThriftResponse["outcome"] | "error" | "cancelled";

export const statusOf = (why: Failure): CallStatus =>
  why.isAbandoned === true ? "cancelled" : "error";

/** One call as the caller saw it end, reported once, after its last byte was written. */
export interface CompletedCall {
  readonly request: ThriftRequest;
  readonly status: CallStatus;
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
