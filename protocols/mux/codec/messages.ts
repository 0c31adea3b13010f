// Mux messages as bytes: numbers, field layout, and the readers of all that is not a call.
//
//   frame       size:4 | type:1 | tag:3 | body          big endian; size counts what follows it
//   Treq        nkeys:1 (key:1 value~1)* payload        ~n: a length of n bytes, then that many bytes
//   Rreq        status:1 payload
//   Tdispatch   n:2 (key~2 value~2)* destination~2 n:2 (prefix~2 tree~2)* payload
//   Rdispatch   status:1 n:2 (key~2 value~2)* payload
//   Tdiscarded  tag:3 reason                            Tlease  unit:1 howmuch:8
//   Tinit       version:2 (key~4 value~4)*              Rinit   the same
//   Rerr        reason                                  Tping, Rping, Tdrain, Rdrain, Rdiscarded: empty
//
// A reply has the negated type of its request. Lengths of two bytes are signed in Finagle:
// nothing longer than 32,767 is written, and nothing longer is taken.
import { Buffer } from "node:buffer";
import { tlsKey } from "./tls-level.ts";
import type { TlsLevel } from "./tls-level.ts";

export const treq = 1;
export const rreq = -1;
export const tdispatch = 2;
export const rdispatch = -2;
export const tdrain = 64;
export const rdrain = -64;
export const tping = 65;
export const rping = -65;
export const tdiscarded = 66;
export const rdiscarded = -66;
export const tlease = 67;
export const tinit = 68;
export const rinit = -68;
export const rerr = -128;

/** Finagle writes these numbers, and old peers know no others; both forms are read. */
const oldTdiscarded = -62;
const oldRerr = 127;

/** Offset of a frame's body: after size, type and tag. */
export const bodyStart = 8;
/** Every message has type and tag after its size. */
export const minFrameBytes = 4;
/** The tag of messages that have no reply. */
export const markerTag = 0;
/** The tag of the session's own messages. Calls have tags from 2 up. */
export const controlTag = 1;
export const firstCallTag = 2;
export const maxTag = 0x7f_ffff;
/** Bit in the tag of every fragment but the last. */
export const moreFollows = 0x80_0000;

export const maxShortLength = 32_767;

/** What is wrong with bytes that are not a valid message. One line. */
export interface Problem {
  readonly problem: string;
}

export function problem(text: string): Problem {
  return { problem: text };
}

/** The message type; old numbers are translated. `frame` includes its prefix. */
export function typeOf(frame: Buffer): number {
  const type = frame.readInt8(4);
  if (type === oldTdiscarded) return tdiscarded;
  return type === oldRerr ? rerr : type;
}

/** The tag as received, including the `moreFollows` bit. */
export function tagOf(frame: Buffer): number {
  return frame.readUIntBE(5, 3);
}

const replies = [rreq, rdispatch, rdrain, rping, rdiscarded, rinit, rerr];
const asked = [treq, tdispatch, tdrain, tping, tdiscarded, tlease, tinit];
const known: ReadonlySet<number> = new Set(asked.concat(replies));

export function isKnownType(type: number): boolean {
  return known.has(type);
}

const names: Readonly<Record<number, string>> = {
  1: "Treq",
  2: "Tdispatch",
  64: "Tdrain",
  65: "Tping",
  66: "Tdiscarded",
  67: "Tlease",
  68: "Tinit",
  128: "Rerr",
};

/** For messages to people: `Tping (65)`. */
export function showType(type: number): string {
  const name = names[Math.abs(type)];
  if (name === undefined) return `type ${type}`;
  return `${type < 0 ? name.replace("T", "R") : name} (${type})`;
}

/** Content of Tdiscarded: the tag of the cancelled call, and the reason. */
export interface Discarded {
  readonly tag: number;
  readonly reason: string;
}

export function readDiscarded(frame: Buffer): Discarded | Problem {
  if (frame.length < bodyStart + 3) return problem("a Tdiscarded without the tag it discards");
  const tag = frame.readUIntBE(bodyStart, 3);
  return { tag, reason: frame.toString("utf8", bodyStart + 3) };
}

const leaseUnitMs = 0;

/** Duration of a Tlease, in milliseconds; null: in an unknown unit, to be ignored as Finagle does. */
export function readLease(frame: Buffer): number | null | Problem {
  if (frame.length < bodyStart + 9) return problem("a Tlease that is too short");
  if (frame.readUInt8(bodyStart) !== leaseUnitMs) return null;
  return Number(frame.readBigUInt64BE(bodyStart + 1));
}

export function readReason(frame: Buffer): string {
  return frame.toString("utf8", bodyStart);
}

/** Content of Tinit and Rinit. */
export interface Init {
  readonly version: number;
  readonly headers: readonly (readonly [key: string, value: Buffer])[];
}

export function readInit(frame: Buffer): Init | Problem {
  if (frame.length < bodyStart + 2) return problem("a Tinit or Rinit without its version");
  const headers: (readonly [string, Buffer])[] = [];
  let at = bodyStart + 2;
  while (at < frame.length) {
    const key = longBytes(frame, at);
    const value = key === null ? null : longBytes(frame, at + 4 + key.length);
    if (key === null || value === null)
      return problem("a Tinit or Rinit with a header that is cut short");
    headers.push([key.toString("utf8"), value]);
    at += 8 + key.length + value.length;
  }
  return { version: frame.readUInt16BE(bodyStart), headers };
}

/** Bytes after a length of four bytes; null when they are cut short. */
function longBytes(frame: Buffer, at: number): Buffer | null {
  if (at + 4 > frame.length) return null;
  const length = frame.readInt32BE(at);
  if (length < 0 || at + 4 + length > frame.length) return null;
  return frame.subarray(at + 4, at + 4 + length);
}

/** Writes size, type and tag; `size` is the size of the whole frame. Returns the offset of the body. */
export function writeHead(
  bytes: Buffer,
  at: number,
  size: number,
  type: number,
  tag: number,
): number {
  bytes.writeInt32BE(size - 4, at);
  bytes.writeInt32BE((type << 24) | tag, at + 4);
  return at + bodyStart;
}

function message(type: number, tag: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(bodyStart + body.length);
  writeHead(frame, 0, frame.length, type, tag);
  frame.set(body, bodyStart);
  return frame;
}

const noBytes = new Uint8Array(0);

export function emptyMessage(type: number, tag: number): Buffer {
  return message(type, tag, noBytes);
}

/** With the type number that old peers know. */
export function rerrMessage(tag: number, reason: string): Buffer {
  return message(oldRerr, tag, Buffer.from(reason));
}

/** With the type number that old peers know. */
export function discardedMessage(tag: number, reason: string): Buffer {
  const body = Buffer.from(`...${reason}`);
  body.writeUIntBE(tag, 0, 3);
  return message(oldTdiscarded, markerTag, body);
}

/** A client's first message: a server that can negotiate sends the same back. */
export const tinitCheck = "tinit check";

const framerKey = "mux-framer";
export const muxVersion = 1;

/** Tinit or Rinit as in Finagle: `maxFragmentBytes` is the longest fragment that the sender accepts. */
export function initMessage(
  type: number,
  tag: number,
  maxFragmentBytes: number,
  tlsLevel: TlsLevel = "off",
): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(maxFragmentBytes);
  const headers: readonly (readonly [string, Uint8Array])[] = [
    [framerKey, size],
    [tlsKey, Buffer.from(tlsLevel)],
  ];
  const parts: Uint8Array[] = [Buffer.from([0, muxVersion])];
  for (const [key, value] of headers) {
    parts.push(longLength(key.length), Buffer.from(key), longLength(value.length), value);
  }
  return message(type, tag, Buffer.concat(parts));
}

function longLength(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

/** The longest fragment that the peer accepts; Infinity: it wants no fragments. */
export function fragmentBytesOf({ headers }: Init): number | Problem {
  const value = headers.find(([key]) => key === framerKey)?.[1];
  if (value === undefined) return Infinity;
  const bytes = value.length === 4 ? value.readInt32BE(0) : 0;
  return bytes > 0 ? bytes : problem("the header mux-framer is not a positive number of 4 bytes");
}
