// Access logs in Avro, block by block, with the schema that stands in the file.
import { inflateRawSync } from "node:zlib";
import type * as avsc from "avsc";
import { readBlockHead, readHeader, syncBytes } from "../../access-log/avro/container.ts";
import type { Header } from "../../access-log/avro/container.ts";
import { accessSchema } from "../../access-log/avro/schema.ts";
import { UnreadableLog } from "./logged-call.ts";
import type { LoggedCall, LogReader, ReadAt } from "./logged-call.ts";

const maxHeaderBytes = 2 ** 20;
/** Of one block, before and after it is decompressed. A proxy writes blocks of 64 KB. */
const maxBlockBytes = 64 * 2 ** 20;
/** Two lengths. */
const maxHeadBytes = 20;

export class AvroLog implements LogReader {
  readonly #readAt: ReadAt;
  #header: Header | null = null;
  #type: avsc.Type | null = null;
  #position = 0;
  #restBytes = 0;

  constructor(readAt: ReadAt) {
    this.#readAt = readAt;
  }

  async *calls(): AsyncIterable<readonly LoggedCall[]> {
    const header = (this.#header ??= await this.#open());
    if (header === null) return;
    for (;;) {
      const block = await this.#block(header);
      if (block === null) return;
      yield block;
    }
  }

  remark(): string | null {
    if (this.#restBytes === 0) return null;
    return `the last ${this.#restBytes} bytes are no whole block: its writer was killed, or is writing`;
  }

  /** null: it is still being written. */
  async #open(): Promise<Header | null> {
    const bytes = await this.#readAt(0, maxHeaderBytes);
    const header = readHeader(bytes);
    if (header === null) {
      if (bytes.length === maxHeaderBytes)
        throw new UnreadableLog("its header is no header of Avro");
      this.#restBytes = bytes.length;
      return null;
    }
    if (header.codec !== "deflate" && header.codec !== "null") {
      throw new UnreadableLog(`it is compressed with ${header.codec}, not with deflate`);
    }
    this.#type = await typeOf(header.schema);
    this.#position = header.bytes;
    return { ...header, sync: Buffer.from(header.sync) };
  }

  /** null: the next one is not there, or not as a whole. */
  async #block({ codec, sync }: Header): Promise<LoggedCall[] | null> {
    const at = this.#position;
    const start = await this.#readAt(at, maxHeadBytes);
    this.#restBytes = start.length;
    const head = readBlockHead(start);
    if (head === "incomplete") return null;
    if (head === "invalid" || head.size > maxBlockBytes)
      throw broken(at, "its lengths are impossible");
    const length = head.bytes + head.size + syncBytes;
    const bytes = await this.#readAt(at, length);
    this.#restBytes = bytes.length;
    if (bytes.length < length) return null;
    if (!bytes.subarray(-syncBytes).equals(sync)) throw broken(at, "no marker follows it");
    const data = bytes.subarray(head.bytes, -syncBytes);
    this.#position += length;
    this.#restBytes = 0;
    try {
      const plain =
        codec === "null" ? data : inflateRawSync(data, { maxOutputLength: maxBlockBytes });
      return this.#records(plain, head.count);
    } catch (error) {
      throw broken(at, error instanceof Error ? error.message : String(error));
    }
  }

  #records(bytes: Buffer, count: number): LoggedCall[] {
    const records: LoggedCall[] = [];
    for (let at = 0; records.length < count;) {
      const { value, offset } = this.#type!.decode(bytes, at);
      if (offset <= at) throw new Error("it has fewer records than it says");
      records.push(value as LoggedCall);
      at = offset;
    }
    return records;
  }
}

function broken(at: number, why: string): UnreadableLog {
  return new UnreadableLog(`the block at byte ${at} cannot be read: ${why}`);
}

async function typeOf(schema: string): Promise<avsc.Type> {
  const { default: avro } = await import("avsc");
  try {
    const type = avro.Type.forSchema(JSON.parse(schema) as avsc.Schema);
    const { name, namespace } = accessSchema;
    if (type.name !== `${namespace}.${name}`)
      throw new Error(`its records are ${type.name ?? "nameless"}`);
    return type;
  } catch (error) {
    throw new UnreadableLog(
      `it is no access log: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
