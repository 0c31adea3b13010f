// The two lines that tell an endpoint its span, made in one piece: they are made for every try.
//
//   l5d-ctx-trace: <base64 of span, parent, trace and flags>
//   l5d-reqid: <the trace in hexadecimal>
import { Buffer } from "node:buffer";
import type { Random } from "../../../src/core/clock.ts";
import { latin1Of } from "../../../src/net/latin1.ts";
import { childOf, encodeTrace, half, requestIdOf } from "./trace-id.ts";
import type { TraceId } from "./trace-id.ts";

/** Of a span below `trace`, a new one each time. */
export function childLines(trace: TraceId, random: Random): string {
  // Flags and wide ids are rare: their base64 takes the long way.
  if (trace.flags !== 0 || trace.wide !== null) return rareLines(childOf(trace, random));
  const { spanHigh, spanLow, traceHigh, traceLow } = trace;
  const high = half(random);
  put96(base64Start, high, half(random), spanHigh);
  put96(base64Start + 16, spanLow, traceHigh, traceLow);
  put32(hexStart, traceHigh);
  put32(hexStart + 8, traceLow);
  return latin1Of(lines, 0, lines.length);
}

function rareLines(span: TraceId): string {
  return `l5d-ctx-trace: ${encodeTrace(span)}\r\nl5d-reqid: ${requestIdOf(span)}\r\n`;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64 = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const hex = Uint8Array.from("0123456789abcdef", (character) => character.charCodeAt(0));

/** What never changes is written already: flags of 0 in base64 are the last eight bytes. */
const noFlags = "AAAAAAAAAAA=";
const start = "l5d-ctx-trace: ";
const lines = Buffer.from(
  `${start}${"x".repeat(32)}${noFlags}\r\nl5d-reqid: ${"x".repeat(16)}\r\n`,
  "latin1",
);
const base64Start = start.length;
const hexStart = lines.length - 18;

/** Three words are four groups of 24 bits, four digits each. */
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
