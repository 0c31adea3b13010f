// The trace of a call, as its context or the keys of a Treq have it.
import type { Buffer } from "node:buffer";
import { recordedTrace } from "../../../src/core/calls/recorded-trace.ts";
import type { RecordedTrace } from "../../../src/core/calls/record.ts";
import { decisionOf } from "../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../src/core/tracing/trace-id.ts";
import type { MuxRequest } from "../message.ts";

/** Of span, parent, trace and flags; the upper half of a 128-bit trace id follows. */
const idBytes = 8;
export const traceBytes = 4 * idBytes;
export const wideTraceBytes = 5 * idBytes;

/** null: the call has no trace, or nobody has decided. */
export function isTraceSampled(request: MuxRequest): boolean | null {
  return request.traceAt < 0 ? null : decisionOf({ flags: flagsOf(request) });
}

/** The caller's span; null: it has none. */
export function traceOf(request: MuxRequest): RecordedTrace | null {
  const trace = readTrace(request);
  return trace === null ? null : recordedTrace(trace);
}

/** The caller's span; null: it has none. */
export function readTrace(request: MuxRequest): TraceId | null {
  const { frame, traceAt, form } = request;
  if (traceAt < 0) return null;
  const half = (index: number): number => frame.readInt32BE(traceAt + 4 * index);
  const isWide = form === "dispatch" && frame.readUInt16BE(traceAt - 2) === wideTraceBytes;
  return {
    spanHigh: half(0),
    spanLow: half(1),
    parentHigh: half(2),
    parentLow: half(3),
    traceHigh: half(4),
    traceLow: half(5),
    wide: isWide ? [half(8), half(9)] : null,
    flagsHigh: form === "dispatch" ? half(6) : 0,
    flags: form === "dispatch" ? half(7) : request.reqFlags,
    isDecidedHere: false,
    w3c: null,
  };
}

/** Writes the value of a trace context; returns its end. */
export function writeTrace(bytes: Buffer, at: number, trace: TraceId): number {
  writeIds(bytes, at, trace);
  bytes.writeInt32BE(trace.flagsHigh, at + 3 * idBytes);
  const end = bytes.writeInt32BE(trace.flags, at + 3 * idBytes + 4);
  if (trace.wide === null) return end;
  bytes.writeInt32BE(trace.wide[0], end);
  return bytes.writeInt32BE(trace.wide[1], end + 4);
}

/** Writes span, parent and trace, which is all that a Treq has; returns their end. */
export function writeIds(bytes: Buffer, at: number, trace: TraceId): number {
  bytes.writeInt32BE(trace.spanHigh, at);
  bytes.writeInt32BE(trace.spanLow, at + 4);
  bytes.writeInt32BE(trace.parentHigh, at + 8);
  bytes.writeInt32BE(trace.parentLow, at + 12);
  bytes.writeInt32BE(trace.traceHigh, at + 16);
  return bytes.writeInt32BE(trace.traceLow, at + 20);
}

function flagsOf({ form, frame, traceAt, reqFlags }: MuxRequest): number {
  return form === "req" ? reqFlags : frame.readUInt8(traceAt + 4 * idBytes - 1);
}
