// THeader frames: a magic number, fields that travel with the call, and then a message.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { varint } from "./envelope.ts";

/** The first two bytes after the prefix. */
const magic = 0x0fff;
/** Magic, flags (2), sequence id (4), words of header (2). */
const fixedBytes = 10;
const maxWords = 0xffff;
/** Protocol ids. */
const binaryId = 0;
const compactId = 2;
/** The kinds of fields: of this message alone, and of all that follow on the connection. */
const keyValues = 1;
const persistentKeyValues = 2;

export interface HeaderFrame {
  readonly fields: ReadonlyMap<string, string>;
  readonly seqid: number;
  readonly isCompact: boolean;
  /** Where the message begins, in the frame. */
  readonly messageAt: number;
  /** The message is compressed or otherwise transformed and cannot be read. */
  readonly isTransformed: boolean;
}

export function isHeaderFrame(frame: Buffer): boolean {
  return frame.length >= prefixBytes + 2 && frame.readUInt16BE(prefixBytes) === magic;
}

/** `frame` begins with its prefix. A text says why it cannot be read. */
export function readHeaderFrame(frame: Buffer): HeaderFrame | string {
  if (frame.length < prefixBytes + fixedBytes) return "the frame ends within its THeader";
  const seqid = frame.readInt32BE(prefixBytes + 4);
  const start = prefixBytes + fixedBytes;
  const messageAt = start + 4 * frame.readUInt16BE(prefixBytes + 8);
  if (messageAt > frame.length) return "the frame ends within its THeader";
  const cursor: Cursor = { buffer: frame, at: start, end: messageAt };
  const protocol = readVarint(cursor);
  const transforms = readVarint(cursor);
  if (protocol === null || transforms === null) return "its THeader is cut off";
  if (protocol !== binaryId && protocol !== compactId) {
    return `protocol ${protocol} of its THeader is neither binary (0) nor compact (2)`;
  }
  const isCompact = protocol === compactId;
  // Their parameters would have to be known to find the fields.
  if (transforms !== 0)
    return { fields: new Map(), seqid, isCompact, messageAt, isTransformed: true };
  const fields = readFields(cursor);
  if (fields === null) return "the fields of its THeader are cut off";
  return { fields, seqid, isCompact, messageAt, isTransformed: false };
}

/** Blocks of fields up to padding (0), an unknown kind, or the end. */
function readFields(cursor: Cursor): Map<string, string> | null {
  const fields = new Map<string, string>();
  while (cursor.at < cursor.end) {
    const kind = readVarint(cursor);
    if (kind !== keyValues && kind !== persistentKeyValues) return kind === null ? null : fields;
    const count = readVarint(cursor);
    if (count === null || count < 0) return null;
    for (let i = 0; i < count; i++) {
      const key = readString(cursor);
      const value = readString(cursor);
      if (key === null || value === null) return null;
      fields.set(key, value);
    }
  }
  return fields;
}

interface Cursor {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
}

function readVarint(cursor: Cursor): number | null {
  let value = 0;
  for (let shift = 0; shift < 35 && cursor.at < cursor.end; shift += 7) {
    const byte = cursor.buffer[cursor.at++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return null;
}

function readString(cursor: Cursor): string | null {
  const length = readVarint(cursor);
  if (length === null || length < 0 || length > cursor.end - cursor.at) return null;
  const start = cursor.at;
  cursor.at += length;
  return cursor.buffer.toString("utf8", start, cursor.at);
}

/** Puts a message made by the proxy (a frame with its prefix) into a THeader frame without fields. */
export function inHeaderFrame(
  message: Buffer,
  to: Pick<HeaderFrame, "seqid" | "isCompact">,
): Buffer {
  const words = 1; // protocol id, no transforms, padding
  const frame = Buffer.alloc(fixedBytes + 4 * words + message.length);
  frame.writeInt32BE(frame.length - prefixBytes, 0);
  frame.writeUInt16BE(magic, prefixBytes);
  frame.writeInt32BE(to.seqid, prefixBytes + 4);
  frame.writeUInt16BE(words, prefixBytes + 8);
  Buffer.from(varint(to.isCompact ? compactId : binaryId)).copy(frame, prefixBytes + fixedBytes);
  message.copy(frame, prefixBytes + fixedBytes + 4 * words, prefixBytes);
  return frame;
}

/** The same frame, which must be readable, with one more field for this message alone. */
export function withField(frame: Buffer, key: string, value: string): Buffer {
  const start = prefixBytes + fixedBytes;
  const messageAt = start + 4 * frame.readUInt16BE(prefixBytes + 8);
  const cursor: Cursor = { buffer: frame, at: start, end: messageAt };
  readVarint(cursor); // protocol
  readVarint(cursor); // transforms: none
  // Before the existing fields: after them there may be a block that only the caller can read.
  const added = Buffer.concat([Buffer.of(keyValues, 1), writeString(key), writeString(value)]);
  const words = Math.ceil((messageAt - start + added.length) / 4);
  if (words > maxWords) return frame;
  const whole = Buffer.alloc(start + 4 * words + frame.length - messageAt);
  frame.copy(whole, 0, 0, cursor.at);
  whole.writeInt32BE(whole.length - prefixBytes, 0);
  whole.writeUInt16BE(words, prefixBytes + 8);
  whole.set(added, cursor.at);
  frame.copy(whole, cursor.at + added.length, cursor.at, messageAt);
  frame.copy(whole, start + 4 * words, messageAt);
  return whole;
}

function writeString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(varint(bytes.length)), bytes]);
}
