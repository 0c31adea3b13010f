// Calls of the service Namer as bytes and back, with the primitives of the package `thrift` (binary protocol).
// The package is loaded with the first call.
import type { FieldType, Method, MethodName, Struct } from "./structs.ts";
import { methods } from "./structs.ts";

/** A struct as it is read and written: fields by name, absent ones left out. */
export type Fields = { readonly [name: string]: Value | undefined };
type Value = string | number | Buffer | readonly Value[] | ReadonlyMap<number, Value> | Fields;

export type Message =
  | {
      readonly kind: "call";
      readonly seqid: number;
      readonly method: MethodName;
      readonly args: Fields;
    }
  | { readonly kind: "unknown"; readonly seqid: number; readonly method: string };

export interface Codec {
  call(method: MethodName, args: Fields): Buffer;
  /** Throws on bytes that are no message. */
  readCall(payload: Buffer): Message;
  reply(method: MethodName, seqid: number, result: Fields): Buffer;
  /** For a method that does not exist, or one that failed unexpectedly. */
  exception(method: string, seqid: number, text: string, isUnknown: boolean): Buffer;
  /** The fields of `success` or `failure`. Throws on an exception of the protocol, and on anything else. */
  readReply(method: MethodName, payload: Buffer): Fields;
}

/** As much of the package as is used. */
interface Protocol {
  readMessageBegin(): { fname: string; mtype: number; rseqid: number };
  readFieldBegin(): { ftype: number; fid: number };
  readListBegin(): { etype: number; size: number };
  readSetBegin(): { etype: number; size: number };
  readMapBegin(): { ktype: number; vtype: number; size: number };
  readString(): string;
  readBinary(): Buffer;
  readI32(): number;
  readDouble(): number;
  skip(type: number): void;
  writeMessageBegin(name: string, type: number, seqid: number): void;
  writeFieldBegin(name: string, type: number, id: number): void;
  writeFieldStop(): void;
  writeListBegin(type: number, size: number): void;
  writeSetBegin(type: number, size: number): void;
  writeMapBegin(key: number, value: number, size: number): void;
  writeString(text: string): void;
  writeBinary(bytes: Buffer): void;
  writeI32(value: number): void;
  writeDouble(value: number): void;
}

const types = {
  stop: 0,
  double: 4,
  i32: 8,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;
const callType = 1;
const replyType = 2;
const exceptionType = 3;
const unknownMethod = 1;
const internalError = 6;
/** Deeper than any message of this service; a hostile one would overflow the stack. */
const maxDepth = 32;
/** What is read at one time holds up calls: a value takes a microsecond or two, and a call has few. */
const callLimits = { bytes: 1024 * 1024, values: 10_000 };
const replyLimits = { bytes: 4 * 1024 * 1024, values: 100_000 };

/** A message that is being read, and how many values of it may still come. */
interface Reading {
  readonly from: Protocol;
  left: number;
}

const applicationException: Struct = {
  name: "",
  fields: { message: [1, "string"], type: [2, "i32"] },
};

export async function loadCodec(): Promise<Codec> {
  const { default: thrift } = await import("thrift");
  // Safe casts: the types of the package leave out half of what it has.
  const { TBinaryProtocol, TFramedTransport, TBufferedTransport } = thrift as unknown as Library;
  const reading = (payload: Buffer, limits: typeof callLimits): Reading => {
    const { bytes, values } = limits;
    if (payload.length > bytes) throw new Error(`a message is longer than ${bytes} bytes`);
    return { from: new TBinaryProtocol(new TFramedTransport(payload)), left: values };
  };
  const writing = (write: (to: Protocol) => void): Buffer => {
    let bytes: Buffer = Buffer.alloc(0);
    const transport = new TBufferedTransport(undefined, (written) => (bytes = written));
    write(new TBinaryProtocol(transport));
    transport.flush();
    return bytes;
  };
  const message = (name: string, type: number, seqid: number, body: Struct, fields: Fields) =>
    writing((to) => {
      to.writeMessageBegin(name, type, seqid);
      writeStruct(to, body, fields);
    });
  return {
    call: (method, args) => message(method, callType, 0, methods[method].args, args),
    readCall(payload) {
      const source = reading(payload, callLimits);
      const { fname: name, mtype, rseqid: seqid } = source.from.readMessageBegin();
      if (mtype !== callType) throw new Error(`expected a call, got message type ${mtype}`);
      if (!Object.hasOwn(methods, name)) return { kind: "unknown", seqid, method: name };
      const method = name as MethodName;
      return { kind: "call", seqid, method, args: readStruct(source, methods[method].args, 0) };
    },
    reply: (method, seqid, result) =>
      message(method, replyType, seqid, methods[method].result, result),
    exception: (method, seqid, text, isUnknown) =>
      message(method, exceptionType, seqid, applicationException, {
        message: text,
        type: isUnknown ? unknownMethod : internalError,
      }),
    readReply(method, payload) {
      const source = reading(payload, replyLimits);
      const { mtype } = source.from.readMessageBegin();
      if (mtype === exceptionType) {
        throw new Error(
          String(readStruct(source, applicationException, 0)["message"] ?? "no reason given"),
        );
      }
      if (mtype !== replyType) throw new Error(`expected a reply, got message type ${mtype}`);
      const { result }: Method = methods[method];
      return readStruct(source, result, 0);
    },
  };
}

interface Library {
  readonly TBinaryProtocol: new (transport: object) => Protocol;
  readonly TFramedTransport: new (bytes: Buffer) => object;
  readonly TBufferedTransport: new (
    bytes: undefined,
    onFlush: (bytes: Buffer) => void,
  ) => { flush(): void };
}

function typeOf(type: FieldType): number {
  switch (type) {
    case "binary":
    case "string":
      return types.string;
    case "i32":
      return types.i32;
    case "double":
      return types.double;
    default:
      if ("list" in type) return types.list;
      if ("set" in type) return types.set;
      return "map" in type ? types.map : types.struct;
  }
}

function readStruct(source: Reading, { fields }: Struct, depth: number): Fields {
  const { from } = source;
  if (depth > maxDepth) throw new Error("the structs are nested too deeply");
  const read: Record<string, Value> = {};
  for (;;) {
    const { ftype, fid } = from.readFieldBegin();
    if (ftype === types.stop) return read;
    const known = Object.entries(fields).find(([, [id]]) => id === fid);
    if (known === undefined || typeOf(known[1][1]) !== ftype) from.skip(ftype);
    else read[known[0]] = readValue(source, known[1][1], depth + 1);
  }
}

function readValue(source: Reading, type: FieldType, depth: number): Value {
  if (--source.left < 0) throw new Error("a message has too many values");
  const { from } = source;
  switch (type) {
    case "binary":
      return from.readBinary();
    case "string":
      return from.readString();
    case "i32":
      return from.readI32();
    case "double":
      return from.readDouble();
    default:
      if ("list" in type) return readMany(source, from.readListBegin(), type.list, depth);
      if ("set" in type) return readMany(source, from.readSetBegin(), type.set, depth);
      return "map" in type ? readMap(source, type.map, depth) : readStruct(source, type, depth);
  }
}

function readMany(
  source: Reading,
  { etype, size }: { etype: number; size: number },
  type: FieldType,
  depth: number,
): readonly Value[] {
  if (size > 0 && etype !== typeOf(type)) throw new Error(`a list of unexpected type ${etype}`);
  const values: Value[] = [];
  for (let i = 0; i < size; i++) values.push(readValue(source, type, depth));
  return values;
}

function readMap(source: Reading, type: FieldType, depth: number): ReadonlyMap<number, Value> {
  const { from } = source;
  const { ktype, vtype, size } = from.readMapBegin();
  if (size > 0 && (ktype !== types.i32 || vtype !== typeOf(type))) {
    throw new Error(`a map of unexpected types ${ktype} and ${vtype}`);
  }
  const values = new Map<number, Value>();
  for (let i = 0; i < size; i++) values.set(from.readI32(), readValue(source, type, depth));
  return values;
}

function writeStruct(to: Protocol, { fields }: Struct, values: Fields): void {
  for (const [name, [id, type]] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined) continue;
    to.writeFieldBegin(name, typeOf(type), id);
    writeValue(to, type, value);
  }
  to.writeFieldStop();
}

/** The casts of this file: a value has the type that its table says, which the makers of fields know. */
function writeValue(to: Protocol, type: FieldType, value: Value): void {
  switch (type) {
    case "binary":
      return to.writeBinary(value as Buffer);
    case "string":
      return to.writeString(value as string);
    case "i32":
      return to.writeI32(value as number);
    case "double":
      return to.writeDouble(value as number);
    default:
      return writeCompound(to, type, value);
  }
}

function writeCompound(to: Protocol, type: Exclude<FieldType, string>, value: Value): void {
  if ("fields" in type) return writeStruct(to, type, value as Fields);
  if ("map" in type) {
    const map = value as ReadonlyMap<number, Value>;
    to.writeMapBegin(types.i32, typeOf(type.map), map.size);
    for (const [key, each] of map) {
      to.writeI32(key);
      writeValue(to, type.map, each);
    }
    return;
  }
  const values = value as readonly Value[];
  const element = "list" in type ? type.list : type.set;
  if ("list" in type) to.writeListBegin(typeOf(element), values.length);
  else to.writeSetBegin(typeOf(element), values.length);
  for (const each of values) writeValue(to, element, each);
}
