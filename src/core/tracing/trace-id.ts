// A span, its parent and its trace: what all protocols and formats of trace headers have in common.
import type { Random } from "../clock.ts";

/** Each id is two signed 32-bit halves: small integers, no BigInt and no buffer per call. */
export interface TraceId {
  readonly spanHigh: number;
  readonly spanLow: number;
  /** A root names itself as its parent, as in Finagle. */
  readonly parentHigh: number;
  readonly parentLow: number;
  readonly traceHigh: number;
  readonly traceLow: number;
  /** The upper 64 bits of a 128-bit trace id; null for a 64-bit one. */
  readonly wide: readonly [number, number] | null;
  /** The upper half of Finagle's flags, passed on as received. */
  readonly flagsHigh: number;
  /** The lower half; see `traceFlags`. */
  readonly flags: number;
  /** This process has made the decision in `flags`; false: an earlier hop, or nobody. */
  readonly isDecidedHere: boolean;
  /** What only W3C's format carries, if the trace came in that; null otherwise. */
  readonly w3c: W3cState | null;
}

export interface W3cState {
  /** The value of `tracestate`; empty without entries. */
  readonly state: string;
  /** The flag `random` of `traceparent` (Level 2): the caller's trace id is random. */
  readonly isRandom: boolean;
}

/** Bits of `flags`: record in any case; a decision has been made; it is to record. */
export const traceFlags = { debug: 1, decided: 2, sampled: 4 } as const;

/** 32 random bits. */
const half = (random: Random): number => (random() * 0x1_0000_0000) | 0;

/** Starts a trace, whose first span carries the lower 64 bits of the trace's id. */
export function newTrace(random: Random, isWide = false, flags = 0): TraceId {
  const high = half(random);
  const low = half(random);
  return {
    spanHigh: high,
    spanLow: low,
    parentHigh: high,
    parentLow: low,
    traceHigh: high,
    traceLow: low,
    wide: isWide ? [half(random), half(random)] : null,
    flagsHigh: 0,
    flags,
    isDecidedHere: false,
    w3c: null,
  };
}

/** Makes a child span of `trace`. */
export function childOf(trace: TraceId, random: Random): TraceId {
  return {
    spanHigh: half(random),
    spanLow: half(random),
    parentHigh: trace.spanHigh,
    parentLow: trace.spanLow,
    traceHigh: trace.traceHigh,
    traceLow: trace.traceLow,
    wide: trace.wide,
    flagsHigh: trace.flagsHigh,
    flags: trace.flags,
    isDecidedHere: trace.isDecidedHere,
    w3c: trace.w3c,
  };
}

/** Whether the trace is recorded; null: nobody has decided yet. */
export function decisionOf({ flags }: Pick<TraceId, "flags">): boolean | null {
  if ((flags & traceFlags.debug) !== 0) return true;
  return (flags & traceFlags.decided) === 0 ? null : (flags & traceFlags.sampled) !== 0;
}

/** The flags of a decision, as `decisionOf` reads them. */
export function flagsOf(isSampled: boolean | null): number {
  if (isSampled === null) return 0;
  return isSampled ? traceFlags.decided | traceFlags.sampled : traceFlags.decided;
}

/**
 * Whether `trace` is among those recorded at `rate` (0..1). Depends on the trace's id and `salt` alone, in
 * steps of 1/10,000: a trace recorded at one rate is recorded at every higher one.
 */
export function isSampledAt({ traceLow }: TraceId, rate: number, salt: number): boolean {
  return ((traceLow ^ salt) >>> 0) % 10_000 < rate * 10_000;
}

/** Decides at `rate` whether `trace` is recorded, unless an earlier hop has decided. */
export function sampledAt(trace: TraceId, rate: number, salt: number): TraceId {
  if (decisionOf(trace) !== null) return trace;
  return { ...trace, flags: trace.flags | flagsOf(isSampledAt(trace, rate, salt)) };
}

/** A root has no parent. */
function isRoot({ spanHigh, spanLow, parentHigh, parentLow }: TraceId): boolean {
  return spanHigh === parentHigh && spanLow === parentLow;
}

const hex8 = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");

/** 16 hexadecimal digits. */
export const hex16 = (high: number, low: number): string => hex8(high) + hex8(low);

/** 16 hexadecimal digits, or 32 for a 128-bit id. */
export function traceText({ wide, traceHigh, traceLow }: TraceId): string {
  const low = hex16(traceHigh, traceLow);
  return wide === null ? low : hex16(...wide) + low;
}

export const spanText = ({ spanHigh, spanLow }: TraceId): string => hex16(spanHigh, spanLow);

/** null: a root. */
export function parentText(trace: TraceId): string | null {
  return isRoot(trace) ? null : hex16(trace.parentHigh, trace.parentLow);
}
