// The contexts of a message: passed on as received, except for the few that the proxy rewrites.
import { Buffer } from "node:buffer";
import type { Deadline } from "../../../src/core/deadline.ts";
import { MuxResponse } from "../message.ts";
import { bodyStart, maxShortLength, problem } from "./messages.ts";
import type { Problem } from "./messages.ts";

export const deadlineKey = "com.twitter.finagle.Deadline";
export const traceKey = "com.twitter.finagle.tracing.TraceContext";
export const failureKey = "MuxFailure";

const deadlineKeyLower = deadlineKey.toLowerCase();
const traceKeyLower = traceKey.toLowerCase();
const failureKeyLower = failureKey.toLowerCase();

/**
 * The most contexts of one message. Finagle's own are fewer than ten; reading the 32,767 that mux can
 * encode would hold the event loop for 5 to 30 ms.
 */
export const maxContexts = 1_000;

/** Offsets within the message scanned last; -1: it has no such context. */
export const lastScan = {
  /** After the last context; -1 when the contexts are cut short or too many. */
  end: -1,
  /** How many contexts the message announces. */
  count: 0,
  /** Values of the last entry with that key: the endpoint uses the last one, too. */
  deadlineAt: -1,
  traceAt: -1,
  failureAt: -1,
};

/** Finds the known contexts and the end of all contexts; `start` is the offset of their count. */
export function scanContexts(bytes: Buffer, start: number): void {
  lastScan.end = lastScan.deadlineAt = lastScan.traceAt = lastScan.failureAt = -1;
  const count = start + 2 > bytes.length ? 0 : bytes.readUInt16BE(start);
  lastScan.count = count;
  if (count > maxContexts) return;
  let at = start + 2;
  for (let i = 0; i < count; i++) {
    const keyLength = shortLength(bytes, at);
    if (keyLength < 0) return;
    const keyAt = at + 2;
    const valueLength = shortLength(bytes, keyAt + keyLength);
    if (valueLength < 0) return;
    const valueAt = keyAt + keyLength + 2;
    at = valueAt + valueLength;
    if (at > bytes.length) return;
    note(bytes, keyAt, keyLength, valueAt, valueLength);
  }
  if (at <= bytes.length) lastScan.end = at;
}

/** Why the last scan found no end of the contexts of this message, such as "a Tdispatch". */
export function contextsProblem(message: string): Problem {
  const { count } = lastScan;
  if (count <= maxContexts) return problem(`${message} whose contexts are cut short`);
  return problem(`${message} with ${count} contexts, more than the ${maxContexts} allowed`);
}

/** A length of two bytes; -1 when it is missing or above the maximum. */
export function shortLength(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return -1;
  const length = bytes.readUInt16BE(at);
  return length > maxShortLength ? -1 : length;
}

/** Keys are compared case-insensitively; values of an unexpected length are ignored. */
function note(
  bytes: Buffer,
  keyAt: number,
  keyLength: number,
  valueAt: number,
  valueLength: number,
): void {
  switch (keyLength) {
    case deadlineKey.length:
      if (valueLength === 16 && keyIs(bytes, keyAt, deadlineKeyLower))
        lastScan.deadlineAt = valueAt;
      return;
    case traceKey.length:
      if (valueLength !== 32 && valueLength !== 40) return;
      if (keyIs(bytes, keyAt, traceKeyLower)) lastScan.traceAt = valueAt;
      return;
    case failureKey.length:
      if (valueLength >= 8 && keyIs(bytes, keyAt, failureKeyLower)) lastScan.failureAt = valueAt;
      return;
    default:
  }
}

function keyIs(bytes: Buffer, at: number, lower: string): boolean {
  return bytes.toString("latin1", at, at + lower.length).toLowerCase() === lower;
}

/** Size of one entry: its key, and room for a value that the caller writes. */
export function entryBytes(key: string, valueLength: number): number {
  return 2 + key.length + 2 + valueLength;
}

/** Writes an entry's key; returns the offset of its value. */
export function writeKey(bytes: Buffer, at: number, key: string, valueLength: number): number {
  bytes.writeUInt16BE(key.length, at);
  bytes.write(key, at + 2, "latin1");
  bytes.writeUInt16BE(valueLength, at + 2 + key.length);
  return at + 4 + key.length;
}

/** Bits of `MuxFailure`: whether a failed call may be sent again. */
export const failureFlags = { restartable: 1, rejected: 2, nonRetryable: 4 } as const;

/** A deadline: two times in nanoseconds since 1970. */
export const deadlineBytes = 16;

export function readDeadline(bytes: Buffer, at: number): Deadline {
  return { timestampNs: bytes.readBigInt64BE(at), deadlineNs: bytes.readBigInt64BE(at + 8) };
}

export function writeDeadline(bytes: Buffer, at: number, deadline: Deadline): void {
  bytes.writeBigInt64BE(deadline.timestampNs, at);
  bytes.writeBigInt64BE(deadline.deadlineNs, at + 8);
}

/** The same name as the HTTP header. */
export const faultKey = "l5d-fault";

/** The same response with one more context, after those that it came with. */
export function withFault(response: MuxResponse, fault: string): MuxResponse {
  const { status, frame, contextsStart, contextsEnd, payloadStart, flags } = response;
  const hasContexts = contextsEnd > contextsStart;
  const count = hasContexts ? frame.readUInt16BE(contextsStart) : 0;
  const start = bodyStart + 1;
  const contexts = hasContexts ? frame.subarray(contextsStart + 2, contextsEnd) : noBytes;
  const head = Buffer.alloc(start + 2);
  head.writeUInt16BE(count + 1, start);
  const whole = Buffer.concat([head, contexts, faultEntry(fault), frame.subarray(payloadStart)]);
  const payloadAt = whole.length - response.payloadBytes;
  const marked = new MuxResponse(status, whole, start, payloadAt, flags);
  marked.verdict = response.verdict;
  return marked;
}

const noBytes = Buffer.alloc(0);

/** The context, key and value; the text is ASCII. */
export function faultEntry(fault: string): Buffer {
  const entry = Buffer.alloc(entryBytes(faultKey, fault.length));
  entry.write(fault, writeKey(entry, 0, faultKey, fault.length), "latin1");
  return entry;
}
