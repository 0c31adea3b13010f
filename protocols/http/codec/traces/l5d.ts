// Linkerd's own trace header, `l5d-ctx-trace`: span, parent, trace and flags as Finagle encodes them.
import { Buffer } from "node:buffer";
import type { Random } from "../../../../src/core/clock.ts";
import { childOf, hex16 } from "../../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../../src/core/tracing/trace-id.ts";
import { latin1Of } from "../../../../src/net/latin1.ts";
import { malformed } from "./format.ts";
import type { TraceFormat } from "./format.ts";

// Longer than any trace id, so that an excessive length shows.
const scratch = Buffer.alloc(48);
const view = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);

/** The value of `l5d-ctx-trace`: base64 of 32 bytes, or of 40 for a 128-bit trace. */
export function encodeTrace(trace: TraceId): string {
  view.setInt32(0, trace.spanHigh);
  view.setInt32(4, trace.spanLow);
  view.setInt32(8, trace.parentHigh);
  view.setInt32(12, trace.parentLow);
  view.setInt32(16, trace.traceHigh);
  view.setInt32(20, trace.traceLow);
  view.setInt32(24, trace.flagsHigh);
  view.setInt32(28, trace.flags);
  if (trace.wide === null) return scratch.toString("base64", 0, 32);
  view.setInt32(32, trace.wide[0]);
  view.setInt32(36, trace.wide[1]);
  return scratch.toString("base64", 0, 40);
}

/** Returns null unless the text is base64 of 32 or 40 bytes. */
export function decodeTrace(text: string): TraceId | null {
  if (text.length !== 44 && text.length !== 56) return null;
  // Characters outside base64 are skipped, so that too few bytes result.
  const length = scratch.write(text, "base64");
  if (length !== (text.length === 44 ? 32 : 40)) return null;
  return {
    spanHigh: view.getInt32(0),
    spanLow: view.getInt32(4),
    parentHigh: view.getInt32(8),
    parentLow: view.getInt32(12),
    traceHigh: view.getInt32(16),
    traceLow: view.getInt32(20),
    wide: length === 40 ? [view.getInt32(32), view.getInt32(36)] : null,
    flagsHigh: view.getInt32(24),
    flags: view.getInt32(28),
    isDecidedHere: false,
    w3c: null,
  };
}

/** The trace's lower 64 bits in 16 hexadecimal digits, as in `l5d-reqid` and the access log. */
export function requestIdOf({ traceHigh, traceLow }: TraceId): string {
  return hex16(traceHigh, traceLow);
}

/** The header lines of a new child span of `trace`. */
export function childLines(trace: TraceId, random: Random): string {
  // Flags and wide ids are rare and take the slower path.
  if (trace.flags !== 0 || trace.wide !== null || trace.flagsHigh !== 0) {
    return spanLines(childOf(trace, random));
  }
  const { spanHigh, spanLow, traceHigh, traceLow } = trace;
  const high = half(random);
  put96(base64Start, high, half(random), spanHigh);
  put96(base64Start + 16, spanLow, traceHigh, traceLow);
  put32(hexStart, traceHigh);
  put32(hexStart + 8, traceLow);
  return latin1Of(lines, 0, lines.length);
}

const field = "l5d-ctx-trace";

export const l5d = {
  fields: [field],
  isWide: false,
  read(values) {
    const [text] = values.get(field) ?? [];
    if (text === undefined) return null;
    const span = decodeTrace(text);
    return span === null ? malformed : { span };
  },
  lines: spanLines,
} as const satisfies TraceFormat;

/** The header lines of a span. */
function spanLines(span: TraceId): string {
  return `l5d-ctx-trace: ${encodeTrace(span)}\r\nl5d-reqid: ${requestIdOf(span)}\r\n`;
}

/** 32 random bits. */
const half = (random: Random): number => (random() * 0x1_0000_0000) | 0;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64 = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const hex = Uint8Array.from("0123456789abcdef", (character) => character.charCodeAt(0));

/** The constant parts are written in advance: flags of 0 are the last eight bytes of base64. */
const noFlags = "AAAAAAAAAAA=";
const start = "l5d-ctx-trace: ";
const lines = Buffer.from(
  `${start}${"x".repeat(32)}${noFlags}\r\nl5d-reqid: ${"x".repeat(16)}\r\n`,
  "latin1",
);
const base64Start = start.length;
const hexStart = lines.length - 18;

/** Writes three words as four groups of 24 bits, four digits each. */
function put96(at: number, a: number, b: number, c: number): void {
  put24(at, a >>> 8);
  put24(at + 4, ((a & 0xff) << 16) | (b >>> 16));
  put24(at + 8, ((b & 0xffff) << 8) | (c >>> 24));
  put24(at + 12, c & 0xffffff);
}

function put24(at: number, bits: number): void {
  lines[at] = base64[bits >>> 18] as number;
  lines[at + 1] = base64[(bits >>> 12) & 63] as number;
  lines[at + 2] = base64[(bits >>> 6) & 63] as number;
  lines[at + 3] = base64[bits & 63] as number;
}

function put32(at: number, word: number): void {
  for (let i = 0; i < 8; i++) lines[at + i] = hex[(word >>> (28 - 4 * i)) & 15] as number;
}
