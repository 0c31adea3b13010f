// The trace of a call, as its context or the keys of a Treq have it.
import type { RecordedTrace } from "../../../src/core/calls/record.ts";
import type { MuxRequest } from "../message.ts";

const idBytes = 8;
/** Bits of the flags: sample in any case; a decision has been made; it is to sample. */
const debug = 1;
const decided = 2;
const sampled = 4;

/** null: the call has no trace, or nobody has decided. */
export function isTraceSampled(request: MuxRequest): boolean | null {
  if (request.traceAt < 0) return null;
  const flags = flagsOf(request);
  if ((flags & debug) !== 0) return true;
  return (flags & decided) === 0 ? null : (flags & sampled) !== 0;
}

/** null: it has none. */
export function traceOf(request: MuxRequest): RecordedTrace | null {
  const { frame, traceAt, form } = request;
  if (traceAt < 0) return null;
  const id = (at: number) => frame.toString("hex", traceAt + at, traceAt + at + idBytes);
  const [spanId, parentId, low] = [id(0), id(idBytes), id(2 * idBytes)];
  const isWide = form === "dispatch" && frame.readUInt16BE(traceAt - 2) === 5 * idBytes;
  return {
    traceId: isWide ? id(4 * idBytes) + low : low,
    spanId,
    parentId: parentId === spanId ? null : parentId, // the first span is its own parent
    sampled: isTraceSampled(request),
  };
}

function flagsOf({ form, frame, traceAt, reqFlags }: MuxRequest): number {
  return form === "req" ? reqFlags : frame.readUInt8(traceAt + 4 * idBytes - 1);
}
