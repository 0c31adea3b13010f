// What an upgraded connection (TTwitter) has before each answer: contexts, mostly none.
import type { Buffer } from "node:buffer";
import { FieldWriter, readStruct } from "../codec/struct-codec.ts";
import { readContext, writeContexts } from "./request-header.ts";
import { binaryType } from "../codec/types.ts";
import type { ContextEntry } from "./request-header.ts";
import type { ThriftProtocol } from "../codec/types.ts";

/** The id of the list; 1 would be spans, which no server has sent for years. */
const contextsId = 2;

/**
 * From the header at `start` on, whose contexts `added` joins; of other fields it keeps none. As it
 * is when its fields are not what they should be.
 */
export function withContext(
  encoding: ThriftProtocol,
  answer: Buffer,
  start: number,
  added: ContextEntry,
): readonly Uint8Array[] {
  const contexts: ContextEntry[] = [];
  const header = readStruct(encoding, answer, start, answer.length, (reader) =>
    reader.struct((id, type) => {
      if (id !== contextsId || type !== binaryType.list) return false;
      reader.structs(() => contexts.push(readContext(reader)));
      return true;
    }),
  );
  if (typeof header === "string") return [answer.subarray(start)];
  const writer = new FieldWriter(encoding);
  writeContexts(writer, contextsId, [...contexts, added]);
  return [...writer.end(), answer.subarray(header.end)];
}
