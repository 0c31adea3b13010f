// The envelope of a Thrift message: type, name and sequence id. The arguments after it are never read.
import { Buffer } from "node:buffer";

/** `strict` and `old` are the binary protocol with and without a version at the beginning. */
export type EnvelopeForm = "strict" | "old" | "compact";

export const messageType = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

/** Names become paths and keys of caches; no honest caller sends longer ones. */
const maxNameBytes = 1024;

/** The longest envelope. */
export const maxEnvelopeBytes = maxNameBytes + 16;

/** Result of the last `readEnvelope` or `readWhole`; valid until the next one. */
export const lastScan = {
  envelopeForm: "strict" as EnvelopeForm,
  /** One of `messageType`; after `unknownType` and `readWhole` any number. */
  type: 0,
  /** Signed, whatever the protocol. */
  seqid: 0,
  nameAt: 0,
  nameEnd: 0,
  /** The first byte after the envelope. */
  bodyAt: 0,
};

/** The bytes end within the envelope. */
export const truncated = "the message ends within its header";

/** `lastScan` is complete, but its type is not one of `messageType`. */
export const unknownType = "its message type is unknown";

/** Reads `buffer[start, end)` into `lastScan`; a text says why it is not a message. */
export function readEnvelope(buffer: Buffer, start: number, end: number): string | null {
  const problem = readUpTo(maxNameBytes, buffer, start, end);
  if (problem !== null) return problem;
  const { type } = lastScan;
  return type < messageType.call || type > messageType.oneway ? unknownType : null;
}

/**
 * As `readEnvelope`, but any type will do, and any length of name: for a message that is refused, and
 * certain to begin and end where it seems to.
 */
export function readWhole(buffer: Buffer, start: number, end: number): string | null {
  return readUpTo(Infinity, buffer, start, end);
}

function readUpTo(maxBytes: number, buffer: Buffer, start: number, end: number): string | null {
  if (start >= end) return "the message is empty";
  const first = buffer[start] as number;
  if (first === 0x82) return readCompact(maxBytes, buffer, start, end);
  if (first < 0x80) return readOld(maxBytes, buffer, start, end);
  return readStrict(maxBytes, buffer, start, end);
}

/** `80 01 00 TT`, the name's length, the name, the sequence id. */
function readStrict(maxBytes: number, buffer: Buffer, start: number, end: number): string | null {
  if (buffer[start] !== 0x80 || (start + 1 < end && buffer[start + 1] !== 0x01)) {
    return `it begins with ${shown(buffer, start, end)}, which is not a version of a Thrift protocol`;
  }
  if (end - start < 8) return truncated;
  const nameEnd = start + 8 + buffer.readInt32BE(start + 4);
  const problem = nameProblem(maxBytes, start + 8, nameEnd);
  if (problem !== null) return problem;
  if (nameEnd + 4 > end) return truncated;
  const seqid = buffer.readInt32BE(nameEnd);
  return found("strict", buffer[start + 3] as number, seqid, start + 8, nameEnd, nameEnd + 4);
}

/** The name's length, the name, `TT`, the sequence id. */
function readOld(maxBytes: number, buffer: Buffer, start: number, end: number): string | null {
  if (end - start < 4) return truncated;
  const nameEnd = start + 4 + buffer.readInt32BE(start);
  const problem = nameProblem(maxBytes, start + 4, nameEnd);
  if (problem !== null) return problem;
  if (nameEnd + 5 > end) return truncated;
  const seqid = buffer.readInt32BE(nameEnd + 1);
  return found("old", buffer[nameEnd] as number, seqid, start + 4, nameEnd, nameEnd + 5);
}

/** `82`, type and version in one byte, the sequence id, the name's length, the name. */
function readCompact(maxBytes: number, buffer: Buffer, start: number, end: number): string | null {
  if (end - start < 2) return truncated;
  const second = buffer[start + 1] as number;
  if ((second & 0x1f) !== 1) return `version ${second & 0x1f} of the compact protocol is unknown`;
  const seqid = readVarint(buffer, start + 2, end);
  if (seqid === null) return varintProblem;
  const length = readVarint(buffer, varintEnd, end);
  if (length === null) return varintProblem;
  const nameEnd = varintEnd + length;
  const problem = nameProblem(maxBytes, varintEnd, nameEnd);
  if (problem !== null) return problem;
  if (nameEnd > end) return truncated;
  return found("compact", second >> 5, seqid, varintEnd, nameEnd, nameEnd);
}

function nameProblem(maxBytes: number, nameAt: number, nameEnd: number): string | null {
  const length = nameEnd - nameAt;
  if (length < 0) return `the length of its name is negative (${length})`;
  if (length <= maxBytes) return null;
  return `its name has ${length} bytes, more than the ${maxBytes} that are read`;
}

function found(
  envelopeForm: EnvelopeForm,
  type: number,
  seqid: number,
  nameAt: number,
  nameEnd: number,
  bodyAt: number,
): null {
  lastScan.envelopeForm = envelopeForm;
  lastScan.type = type;
  lastScan.seqid = seqid;
  lastScan.nameAt = nameAt;
  lastScan.nameEnd = nameEnd;
  lastScan.bodyAt = bodyAt;
  return null;
}

/** Where the last varint ended, and why it could not be read. */
let varintEnd = 0;
let varintProblem = "";

/** At most 32 bits, signed; null: see `varintProblem`. */
function readVarint(buffer: Buffer, start: number, end: number): number | null {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    if (start + i >= end) {
      varintProblem = truncated;
      return null;
    }
    const byte = buffer[start + i] as number;
    if (i === 4 && byte > 0x0f) break;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      varintEnd = start + i + 1;
      return value;
    }
  }
  varintProblem = "a number in its header has more than 32 bits";
  return null;
}

/** For texts: the first bytes, in hex. */
function shown(buffer: Buffer, start: number, end: number): string {
  return buffer.toString("hex", start, Math.min(end, start + 4));
}

/** The envelope of a message made by the proxy. The name is written as received. */
export function writeEnvelope(
  envelopeForm: EnvelopeForm,
  type: number,
  name: Uint8Array,
  seqid: number,
): Buffer {
  switch (envelopeForm) {
    case "strict": {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(0x8001_0000 + type, 0);
      head.writeInt32BE(name.length, 4);
      return Buffer.concat([head, name, int32(seqid)]);
    }
    case "old":
      return Buffer.concat([int32(name.length), name, Buffer.of(type), int32(seqid)]);
    case "compact": {
      const head = [0x82, (type << 5) | 1, ...varint(seqid), ...varint(name.length)];
      return Buffer.concat([Buffer.from(head), name]);
    }
    default:
      return envelopeForm satisfies never;
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The 32 bits of `value`, seven a byte, the lowest first. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
