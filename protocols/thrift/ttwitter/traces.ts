// Traces between the header of an upgraded call and the core.
import { decisionOf, flagsOf, traceFlags } from "../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../src/core/tracing/trace-id.ts";
import { traceOf } from "./contexts.ts";
import type { Trace } from "./contexts.ts";
import type { RequestHeader } from "./headers.ts";

const highOf = (id: bigint): number => Number(BigInt.asIntN(32, id >> 32n));
const lowOf = (id: bigint): number => Number(BigInt.asIntN(32, id));

function longOf(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** The caller's span; null: it has none. */
export function readTrace(header: RequestHeader): TraceId | null {
  const trace = traceOf(header);
  if (trace === null) return null;
  const { traceId, sampled, traceIdHigh } = trace;
  const flags = trace.flags ?? 0n;
  const span = trace.parentSpanId ?? 0n; // the caller's span, as the parent of what follows
  const parent = header.parentSpanId ?? span;
  const others = lowOf(flags) & ~(traceFlags.decided | traceFlags.sampled);
  return {
    spanHigh: highOf(span),
    spanLow: lowOf(span),
    parentHigh: highOf(parent),
    parentLow: lowOf(parent),
    traceHigh: highOf(traceId),
    traceLow: lowOf(traceId),
    wide: traceIdHigh === null ? null : [highOf(traceIdHigh), lowOf(traceIdHigh)],
    flagsHigh: highOf(flags),
    flags: others | flagsOf(sampled),
    isDecidedHere: false,
    w3c: null,
  };
}

/** The fields of the header for a span. */
export function traceFields(span: TraceId): Trace & Pick<RequestHeader, "spanId"> {
  return {
    traceId: longOf(span.traceHigh, span.traceLow),
    spanId: longOf(span.spanHigh, span.spanLow),
    parentSpanId: longOf(span.parentHigh, span.parentLow),
    sampled: decisionOf(span),
    flags: longOf(span.flagsHigh, span.flags),
    traceIdHigh: span.wide === null ? null : longOf(...span.wide),
  };
}
