// W3C's trace headers, `traceparent` and `tracestate`: https://www.w3.org/TR/trace-context/
import { decisionOf, flagsOf, hex16, spanText } from "../../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../../src/core/tracing/trace-id.ts";
import { malformed, single, traceOf } from "./format.ts";
import type { Received, TraceFormat, Values } from "./format.ts";

/** Flags of `traceparent`; `random` is of Level 2. Others are sent as 0, as the specification asks. */
const bits = { sampled: 1, random: 2 } as const;

/** version-trace-span-flags; later versions may append more. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Of a later version; the one of today has 55 characters. */
const longestParent = 256;

function read(values: Values): Received | typeof malformed | null {
  const value = single(values, "traceparent");
  // Without its traceparent a tracestate means nothing.
  if (value === null) return null;
  const match = value.length > longestParent ? null : form.exec(value);
  if (match === null) return malformed;
  const [, version = "", trace = "", span = "", flagsText = "", more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return malformed;
  const flags = parseInt(flagsText, 16);
  const found = traceOf(
    { trace, span, parent: null },
    {
      flags: flagsOf((flags & bits.sampled) !== 0),
      w3c: {
        state: stateOf(values.get("tracestate") ?? []),
        isRandom: (flags & bits.random) !== 0,
      },
    },
  );
  return found === malformed ? malformed : { span: found };
}

const memberForm =
  /^[a-z0-9][-a-z0-9_*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
/** As the specification says. */
const maxMembers = 32;
/** How much of it is passed on: beyond, long entries go first, then the last ones. */
const maxStateLength = 512;
const longMember = 128;
/** Of what is looked at: 32 entries of the greatest length. */
const longestState = 32 * 514;

/** The entries to pass on; empty when they cannot be read. */
function stateOf(received: readonly string[]): string {
  const text = received.join(",");
  if (text.length > longestState) return "";
  const members = text.split(",").map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""));
  const given = members.filter((member) => member !== "");
  if (given.length > maxMembers || !given.every((member) => memberForm.test(member))) return "";
  const whole = given.join(",");
  if (whole.length <= maxStateLength) return whole;
  return beginning(given.filter((member) => member.length <= longMember));
}

/** As many entries as may be passed on. */
function beginning(members: readonly string[]): string {
  let text = "";
  for (const member of members) {
    const longer = text === "" ? member : `${text},${member}`;
    if (longer.length > maxStateLength) break;
    text = longer;
  }
  return text;
}

function lines(span: TraceId): string {
  const { wide, traceHigh, traceLow, w3c } = span;
  const trace = hex16(...(wide ?? noHalves)) + hex16(traceHigh, traceLow);
  // "Not recorded" and "nobody has decided" look the same in this format.
  const flags = (decisionOf(span) === true ? bits.sampled : 0) | (w3c?.isRandom ? bits.random : 0);
  const parent = `traceparent: 00-${trace}-${spanText(span)}-0${flags}\r\n`;
  return w3c === null || w3c.state === "" ? parent : `${parent}tracestate: ${w3c.state}\r\n`;
}

const noHalves = [0, 0] as const;

export const w3c: TraceFormat = {
  fields: ["traceparent", "tracestate"],
  isWide: true,
  read,
  lines,
};
