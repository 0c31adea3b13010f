// Avro object container files (Avro 1.11, "Object Container Files"): a header with the schema and a sync marker,
// then blocks, each followed by that marker.
import { Buffer } from "node:buffer";

export const syncBytes = 16;
const magic = Buffer.from("Obj\u0001", "latin1");

export interface Header {
  /** As JSON text. */
  readonly schema: string;
  /** `null` or `deflate`. */
  readonly codec: string;
  readonly sync: Buffer;
  /** Offset of the first block. */
  readonly bytes: number;
}

export interface BlockHead {
  readonly count: number;
  /** Bytes of the records, compressed. */
  readonly size: number;
  /** Bytes of the head itself: the records follow. */
  readonly bytes: number;
}

/** Reads one zigzag varint. null: it is not all there, or no length that a file can have. */
class Reader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  long(): number | null {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    return null;
  }

  bytes(length: number): Buffer | null {
    if (length < 0 || this.at + length > this.#bytes.length) return null;
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  text(): string | null {
    const length = this.long();
    return length === null ? null : (this.bytes(length)?.toString("utf8") ?? null);
  }
}

/** null: the bytes do not begin with a whole header. */
export function readHeader(bytes: Buffer): Header | null {
  if (!bytes.subarray(0, magic.length).equals(magic)) return null;
  const reader = new Reader(bytes, magic.length);
  const meta = new Map<string, string>();
  for (let count = reader.long(); count !== 0; count = reader.long()) {
    if (count === null) return null;
    if (count < 0 && reader.long() === null) return null; // its size in bytes follows
    for (let left = Math.abs(count); left > 0; left--) {
      const [key, value] = [reader.text(), reader.text()];
      if (key === null || value === null) return null;
      meta.set(key, value);
    }
  }
  const sync = reader.bytes(syncBytes);
  const schema = meta.get("avro.schema");
  if (sync === null || schema === undefined) return null;
  return { schema, codec: meta.get("avro.codec") ?? "null", sync, bytes: reader.at };
}

/** Two lengths have up to 20 bytes. */
export function readBlockHead(bytes: Buffer): BlockHead | "incomplete" | "invalid" {
  const reader = new Reader(bytes, 0);
  const count = reader.long();
  const size = count === null ? null : reader.long();
  if (count === null || size === null) return bytes.length < 20 ? "incomplete" : "invalid";
  return count < 0 || size < 0 ? "invalid" : { count, size, bytes: reader.at };
}

export function headerOf(schema: string, codec: string, sync: Buffer): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, "utf8");
    return Buffer.concat([longOf(bytes.length), bytes]);
  };
  const meta = [text("avro.schema"), text(schema), text("avro.codec"), text(codec)];
  return Buffer.concat([magic, longOf(2), ...meta, longOf(0), sync]);
}

/** Of `value` >= 0. */
export function longOf(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
