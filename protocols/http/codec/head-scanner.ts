// Heads as bytes: checks every byte and records where each part begins and ends.
import { isTarget, isToken, isValue } from "./byte-classes.ts";
import type { HeadLimits } from "./limits.ts";

/*
 * RFC 9112 section 2.1, in its strictest reading:
 *   head   = *2CRLF start-line CRLF *( field-name ":" OWS field-value OWS CRLF ) CRLF
 * Lines end in CRLF and nothing else. No line is folded, no space stands before a colon, and no
 * control byte (bare CR, bare LF, NUL, ...) stands anywhere. Two parsers that read such bytes
 * differently are what request smuggling is made of, so such a head is refused.
 */

/** Why the bytes are not a head; the status depends on the direction. */
export type ScanProblem =
  | "line-too-long"
  | "fields-too-long"
  | "too-many-fields"
  | "bad-start-line"
  | "bad-line-end"
  | "bad-method"
  | "bad-target"
  | "bad-version"
  | "unknown-version"
  | "tls"
  | "http2"
  | "bad-status"
  | "bad-reason"
  | "folded"
  | "bad-name"
  | "bad-value";

/** Marks of the head that was scanned last, valid until the next scan. Offsets are absolute. */
export interface LastScan {
  /** Offset just after the empty line. */
  headEnd: number;
  /** First byte of the start line, and its CR. */
  lineStart: number;
  lineEnd: number;
  /** Request: the ends of the method and of the target. Response: the end of the status, twice. */
  firstEnd: number;
  secondEnd: number;
  /** Minor digit of the version: 0 or 1. */
  minor: number;
  /** Response: the status code. */
  status: number;
  fieldCount: number;
  /** Four offsets per field: name start, name end, value start, value end. */
  readonly fields: Int32Array;
}

/** Upper bound of `maxHeaderCount`. */
const mostFields = 1_024;

/** Written by `scanHead` and `scanFields`. Heads are scanned one at a time, so one object serves all. */
export const lastScan: LastScan = {
  headEnd: 0,
  lineStart: 0,
  lineEnd: 0,
  firstEnd: 0,
  secondEnd: 0,
  minor: 1,
  status: 0,
  fieldCount: 0,
  fields: new Int32Array(mostFields * 4),
};

/** Some clients end a body with an uncounted CRLF, and some of these with two. */
const maxEmptyLines = 2;

const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const COLON = 58;

/** null: a complete head, described by `lastScan`. "more": valid so far, but incomplete. */
export type ScanResult = ScanProblem | "more" | null;

export function scanHead(
  kind: "request" | "response",
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: HeadLimits,
): ScanResult {
  let lineStart = start;
  if (kind === "request") {
    // Empty lines before a request are forgiven (RFC 9112 section 2.2).
    for (let i = 0; i < maxEmptyLines && bytes[lineStart] === CR && lineStart < end; i++) {
      if (lineStart + 1 >= end) return "more";
      if (bytes[lineStart + 1] !== LF) return "bad-line-end";
      lineStart += 2;
    }
  }
  const result =
    kind === "request"
      ? scanRequestLine(bytes, lineStart, end, limits.maxInitialLineBytes)
      : scanStatusLine(bytes, lineStart, end, limits.maxInitialLineBytes);
  if (result !== null) return result;
  lastScan.lineStart = lineStart;
  return scanFields(bytes, lastScan.lineEnd + 2, end, limits);
}

/** The scan reached `stop` within a line: more bytes are needed, or the limit is exceeded. */
function outOf(stop: number, end: number, tooMany: ScanProblem): ScanResult {
  return stop < end ? tooMany : "more";
}

function scanRequestLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): ScanResult {
  const stop = Math.min(end, start + maxBytes);
  let at = start;
  while (at < stop && isToken(bytes[at] as number)) at++;
  if (at === stop) return outOf(stop, end, "line-too-long");
  if (bytes[at] !== SP || at === start) return noMethod(bytes, start, end);
  lastScan.firstEnd = at++;
  while (at < stop && isTarget(bytes[at] as number)) at++;
  if (at === stop) return outOf(stop, end, "line-too-long");
  if (bytes[at] !== SP || at === lastScan.firstEnd + 1) {
    return bytes[at] === CR || bytes[at] === LF ? "bad-version" : "bad-target"; // HTTP/0.9
  }
  lastScan.secondEnd = at++;
  const result = scanVersion(bytes, at, stop);
  if (result === "more") return outOf(stop, end, "line-too-long");
  return result ?? scanLineEnd(bytes, at + 8, end, "bad-version");
}

/** A record of a TLS handshake begins with its type, 22, and its version, 3.x (RFC 8446 section 5.1). */
function noMethod(bytes: Uint8Array, start: number, end: number): ScanResult {
  if (bytes[start] !== 0x16) return "bad-method";
  if (start + 1 >= end) return "more";
  return bytes[start + 1] === 0x03 ? "tls" : "bad-method";
}

function scanStatusLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): ScanResult {
  const stop = Math.min(end, start + maxBytes);
  const version = scanVersion(bytes, start, stop);
  if (version === "more") return outOf(stop, end, "line-too-long");
  if (version !== null) return version;
  if (end < start + 13) return "more"; // HTTP/1.1 SP 3DIGIT and what follows
  if (bytes[start + 8] !== SP) return "bad-status";
  let status = 0;
  for (let at = start + 9; at < start + 12; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return "bad-status";
    status = status * 10 + digit;
  }
  if (status < 100) return "bad-status";
  lastScan.status = status;
  let at = start + 12;
  if (bytes[at] === SP) at++;
  else if (bytes[at] !== CR) return "bad-status"; // some servers omit the space along with the reason
  lastScan.firstEnd = lastScan.secondEnd = at;
  while (at < stop && isValue(bytes[at] as number)) at++;
  if (at === end) return "more";
  if (at >= stop && isValue(bytes[at] as number)) return "line-too-long";
  return scanLineEnd(bytes, at, end, "bad-reason");
}

const versionBytes = Array.from("HTTP/", (character) => character.charCodeAt(0));

function scanVersion(bytes: Uint8Array, start: number, end: number): ScanResult {
  for (let i = 0; i < 5; i++) {
    if (start + i >= end) return "more";
    if (bytes[start + i] !== versionBytes[i]) return "bad-version";
  }
  if (end < start + 8) return "more";
  const major = (bytes[start + 5] as number) - 48;
  const minor = (bytes[start + 7] as number) - 48;
  if (major < 0 || major > 9 || bytes[start + 6] !== 46 || minor < 0 || minor > 9) {
    return "bad-version";
  }
  if (major !== 1) return major === 2 ? "http2" : "unknown-version";
  lastScan.minor = Math.min(minor, 1); // later minor versions count as 1.1 (RFC 9110 section 2.5)
  return null;
}

function scanLineEnd(
  bytes: Uint8Array,
  at: number,
  end: number,
  otherwise: ScanProblem,
): ScanResult {
  if (at >= end) return "more";
  if (bytes[at] !== CR) return bytes[at] === LF ? "bad-line-end" : otherwise;
  if (at + 1 >= end) return "more";
  if (bytes[at + 1] !== LF) return "bad-line-end";
  lastScan.lineEnd = at;
  return null;
}

/** Scans the field lines and the empty line of a head or of a trailer section. */
export function scanFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: HeadLimits,
): ScanResult {
  const { fields } = lastScan;
  const maxCount = Math.min(limits.maxHeaderCount, mostFields);
  const stop = Math.min(end, start + limits.maxHeadersBytes);
  let count = 0;
  let at = start;
  for (;;) {
    if (at >= end) return "more";
    if (bytes[at] === CR) break;
    const lineStart = at;
    while (at < stop && isToken(bytes[at] as number)) at++;
    if (at === stop) return outOf(stop, end, "fields-too-long");
    if (bytes[at] !== COLON || at === lineStart) return badName(bytes[lineStart] as number);
    if (count === maxCount) return "too-many-fields";
    const mark = count * 4;
    fields[mark] = lineStart;
    fields[mark + 1] = at++;
    while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    while (at < stop && isValue(bytes[at] as number)) at++;
    if (at === stop) return outOf(stop, end, "fields-too-long");
    if (bytes[at] !== CR) return bytes[at] === LF ? "bad-line-end" : "bad-value";
    if (at + 1 === stop) return outOf(stop, end, "fields-too-long");
    if (bytes[at + 1] !== LF) return "bad-line-end";
    fields[mark + 2] = valueStart;
    fields[mark + 3] = trimEnd(bytes, valueStart, at);
    count++;
    at += 2;
  }
  if (at + 1 >= end) return "more";
  if (bytes[at + 1] !== LF) return "bad-line-end";
  lastScan.fieldCount = count;
  lastScan.headEnd = at + 2;
  return null;
}

function badName(first: number): ScanProblem {
  if (first === SP || first === HTAB) return "folded";
  return first === LF ? "bad-line-end" : "bad-name";
}

function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] === SP || bytes[at - 1] === HTAB)) at--;
  return at;
}
