// Sorts the fields of a head: those that the proxy owns are taken out, the rest passes through.
import { lastScan } from "./head-scanner.ts";
import { linesOf, PassthroughFields } from "./passthrough-fields.ts";
import type { Fields } from "./passthrough-fields.ts";

/** Numbers for the fields that the proxy owns; 0 is any other field. */
const known = {
  other: 0,
  dropped: 1, // concerns one connection only, or cannot be trusted
  host: 2,
  contentLength: 3,
  transferEncoding: 4,
  connection: 5,
  upgrade: 6,
  expect: 7,
  via: 8,
  context: 9, // l5d-*
  finagleDeadline: 10,
} as const;

const names: readonly (readonly [string, number])[] = [
  ["te", known.dropped],
  ["via", known.via],
  ["host", known.host],
  ["expect", known.expect],
  ["trailer", known.dropped],
  ["upgrade", known.upgrade],
  ["connection", known.connection],
  ["keep-alive", known.dropped],
  ["content-length", known.contentLength],
  ["proxy-connection", known.dropped],
  ["transfer-encoding", known.transferEncoding],
  ["finagle-ctx-com.twitter.finagle.deadline", known.finagleDeadline],
  ["proxy-authenticate", known.dropped],
  ["proxy-authorization", known.dropped],
  // Identifies the caller by its certificate, which only our own TLS server may do.
  ["x-forwarded-client-cert", known.dropped],
];

interface KnownName {
  readonly name: string;
  readonly which: number;
}

/** Indexed by the length of the name; at most two names share a length. */
const byLength: KnownName[][] = [];
for (const [name, which] of names) (byLength[name.length] ??= []).push({ name, which });

/** Compares case-insensitively; `lower` is in lower case and has the length of the range. */
function equals(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const code = bytes[start + i] as number;
    const letter = code >= 65 && code <= 90 ? code | 0x20 : code;
    if (letter !== lower.charCodeAt(i)) return false;
  }
  return true;
}

function knownField(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start];
  if (candidates !== undefined) {
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i] as KnownName;
      if (equals(bytes, start, candidate.name)) return candidate.which;
    }
  }
  // l5d-
  if (((bytes[start] as number) | 0x20) !== 0x6c || bytes[start + 3] !== 0x2d) return known.other;
  return end - start > 4 && equals(bytes, start, "l5d-") ? known.context : known.other;
}

/** The fields of a head that do not pass through; several values are joined with `, `. */
export interface LastHead {
  /** The complete head. */
  text: string;
  /** The range of `text` that passes through, if it is contiguous; -1: no line passes. */
  passingStart: number;
  passingEnd: number;
  /** The lines that pass through, if they are not contiguous in `text`. */
  lines: string | null;
  /** Where the Host line ends in `text` when it is the first field; otherwise -1. */
  hostEnd: number;
  context: Fields | null;
  host: string | null;
  hostCount: number;
  contentLength: string | null;
  /** Content-Length came more than once, with different values. */
  lengthsConflict: boolean;
  transferEncoding: string | null;
  transferEncodingCount: number;
  connection: string | null;
  upgrade: string | null;
  expect: string | null;
  via: string | null;
  /** Of a request: the deadline that Finagle's clients send. */
  finagleDeadline: string | null;
}

/** Written by `sortFields`, valid until its next call: heads are read one at a time. */
export const lastHead: LastHead = {
  text: "",
  passingStart: -1,
  passingEnd: -1,
  lines: null,
  hostEnd: -1,
  context: null,
  host: null,
  hostCount: 0,
  contentLength: null,
  lengthsConflict: false,
  transferEncoding: null,
  transferEncodingCount: 0,
  connection: null,
  upgrade: null,
  expect: null,
  via: null,
  finagleDeadline: null,
};

function reset(text: string): void {
  lastHead.text = text;
  lastHead.passingStart = -1;
  lastHead.passingEnd = -1;
  lastHead.lines = null;
  lastHead.hostEnd = -1;
  lastHead.context = null;
  lastHead.host = null;
  lastHead.hostCount = 0;
  lastHead.contentLength = null;
  lastHead.lengthsConflict = false;
  lastHead.transferEncoding = null;
  lastHead.transferEncodingCount = 0;
  lastHead.connection = null;
  lastHead.upgrade = null;
  lastHead.expect = null;
  lastHead.via = null;
  lastHead.finagleDeadline = null;
}

/** Sorts the last scanned fields. `text` is `bytes` from `base` on, as latin1. */
export function sortFields(bytes: Uint8Array, text: string, base: number): void {
  reset(text);
  const offsets = lastScan.fields;
  const last = lastScan.fieldCount * 4;
  /** Start of the current run of lines that pass unchanged; -1: the previous line did not pass. */
  let passing = -1;
  for (let i = 0; i < last; i += 4) {
    const start = offsets[i] as number;
    const end = offsets[i + 1] as number;
    const valueStart = offsets[i + 2] as number;
    const valueEnd = offsets[i + 3] as number;
    const next = i + 4 < last ? (offsets[i + 4] as number) : lastScan.headEnd - 2;
    const which = knownField(bytes, start, end);
    // One space after the colon and none after the value: the form that our writer uses.
    const isUsual = valueStart === end + 2 && bytes[end + 1] === 0x20 && valueEnd + 2 === next;
    if (which === known.other && isUsual) {
      if (passing < 0) passing = start;
      continue;
    }
    if (passing >= 0) pass(passing - base, start - base);
    passing = -1;
    if (which === known.dropped) continue;
    if (which === known.host && i === 0 && isUsual) lastHead.hostEnd = next - base;
    const value = text.slice(valueStart - base, valueEnd - base);
    if (which === known.other) {
      passWritten(`${text.slice(start - base, end - base)}: ${value}\r\n`);
    } else if (which === known.context) {
      (lastHead.context ??= []).push(text.slice(start - base, end - base).toLowerCase(), value);
    } else keep(which, value);
  }
  if (passing >= 0) pass(passing - base, lastScan.headEnd - 2 - base);
  if (lastHead.connection !== null) dropListed(lastHead.connection);
}

/** Adds lines that pass: the first run stays a range of the text, a second forces a copy. */
function pass(start: number, end: number): void {
  if (lastHead.lines === null && lastHead.passingStart < 0) {
    lastHead.passingStart = start;
    lastHead.passingEnd = end;
  } else passWritten(lastHead.text.slice(start, end));
}

function passWritten(lines: string): void {
  lastHead.lines = passingLines() + lines;
}

function passingLines(): string {
  const { lines, text, passingStart, passingEnd } = lastHead;
  if (lines !== null) return lines;
  return passingStart < 0 ? "" : text.slice(passingStart, passingEnd);
}

/**
 * The passing fields of the last sorted head. Its text up to `openEnd` is already in the form that
 * our writer uses; -1: the start of the head must be written.
 */
export function passthroughFields(openEnd: number): PassthroughFields {
  const { lines, text, passingStart, passingEnd } = lastHead;
  if (lines !== null) return new PassthroughFields(lines);
  if (passingStart >= 0) {
    return new PassthroughFields(text, passingStart, passingEnd, passingStart === openEnd);
  }
  return openEnd < 0
    ? new PassthroughFields("")
    : new PassthroughFields(text, openEnd, openEnd, true);
}

function keep(which: number, value: string): void {
  switch (which) {
    case known.host:
      lastHead.host = value;
      lastHead.hostCount++;
      break;
    case known.contentLength:
      if (lastHead.contentLength !== null && lastHead.contentLength !== value) {
        lastHead.lengthsConflict = true;
      }
      lastHead.contentLength = value;
      break;
    case known.transferEncoding:
      lastHead.transferEncoding = joined(lastHead.transferEncoding, value);
      lastHead.transferEncodingCount++;
      break;
    case known.connection:
      lastHead.connection = joined(lastHead.connection, value);
      break;
    case known.upgrade:
      lastHead.upgrade = joined(lastHead.upgrade, value);
      break;
    case known.expect:
      lastHead.expect = joined(lastHead.expect, value);
      break;
    case known.via:
      lastHead.via = joined(lastHead.via, value);
      break;
    case known.finagleDeadline:
      lastHead.finagleDeadline = joined(lastHead.finagleDeadline, value);
  }
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

/** The options of a Connection field that the proxy acts on. */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
}

const noOptions: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };
const onlyClose: ConnectionOptions = { ...noOptions, close: true };
const onlyKeepAlive: ConnectionOptions = { ...noOptions, keepAlive: true };
const onlyUpgrade: ConnectionOptions = { ...noOptions, upgrade: true };

/** For a field with a single option, as nearly all have; null when it must be parsed. */
function usualOption(value: string): ConnectionOptions | null {
  if (value === "keep-alive" || value === "Keep-Alive") return onlyKeepAlive;
  if (value === "close") return onlyClose;
  return value === "Upgrade" || value === "upgrade" ? onlyUpgrade : null;
}

export function connectionOptions(value: string | null): ConnectionOptions {
  if (value === null) return noOptions;
  const usual = usualOption(value);
  if (usual !== null) return usual;
  const options = listOf(value);
  return {
    close: options.includes("close"),
    keepAlive: options.includes("keep-alive"),
    upgrade: options.includes("upgrade"),
  };
}

export function listOf(value: string): string[] {
  return value.split(",").map((item) => item.trim().toLowerCase());
}

/**
 * Fields that `Connection` lists concern this connection only. Those that the proxy owns (Host,
 * framing, Via) cannot be removed this way, since they have been taken out already.
 */
function dropListed(connection: string): void {
  if (usualOption(connection) !== null) return;
  const options = listOf(connection);
  lastHead.lines = linesOf(withoutListed(new PassthroughFields(passingLines()).list, options));
  if (lastHead.context !== null) lastHead.context = withoutListed(lastHead.context, options);
}

function withoutListed(fields: Fields, options: readonly string[]): Fields {
  const kept: Fields = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!options.includes(name.toLowerCase())) kept.push(name, fields[i + 1] as string);
  }
  return kept;
}

/**
 * The fields of the last scanned trailer section. Fields that frame, route or concern one connection
 * are not allowed in a trailer (RFC 9110 section 6.5.1) and are dropped.
 */
export function trailerFields(bytes: Buffer): Fields {
  const trailers: Fields = [];
  const offsets = lastScan.fields;
  for (let i = 0; i < lastScan.fieldCount * 4; i += 4) {
    const start = offsets[i] as number;
    const end = offsets[i + 1] as number;
    if (knownField(bytes, start, end) !== known.other) continue;
    const value = bytes.toString("latin1", offsets[i + 2], offsets[i + 3]);
    trailers.push(bytes.toString("latin1", start, end), value);
  }
  return trailers;
}
