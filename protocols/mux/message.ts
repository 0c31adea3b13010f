// A call and its response: the frames as they came, and where their parts are.
import type { Buffer } from "node:buffer";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { root } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { NotedAttempt } from "../../src/core/calls/ended-call.ts";
import type { CallWaits } from "../../src/core/calls/waits.ts";
import type { Address } from "../../src/core/address.ts";
import type { BoundName, Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { TraceId } from "../../src/core/tracing/trace-id.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";

/** Tdispatch carries everything; Treq, the older form, only a trace and a payload. */
export type Form = "dispatch" | "req";

/** Owns its frame, which is never modified: filters that change the call change fields here. */
export class MuxRequest implements Request {
  deadlineMs = Infinity;
  localDtab: Dtab = emptyDtab;
  readonly replayable = true;
  /** Mux cannot express it; the service's configuration may. */
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

  readonly form: Form;
  readonly frame: Buffer;
  /** The contexts with their count: `frame[contextsStart, contextsEnd)`; empty when equal. */
  contextsStart = 0;
  contextsEnd = 0;
  /** Offsets of context values within the frame; -1: absent. In a Treq `traceAt` is that of its key. */
  deadlineAt = -1;
  traceAt = -1;
  /** Trace flags of a Treq. */
  reqFlags = 0;
  /** The caller's own deadline on the scale of `deadlineMs`; Infinity: no plausible one was sent. */
  callerDeadlineMs = Infinity;
  /** As sent by the caller. */
  dest: Path = root;
  /** Why the call cannot be identified: its destination or dtab is invalid. */
  unreadable: string | null = null;
  /** Where the caller's dtab starts in the frame, up to the payload; -1: no dtab. */
  dtabStart = -1;
  /** The dtab as it is passed on; null: no dtab. */
  dtabWire: Buffer | null = null;
  payloadStart: number;

  /** Set by the caller's connection. */
  peer: PeerInfo | null = null;

  constructor(form: Form, frame: Buffer, payloadStart: number) {
    this.form = form;
    this.frame = frame;
    this.payloadStart = payloadStart;
  }

  get payloadBytes(): number {
    return this.frame.length - this.payloadStart;
  }
}

/** A copy to be sent in parallel with the original. Both share the frame. */
export function copyOf(request: MuxRequest): MuxRequest {
  return Object.assign(new MuxRequest(request.form, request.frame, request.payloadStart), request);
}

/** The same numbers as on the wire. */
export const statusOk = 0;
export const statusError = 1;
export const statusNack = 2;

export type Status = typeof statusOk | typeof statusError | typeof statusNack;

/** Owns its frame. */
export class MuxResponse {
  readonly status: Status;
  readonly frame: Buffer;
  /** The contexts with their count; equal when there are no contexts (always in an Rreq). */
  readonly contextsStart: number;
  readonly contextsEnd: number;
  readonly payloadStart: number;
  /** Flags of its `MuxFailure` context; 0 when absent. */
  readonly flags: number;
  /** The path's classification; null: not classified yet. */
  verdict: Verdict | null = null;

  constructor(
    status: Status,
    frame: Buffer,
    contextsStart: number,
    payloadStart: number,
    flags: number,
  ) {
    this.status = status;
    this.frame = frame;
    this.contextsStart = contextsStart;
    this.contextsEnd = this.payloadStart = payloadStart;
    this.flags = flags;
  }

  get payloadBytes(): number {
    return this.frame.length - this.payloadStart;
  }
}

/** One call as its caller saw it, reported once, at its end. Must not be kept. */
export interface CompletedCall {
  readonly request: MuxRequest;
  readonly outcome: "ok" | "error" | "nack" | "discarded" | "gone";
  readonly failure: Failure | null;
  /** Of the response; null: it has not been classified, or there is none. */
  readonly verdict: Verdict | null;
  /** Bytes of the response's payload. */
  readonly sentBytes: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly peer: PeerInfo;
}
