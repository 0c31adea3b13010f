// Access records as Avro container files: a block for each batch, so that a crash costs a second at most.
import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import type * as avsc from "avsc";
import type { LogBatch, LogContent } from "../../runtime/log-content.ts";
import type { AccessRecord } from "../record.ts";
import { headerOf, longOf, readHeader, syncBytes } from "./container.ts";
import { accessSchema } from "./schema.ts";

const codec = "deflate";
const schemaText = JSON.stringify(accessSchema);

/** Loaded only where a log is in Avro, as avsc is. */
const zlib = () => process.getBuiltinModule("node:zlib");
const crypto = () => process.getBuiltinModule("node:crypto");

/** Encodes one record. */
export function avroEncoder(): (record: AccessRecord) => Buffer {
  const avro = createRequire(import.meta.url)("avsc") as typeof avsc;
  const type = avro.Type.forSchema(JSON.parse(schemaText));
  return (record) => type.toBuffer(record);
}

class Block implements LogBatch<Buffer> {
  length = 0;
  readonly #records: Buffer[] = [];

  add(record: Buffer): void {
    this.#records.push(record);
    this.length += record.length;
  }

  async encode(): Promise<Buffer> {
    const data = await promisify(zlib().deflateRaw)(Buffer.concat(this.#records, this.length));
    return Buffer.concat([longOf(this.#records.length), longOf(data.length), data]);
  }
}

/** What one file is made of. */
export class AvroContent implements LogContent<Buffer> {
  #sync: Buffer = Buffer.alloc(0);

  get batchEnd(): Buffer {
    return this.#sync;
  }

  batch(): Block {
    return new Block();
  }

  /** Continues a file with the same schema after its last whole block; what a crash left behind that is cut off. */
  async begin(file: FileHandle, size: number): Promise<number | null> {
    if (size === 0) return this.#beginNew(file);
    const header = readHeader(await bytesAt(file, 0, Math.min(size, maxHeaderBytes)));
    if (header === null || header.schema !== schemaText || header.codec !== codec) return null;
    this.#sync = Buffer.from(header.sync);
    const end = await endOfLastBlock(file, size, header.bytes, this.#sync);
    if (end < size) await file.truncate(end);
    return end;
  }

  async #beginNew(file: FileHandle): Promise<number> {
    this.#sync = crypto().randomBytes(syncBytes);
    const header = headerOf(schemaText, codec, this.#sync);
    await file.appendFile(header);
    return header.length;
  }
}

/** The header of another schema may be longer; then the file is not continued anyway. */
const maxHeaderBytes = 65_536;
const windowBytes = 262_144;

/** Looks from the end of the file for the last marker; the one of the header is the last resort. */
async function endOfLastBlock(
  file: FileHandle,
  size: number,
  headerBytes: number,
  sync: Buffer,
): Promise<number> {
  for (let end = size; end > headerBytes;) {
    const start = Math.max(headerBytes, end - windowBytes);
    const found = (await bytesAt(file, start, end - start)).lastIndexOf(sync);
    if (found >= 0) return start + found + syncBytes;
    // The next window overlaps this one, as a marker may lie across the border.
    end = start === headerBytes ? headerBytes : start + syncBytes - 1;
  }
  return headerBytes;
}

async function bytesAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, start);
  return bytes.subarray(0, bytesRead);
}
