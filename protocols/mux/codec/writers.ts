// Writes the heads of calls and responses: received bytes are copied, changes are patched in.
import type { Clock, Random } from "../../../src/core/clock.ts";
import { combined, deadlineAt } from "../../../src/core/deadline.ts";
import { root } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { attemptSpan } from "../../../src/core/tracing/attempt-span.ts";
import type { MuxRequest, MuxResponse } from "../message.ts";
import { traceBytes, wideTraceBytes, writeIds, writeTrace } from "./traces.ts";
import {
  deadlineKey,
  entryBytes,
  traceKey,
  writeKey,
  deadlineBytes,
  readDeadline,
  writeDeadline,
} from "./contexts.ts";

/** The parts of a message's body before its payload. */
export interface HeadWriter<M> {
  /** Bytes that `write` writes. */
  headBytes(message: M): number;
  write(bytes: Buffer, at: number, message: M): void;
}

interface WriterDeps {
  readonly clock: Clock;
  readonly random: Random;
}

const idBytes = 8;
const deadlineEntryBytes = entryBytes(deadlineKey, deadlineBytes);
const traceEntryBytes = entryBytes(traceKey, traceBytes);
const wideTraceEntryBytes = entryBytes(traceKey, wideTraceBytes);

/** The proxy's own limit is tighter than the caller's deadline, or the caller set none. */
function setsDeadline({ deadlineMs, callerDeadlineMs }: MuxRequest): boolean {
  return deadlineMs < callerDeadlineMs;
}

/** The proxy's own deadline is appended to the contexts, unless it replaces the caller's. */
function addsDeadline(request: MuxRequest): boolean {
  return setsDeadline(request) && request.deadlineAt < 0;
}

/**
 * A Treq's trace becomes a context of the Tdispatch, and so does one that begins here. A trace that is
 * continued keeps its place, since its ids keep their length.
 */
function addsTrace({ form, traceAt, span }: MuxRequest): boolean {
  return traceAt >= 0 ? form === "req" : span !== null;
}

/** Bytes that the trace adds to the contexts. */
function addedTraceBytes(request: MuxRequest): number {
  if (!addsTrace(request)) return 0;
  return (request.span?.wide ?? null) === null ? traceEntryBytes : wideTraceEntryBytes;
}

/** The body of a Tdispatch up to its payload. The destination is the residual of the bound name. */
export function dispatchWriter({ clock, random }: WriterDeps): HeadWriter<MuxRequest> {
  return {
    headBytes(request) {
      const { contextsStart, contextsEnd, dtabWire } = request;
      const contexts = contextsEnd > contextsStart ? contextsEnd - contextsStart : 2;
      const added = (addsDeadline(request) ? deadlineEntryBytes : 0) + addedTraceBytes(request);
      const residual = residualOf(request);
      const destination = residual === "/" ? 0 : residual.length;
      return contexts + added + 2 + destination + (dtabWire === null ? 2 : dtabWire.length);
    },
    write(bytes, start, request) {
      let at = writeContexts(bytes, start, request);
      if (addsTrace(request)) at = addTrace(bytes, at, request, random);
      else if (request.traceAt >= 0) continueTrace(bytes, start, request, random);
      if (setsDeadline(request)) at = writeOwnDeadline(bytes, start, at, request, clock);
      at = writeDestination(bytes, at, residualOf(request));
      if (request.dtabWire === null) bytes.writeUInt16BE(0, at);
      else bytes.set(request.dtabWire, at);
    },
  };
}

function residualOf({ bound }: MuxRequest): Path {
  return bound === null ? root : bound.residual;
}

/** The contexts as received; their count includes those to be added. */
function writeContexts(bytes: Buffer, start: number, request: MuxRequest): number {
  const { frame, contextsStart, contextsEnd } = request;
  const added = (addsDeadline(request) ? 1 : 0) + (addsTrace(request) ? 1 : 0);
  if (contextsEnd <= contextsStart) return bytes.writeUInt16BE(added, start);
  frame.copy(bytes, start, contextsStart, contextsEnd);
  if (added > 0) bytes.writeUInt16BE(frame.readUInt16BE(contextsStart) + added, start);
  return start + contextsEnd - contextsStart;
}

/** A new span below the caller's. */
function continueTrace(bytes: Buffer, start: number, request: MuxRequest, random: Random): void {
  const at = start + request.traceAt - request.contextsStart;
  if (request.span !== null) {
    writeTrace(bytes, at, attemptSpan(request, request.span, random));
    return;
  }
  bytes.copyWithin(at + idBytes, at, at + idBytes);
  writeSpan(bytes, at, random);
}

function addTrace(bytes: Buffer, start: number, request: MuxRequest, random: Random): number {
  if (request.span !== null) {
    const length = request.span.wide === null ? traceBytes : wideTraceBytes;
    const valueAt = writeKey(bytes, start, traceKey, length);
    return writeTrace(bytes, valueAt, attemptSpan(request, request.span, random));
  }
  const at = writeKey(bytes, start, traceKey, traceBytes);
  const { frame, traceAt, reqFlags } = request;
  writeSpan(bytes, at, random);
  frame.copy(bytes, at + idBytes, traceAt, traceAt + idBytes);
  frame.copy(bytes, at + 2 * idBytes, traceAt + 2 * idBytes, traceAt + 3 * idBytes);
  bytes.writeUInt32BE(0, at + 3 * idBytes);
  bytes.writeUInt32BE(reqFlags, at + 3 * idBytes + 4);
  return at + traceBytes;
}

function writeSpan(bytes: Buffer, at: number, random: Random): void {
  bytes.writeUInt32BE((random() * 0x1_0000_0000) >>> 0, at);
  bytes.writeUInt32BE((random() * 0x1_0000_0000) >>> 0, at + 4);
}

/** Replaces the caller's deadline or appends one; returns the end of the contexts. */
function writeOwnDeadline(
  bytes: Buffer,
  start: number,
  end: number,
  request: MuxRequest,
  clock: Clock,
): number {
  const own = deadlineAt(request.deadlineMs, clock);
  if (request.deadlineAt < 0) {
    const at = writeKey(bytes, end, deadlineKey, deadlineBytes);
    writeDeadline(bytes, at, own);
    return at + deadlineBytes;
  }
  const at = start + request.deadlineAt - request.contextsStart;
  writeDeadline(bytes, at, combined(readDeadline(bytes, at), own));
  return end;
}

/** The empty path is written as an empty string. */
function writeDestination(bytes: Buffer, at: number, path: string): number {
  if (path === "/") return bytes.writeUInt16BE(0, at);
  bytes.writeUInt16BE(path.length, at);
  bytes.write(path, at + 2, "latin1");
  return at + 2 + path.length;
}

const reqFlagsEntryBytes = 3;
const reqTraceEntryBytes = 2 + 3 * idBytes;

/** The body of a Treq up to its payload: it can carry a trace and nothing else. */
export function reqWriter({ random }: WriterDeps): HeadWriter<MuxRequest> {
  return {
    headBytes: ({ traceAt, span }) =>
      traceAt < 0 && span === null ? 1 : 1 + reqTraceEntryBytes + reqFlagsEntryBytes,
    write(bytes, at, request) {
      const { form, frame, traceAt, reqFlags, span } = request;
      if (traceAt < 0 && span === null) {
        bytes[at] = 0;
        return;
      }
      bytes.set([2, 1, 3 * idBytes], at);
      const idsAt = at + 3;
      if (span !== null) {
        const end = writeIds(bytes, idsAt, attemptSpan(request, span, random));
        bytes.set([2, 1, span.flags & 0xff], end);
        return;
      }
      writeSpan(bytes, idsAt, random);
      frame.copy(bytes, idsAt + idBytes, traceAt, traceAt + idBytes);
      frame.copy(bytes, idsAt + 2 * idBytes, traceAt + 2 * idBytes, traceAt + 3 * idBytes);
      const flags = form === "req" ? reqFlags : frame.readUInt8(traceAt + 4 * idBytes - 1);
      bytes.set([2, 1, flags], idsAt + 3 * idBytes);
    },
  };
}

/** The body of an Rdispatch up to its payload. */
export const rdispatchWriter: HeadWriter<MuxResponse> = {
  headBytes({ contextsStart, contextsEnd }) {
    return 1 + (contextsEnd > contextsStart ? contextsEnd - contextsStart : 2);
  },
  write(bytes, at, { status, frame, contextsStart, contextsEnd }) {
    bytes[at] = status;
    if (contextsEnd > contextsStart) frame.copy(bytes, at + 1, contextsStart, contextsEnd);
    else bytes.writeUInt16BE(0, at + 1);
  },
};

/** The body of an Rreq up to its payload. */
export const rreqWriter: HeadWriter<MuxResponse> = {
  headBytes: () => 1,
  write(bytes, at, { status }) {
    bytes[at] = status;
  },
};
