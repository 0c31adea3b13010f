// A call and its answer: the frames as they came, and where their parts are.
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { memoized } from "../../src/core/memo.ts";
import { parsePath, root } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Address } from "../../src/core/address.ts";
import type { BoundName, Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import { lastScan, scanContexts, shortLength } from "./codec/contexts.ts";
import { dtabEnd, dtabOf } from "./codec/local-dtab.ts";
import { bodyStart, problem, statusError, statusNack, statusOk } from "./codec/messages.ts";
import type { Problem } from "./codec/messages.ts";

/** A Tdispatch has all; a Treq, the older form, only a trace and a payload. */
export type Form = "dispatch" | "req";

/** A destination that is no path. */
interface BadPath {
  readonly badPath: string;
}

/** Destinations remembered: a known one costs one lookup. */
const maxPaths = 8192;

const pathOf = memoized<Path | BadPath>(maxPaths, (text) => {
  const parsed = parsePath(text);
  return parsed.ok ? parsed.value : { badPath: parsed.error.message };
});

const noDtab = 2;

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

/** Of a frame that is whole. */
export function readDispatch(frame: Buffer): MuxRequest | Problem {
  scanContexts(frame, bodyStart);
  const { end, deadlineAt, traceAt } = lastScan;
  if (end < 0) return problem("a Tdispatch whose contexts are cut short");
  const length = shortLength(frame, end);
  const dtabStart = end + 2 + length;
  if (length < 0 || dtabStart > frame.length) {
    return problem("a Tdispatch whose destination is cut short");
  }
  const payloadStart = dtabEnd(frame, dtabStart);
  if (payloadStart < 0) return problem("a Tdispatch whose dtab is cut short");
  const request = new MuxRequest("dispatch", frame, payloadStart);
  request.contextsStart = bodyStart;
  request.contextsEnd = end;
  request.deadlineAt = deadlineAt;
  request.traceAt = traceAt;
  if (length > 0) readDestination(request, frame.toString("utf8", end + 2, dtabStart));
  if (payloadStart - dtabStart > noDtab) {
    readDtab(request, frame.toString("latin1", dtabStart, payloadStart));
  }
  return request;
}

function readDestination(request: MuxRequest, text: string): void {
  const path = pathOf(text);
  if (typeof path === "string") request.dest = path;
  else request.unreadable = `the destination of the call is not a path: ${path.badPath}`;
}

function readDtab(request: MuxRequest, latin1: string): void {
  const local = dtabOf(latin1);
  if ("badDtab" in local) {
    request.unreadable ??= `the dtab of the call cannot be read: ${local.badDtab}`;
    return;
  }
  request.localDtab = local.dtab;
  request.dtabWire = local.wire.length > noDtab ? local.wire : null;
}

const traceIdKey = 1;
const flagsKey = 2;
const traceIdBytes = 24;

/** Of a frame that is whole. */
export function readReq(frame: Buffer): MuxRequest | Problem {
  if (frame.length <= bodyStart) return problem("a Treq without the number of its keys");
  const keys = frame.readInt8(bodyStart);
  if (keys < 0) return problem("a Treq with too many keys");
  let at = bodyStart + 1;
  let traceAt = -1;
  let flags = 0;
  for (let i = 0; i < keys; i++) {
    if (at + 2 > frame.length) return problem("a Treq whose keys are cut short");
    const key = frame.readUInt8(at);
    const length = frame.readUInt8(at + 1);
    at += 2;
    if (at + length > frame.length) return problem("a Treq whose keys are cut short");
    if (key === traceIdKey) {
      if (length !== traceIdBytes) return problem(`a Treq whose trace has ${length} bytes, not 24`);
      traceAt = at;
    } else if (key === flagsKey && length > 0) {
      flags = frame.readUInt8(at + length - 1);
    }
    at += length;
  }
  const request = new MuxRequest("req", frame, at);
  request.traceAt = traceAt;
  request.reqFlags = flags;
  return request;
}

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

/** Of an Rdispatch that is whole. */
export function readRdispatch(frame: Buffer): MuxResponse | Problem {
  const status = statusAt(frame);
  if (typeof status === "object") return status;
  scanContexts(frame, bodyStart + 1);
  const { end, failureAt } = lastScan;
  if (end < 0) return problem("an Rdispatch whose contexts are cut short");
  const flags = failureAt < 0 ? 0 : frame.readUInt8(failureAt + 7);
  return new MuxResponse(status, frame, bodyStart + 1, end, flags);
}

export function readRreq(frame: Buffer): MuxResponse | Problem {
  const status = statusAt(frame);
  if (typeof status === "object") return status;
  return new MuxResponse(status, frame, bodyStart + 1, bodyStart + 1, 0);
}

function statusAt(frame: Buffer): Status | Problem {
  if (frame.length <= bodyStart) return problem("an answer without its status");
  const status = frame.readUInt8(bodyStart);
  if (status === statusOk || status === statusError || status === statusNack) return status;
  return problem(`an answer with the unknown status ${status}`);
}
