// A call and its response: the frames as they came, and where their parts are.
import type { Buffer } from "node:buffer";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { root } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Address } from "../../src/core/address.ts";
import type { BoundName, Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";

/** A Tdispatch has all; a Treq, the older form, only a trace and a payload. */
export type Form = "dispatch" | "req";

/** Owns its frame. Whoever changes what is passed on changes fields here, never the frame. */
export class MuxRequest implements Request {
  deadlineMs = Infinity;
  localDtab: Dtab = emptyDtab;
  readonly replayable = true;
  /** Mux does not say it: the configuration of the service may. */
  idempotent = false;
  logicalName: Path | null = null;
  bound: BoundName | null = null;
  endpoint: Address | null = null;
  destination: object | null = null;
  clusterHandle: object | null = null;
  fault?: string;

  readonly form: Form;
  readonly frame: Buffer;
  /** The contexts with their count: `frame[contextsStart, contextsEnd)`; equal: there are none. */
  contextsStart = 0;
  contextsEnd = 0;
  /** Values of contexts within the frame; -1: none. Of a Treq `traceAt` is that of its key. */
  deadlineAt = -1;
  traceAt = -1;
  /** Of a Treq with a trace: its flags. */
  reqFlags = 0;
  /** The caller's own deadline on the scale of `deadlineMs`; Infinity: it sent none that counts. */
  callerDeadlineMs = Infinity;
  /** As the caller wrote it. */
  dest: Path = root;
  /** Why the call cannot be named: its destination or dtab cannot be read. */
  unreadable: string | null = null;
  /** The dtab as it is passed on; null: none. */
  dtabWire: Buffer | null = null;
  payloadStart: number;

  constructor(form: Form, frame: Buffer, payloadStart: number) {
    this.form = form;
    this.frame = frame;
    this.payloadStart = payloadStart;
  }

  get payloadBytes(): number {
    return this.frame.length - this.payloadStart;
  }
}

/** The same call, to be sent beside the first. They share the frame. */
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
  /** The contexts with their count; equal: there are none (an Rreq has none). */
  readonly contextsStart: number;
  readonly contextsEnd: number;
  readonly payloadStart: number;
  /** Of its `MuxFailure`; 0 when there is none. */
  readonly flags: number;
  /** What the path took it for; null: nobody has said. */
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

/** One call as its caller saw it, told once, when it is over. Must not be kept. */
export interface CompletedCall {
  readonly request: MuxRequest;
  readonly outcome: "ok" | "error" | "nack" | "discarded" | "gone";
  readonly failure: Failure | null;
  /** Bytes of the answer's payload. */
  readonly sentBytes: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly peer: PeerInfo;
}
