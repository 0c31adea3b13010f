// Zipkin's trace headers: `b3`, or one field for each part, `x-b3-traceid` and so on.
// https://github.com/openzipkin/b3-propagation
import {
  decisionOf,
  flagsOf,
  parentText,
  spanText,
  traceFlags,
  traceText,
} from "../../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../../src/core/tracing/trace-id.ts";
import { malformed, single, traceOf } from "./format.ts";
import type { Received, TraceFormat, Values } from "./format.ts";

const fields = [
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
];

/** Both forms are read, and the single one wins, as in Brave. */
const read = (values: Values): Received | typeof malformed | null => {
  const value = single(values, "b3");
  return value === null ? readParts(values) : readSingle(value);
};

/** Writes `b3`. */
export const b3Single: TraceFormat = { fields, isWide: false, read, lines: singleLine };
/** Writes a field for each part. */
export const b3Multi: TraceFormat = { fields, isWide: false, read, lines: partLines };

const states = new Map([
  ["0", flagsOf(false)],
  ["1", flagsOf(true)],
  ["d", traceFlags.debug | flagsOf(true)],
]);

/** trace-span-state-parent; the last two may be missing. */
const singleForm = /^([0-9a-f]{1,32})-([0-9a-f]{1,16})(?:-([01d])(?:-([0-9a-f]{1,16}))?)?$/i;
const longestSingle = 68;

function readSingle(value: string): Received | typeof malformed {
  const decision = states.get(value);
  if (decision !== undefined) return { flags: decision };
  if (value.length > longestSingle) return malformed;
  const match = singleForm.exec(value);
  if (match === null) return malformed;
  const [, trace = "", span = "", state = "", parent = null] = match;
  const flags = states.get(state.toLowerCase()) ?? 0;
  const found = traceOf({ trace, span, parent }, { flags, w3c: null });
  return found === malformed ? malformed : { span: found };
}

const traceForm = /^[0-9a-f]{1,32}$/i;
const spanForm = /^[0-9a-f]{1,16}$/i;

function readParts(values: Values): Received | typeof malformed | null {
  const trace = single(values, "x-b3-traceid");
  const span = single(values, "x-b3-spanid");
  const parent = single(values, "x-b3-parentspanid");
  const flags = flagsIn(single(values, "x-b3-sampled"), single(values, "x-b3-flags"));
  if (flags === malformed) return malformed;
  if (trace === null && span === null) return flags === 0 ? null : { flags };
  if (trace === null || span === null) return malformed;
  if (!traceForm.test(trace) || !spanForm.test(span)) return malformed;
  if (parent !== null && !spanForm.test(parent)) return malformed;
  const found = traceOf({ trace, span, parent }, { flags, w3c: null });
  return found === malformed ? malformed : { span: found };
}

const decisions = new Map([
  ["0", flagsOf(false)],
  ["1", flagsOf(true)],
  // Written by older tracers.
  ["false", flagsOf(false)],
  ["true", flagsOf(true)],
]);

/** `x-b3-flags: 1` is debug. Linkerd wrote all of Finagle's flags, as a decimal number whose lowest bit is debug. */
function flagsIn(sampled: string | null, flags: string | null): number | typeof malformed {
  const isDebug = flags !== null && /^\d{0,19}[13579]$/.test(flags);
  if (isDebug) return traceFlags.debug | flagsOf(true);
  if (sampled === null) return 0;
  return decisions.get(sampled.toLowerCase()) ?? malformed;
}

const isDebug = ({ flags }: TraceId): boolean => (flags & traceFlags.debug) !== 0;

function singleLine(span: TraceId): string {
  const parent = parentText(span);
  const decision = decisionOf(span);
  let value = `${traceText(span)}-${spanText(span)}`;
  // Without a decision there is no place for a parent, which nobody needs: it is in the span of the parent.
  if (decision !== null) {
    value += isDebug(span) ? "-d" : decision ? "-1" : "-0";
    if (parent !== null) value += `-${parent}`;
  }
  return `b3: ${value}\r\n`;
}

function partLines(span: TraceId): string {
  const parent = parentText(span);
  const decision = decisionOf(span);
  let lines = `x-b3-traceid: ${traceText(span)}\r\nx-b3-spanid: ${spanText(span)}\r\n`;
  if (parent !== null) lines += `x-b3-parentspanid: ${parent}\r\n`;
  if (decision !== null) lines += `x-b3-sampled: ${decision ? "1" : "0"}\r\n`;
  return isDebug(span) ? `${lines}x-b3-flags: 1\r\n` : lines;
}
