// What an upgraded connection (TTwitter) has before each request (traces, contexts, dest, dtab) and
// before each response (contexts, mostly none).
import type { FieldReader } from "../codec/struct-reader.ts";
import { FieldWriter } from "../codec/struct-writer.ts";
import { readStruct } from "../codec/struct-reader.ts";
import { binaryType } from "../codec/types.ts";
import type { ThriftProtocol } from "../codec/types.ts";

/** The call that asks a server to upgrade; a server without TTwitter responds with an exception. */
export const upgradeMethod = "__can__finagle__trace__v3__";

/** Ids are as on the wire: 64 bits, signed. */
export interface RequestHeader {
  readonly traceId: bigint;
  readonly spanId: bigint;
  readonly parentSpanId: bigint | null;
  readonly sampled: boolean | null;
  readonly clientId: string | null;
  readonly flags: bigint | null;
  readonly contexts: readonly ContextEntry[];
  /** As sent; null: the caller named none. */
  readonly dest: string | null;
  /** Dentries as sent: prefix and tree. */
  readonly delegations: readonly (readonly [prefix: string, tree: string])[];
  /** The upper half of a trace id of 128 bits. */
  readonly traceIdHigh: bigint | null;
}

/** Key and value, as sent. */
export interface ContextEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The header in `buffer[start, end)`, and where the message after it begins. */
export function readRequestHeader(
  protocol: ThriftProtocol,
  buffer: Buffer,
  start: number,
  end: number,
): { readonly value: RequestHeader; readonly end: number } | string {
  return readStruct(protocol, buffer, start, end, requestHeader);
}

function requestHeader(reader: FieldReader): RequestHeader {
  const contexts: ContextEntry[] = [];
  const delegations: (readonly [string, string])[] = [];
  const header: Mutable<RequestHeader> = { ...noHeader, contexts, delegations };
  reader.struct((id, type) => {
    switch (id * 16 + type) {
      case 1 * 16 + binaryType.i64:
        header.traceId = reader.i64();
        return true;
      case 2 * 16 + binaryType.i64:
        header.spanId = reader.i64();
        return true;
      case 3 * 16 + binaryType.i64:
        header.parentSpanId = reader.i64();
        return true;
      case 5 * 16 + binaryType.bool:
        header.sampled = reader.bool();
        return true;
      case 6 * 16 + binaryType.struct:
        header.clientId = readClientId(reader);
        return true;
      case 7 * 16 + binaryType.i64:
        header.flags = reader.i64();
        return true;
      case 8 * 16 + binaryType.list:
        reader.structs(() => {
          if (isBelow(contexts.length, "contexts", reader)) contexts.push(readContext(reader));
        });
        return true;
      case 9 * 16 + binaryType.string:
        header.dest = reader.string();
        return true;
      case 10 * 16 + binaryType.list:
        reader.structs(() => {
          if (isBelow(delegations.length, "delegations", reader))
            readDelegation(reader, delegations);
        });
        return true;
      case 11 * 16 + binaryType.i64:
        header.traceIdHigh = reader.i64();
        return true;
      default:
        return false;
    }
  });
  return header;
}

/** Of contexts and of delegations; a frame has room for half a million, which would take long to read. */
const maxEntries = 5_000;

function isBelow(count: number, what: string, reader: FieldReader): boolean {
  if (count < maxEntries) return true;
  reader.problem ??= `it has more than ${maxEntries} ${what}`;
  return false;
}

const noHeader: RequestHeader = {
  traceId: 0n,
  spanId: 0n,
  parentSpanId: null,
  sampled: null,
  clientId: null,
  flags: null,
  contexts: [],
  dest: null,
  delegations: [],
  traceIdHigh: null,
};

/** A struct of strings by field id, 1 and 2; null: absent. */
function readStrings(reader: FieldReader): [Buffer | null, Buffer | null] {
  const found: [Buffer | null, Buffer | null] = [null, null];
  reader.struct((id, type) => {
    if (type !== binaryType.string || (id !== 1 && id !== 2)) return false;
    found[id - 1] = reader.binary();
    return true;
  });
  return found;
}

function readClientId(reader: FieldReader): string | null {
  const [name] = readStrings(reader);
  return name === null ? null : name.toString("utf8");
}

/** A missing part is empty. Copied, because the context outlives a frame that may be long. */
export function readContext(reader: FieldReader): ContextEntry {
  const [key, value] = readStrings(reader);
  return { key: key?.toString("utf8") ?? "", value: Uint8Array.from(value ?? []) };
}

/** An entry without a prefix or a tree is ignored. */
function readDelegation(reader: FieldReader, into: (readonly [string, string])[]): void {
  const [prefix, tree] = readStrings(reader);
  if (prefix !== null && tree !== null) into.push([prefix.toString(), tree.toString()]);
}

/** The struct's bytes. */
export function writeRequestHeader(protocol: ThriftProtocol, header: RequestHeader): Uint8Array[] {
  const writer = new FieldWriter(protocol);
  const { parentSpanId, sampled, clientId, flags, contexts, dest, delegations } = header;
  writer.i64(1, header.traceId);
  writer.i64(2, header.spanId);
  if (parentSpanId !== null) writer.i64(3, parentSpanId);
  if (sampled !== null) writer.bool(5, sampled);
  if (clientId !== null) writer.struct(6, () => writer.string(1, clientId));
  if (flags !== null) writer.i64(7, flags);
  if (contexts.length > 0) writeContexts(writer, 8, contexts);
  if (dest !== null) writer.string(9, dest);
  if (delegations.length > 0) {
    const entries = delegations.map(([prefix, tree]) => () => {
      writer.string(1, prefix);
      writer.string(2, tree);
    });
    writer.structs(10, entries);
  }
  if (header.traceIdHigh !== null) writer.i64(11, header.traceIdHigh);
  return [...writer.end()];
}

/** Writes them as field `id` of the current struct. */
export function writeContexts(
  writer: FieldWriter,
  id: number,
  contexts: readonly ContextEntry[],
): void {
  const entries = contexts.map(({ key, value }) => () => {
    writer.string(1, key);
    writer.binary(2, value);
  });
  writer.structs(id, entries);
}

/** The id of the list; 1 would be spans, which no server has sent for years. */
const responseContextsId = 2;

/**
 * The response from its header at `start` on, with `added` among the header's contexts; other fields
 * of the header are dropped. Unchanged if the header cannot be read.
 */
export function withContext(
  protocol: ThriftProtocol,
  response: Buffer,
  start: number,
  added: ContextEntry,
): readonly Uint8Array[] {
  const contexts: ContextEntry[] = [];
  const header = readStruct(protocol, response, start, response.length, (reader) =>
    reader.struct((id, type) => {
      if (id !== responseContextsId || type !== binaryType.list) return false;
      reader.structs(() => contexts.push(readContext(reader)));
      return true;
    }),
  );
  if (typeof header === "string") return [response.subarray(start)];
  const writer = new FieldWriter(protocol);
  writeContexts(writer, responseContextsId, [...contexts, added]);
  return [...writer.end(), response.subarray(header.end)];
}
