// What the formats of trace headers have in common.
import type { TraceId } from "../../../../src/core/tracing/trace-id.ts";

/** The values of each field, by its name in lower case. */
export type Values = ReadonlyMap<string, readonly string[]>;

/** What a caller says: its own span, or the flags of a decision alone, for a trace that begins here. */
export type Received = { readonly span: TraceId } | { readonly flags: number };

/** Header values that cannot be read; the call goes on without them. */
export const malformed = "malformed";

export interface TraceFormat {
  /** The fields that it reads and writes, in lower case. */
  readonly fields: readonly string[];
  /** Whether a trace that begins here gets an id of 128 bits. */
  readonly isWide: boolean;
  /** null: none of its fields has a value. */
  read(values: Values): Received | typeof malformed | null;
  /** The header lines of a span. */
  lines(span: TraceId): string;
}

/** The only value of a field, or the same value several times; null: absent. */
export function single(values: Values, name: string): string | typeof malformed | null {
  const [first = null, ...others] = values.get(name) ?? [];
  return others.every((other) => other === first) ? first : malformed;
}

type Halves = readonly [high: number, low: number];

/** The two halves of up to 16 hexadecimal digits. */
function halvesOf(digits: string): Halves {
  const all = digits.padStart(16, "0");
  return [parseInt(all.slice(0, 8), 16) | 0, parseInt(all.slice(8), 16) | 0];
}

const isZero = ([high, low]: Halves): boolean => high === 0 && low === 0;

const noHalves: Halves = [0, 0];

interface Ids {
  /** Up to 32 hexadecimal digits. */
  readonly trace: string;
  /** Up to 16. */
  readonly span: string;
  /** null: a root, or unknown. */
  readonly parent: string | null;
}

/** Ids of 0 are not ids. */
export function traceOf(
  { trace, span, parent }: Ids,
  { flags, w3c }: Pick<TraceId, "flags" | "w3c">,
): TraceId | typeof malformed {
  const traceHalves = halvesOf(trace.slice(-16));
  const upper = trace.length > 16 ? halvesOf(trace.slice(0, -16)) : noHalves;
  // 64 bits with zeros in front are the same id.
  const wide = isZero(upper) ? null : upper;
  const spanHalves = halvesOf(span);
  if (isZero(spanHalves) || (isZero(traceHalves) && wide === null)) return malformed;
  const parentHalves = parent === null ? spanHalves : halvesOf(parent);
  return {
    spanHigh: spanHalves[0],
    spanLow: spanHalves[1],
    parentHigh: parentHalves[0],
    parentLow: parentHalves[1],
    traceHigh: traceHalves[0],
    traceLow: traceHalves[1],
    wide,
    flagsHigh: 0,
    flags,
    isDecidedHere: false,
    w3c,
  };
}
