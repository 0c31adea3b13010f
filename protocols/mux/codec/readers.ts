// Frames read as calls and responses: where their parts are; nothing is copied.
import type { Buffer } from "node:buffer";
import { memoized } from "../../../src/core/memo.ts";
import { tooLarge } from "../../../src/core/names/caller-dtab-limits.ts";
import type { CallerDtabLimits } from "../../../src/core/names/caller-dtab-limits.ts";
import { parsePath } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { MuxRequest, MuxResponse, statusError, statusNack, statusOk } from "../message.ts";
import type { Status } from "../message.ts";
import { contextsProblem, lastScan, scanContexts, shortLength } from "./contexts.ts";
import { dtabEnd, dtabOf } from "./local-dtab.ts";
import { bodyStart, problem } from "./messages.ts";
import type { Problem } from "./messages.ts";

/** A destination that is not a path. */
interface BadPath {
  readonly badPath: string;
}

/** Parsed destinations to remember: a known one costs one lookup. */
const maxPaths = 8192;

const pathOf = memoized<Path | BadPath>(maxPaths, (text) => {
  const parsed = parsePath(text);
  return parsed.ok ? parsed.value : { badPath: parsed.error.message };
});

const noDtab = 2;

/** `frame` is a complete message. */
export function readDispatch(frame: Buffer): MuxRequest | Problem {
  scanContexts(frame, bodyStart);
  const { end, deadlineAt, traceAt } = lastScan;
  if (end < 0) return contextsProblem("a Tdispatch");
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
  if (payloadStart - dtabStart > noDtab) request.dtabStart = dtabStart;
  return request;
}

function readDestination(request: MuxRequest, text: string): void {
  const path = pathOf(text);
  if (typeof path === "string") request.dest = path;
  else request.unreadable = `the destination of the call is not a path: ${path.badPath}`;
}

/** Parses the dtab that the caller sent, if any, within these limits; null: of any size. */
export function readLocalDtab(request: MuxRequest, limits: CallerDtabLimits | null): void {
  const { frame, dtabStart, payloadStart } = request;
  if (dtabStart < 0) return;
  const size =
    limits === null
      ? null
      : tooLarge(payloadStart - dtabStart - noDtab, shortLength(frame, dtabStart), limits);
  if (size !== null) {
    request.unreadable ??= size;
    return;
  }
  const local = dtabOf(frame.toString("latin1", dtabStart, payloadStart));
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

/** `frame` is a complete message. */
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

/** `frame` is a complete Rdispatch. */
export function readRdispatch(frame: Buffer): MuxResponse | Problem {
  const status = statusAt(frame);
  if (typeof status === "object") return status;
  scanContexts(frame, bodyStart + 1);
  const { end, failureAt } = lastScan;
  if (end < 0) return contextsProblem("an Rdispatch");
  const flags = failureAt < 0 ? 0 : frame.readUInt8(failureAt + 7);
  return new MuxResponse(status, frame, bodyStart + 1, end, flags);
}

export function readRreq(frame: Buffer): MuxResponse | Problem {
  const status = statusAt(frame);
  if (typeof status === "object") return status;
  return new MuxResponse(status, frame, bodyStart + 1, bodyStart + 1, 0);
}

function statusAt(frame: Buffer): Status | Problem {
  if (frame.length <= bodyStart) return problem("a response without its status");
  const status = frame.readUInt8(bodyStart);
  if (status === statusOk || status === statusError || status === statusNack) return status;
  return problem(`a response with the unknown status ${status}`);
}
