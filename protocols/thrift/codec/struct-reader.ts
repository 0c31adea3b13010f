// Reads the few structs that the proxy itself understands, in both protocols.
import { Buffer } from "node:buffer";
import { Skipper } from "./skipper.ts";
import { binaryType, compactType } from "./types.ts";
import type { ThriftProtocol } from "./types.ts";

/** The type's number in the binary protocol; 0 for types that none of these structs has. */
function fromCompact(type: number): number {
  switch (type) {
    case compactType.true:
    case compactType.false:
      return binaryType.bool;
    case compactType.i64:
      return binaryType.i64;
    case compactType.binary:
      return binaryType.string;
    case compactType.struct:
      return binaryType.struct;
    case compactType.list:
      return binaryType.list;
    default:
      return 0;
  }
}

/**
 * Calls `read` with a reader before the struct's first field; the struct must end within
 * `buffer[start, end)`. A text says why it cannot be read.
 */
export function readStruct<T>(
  protocol: ThriftProtocol,
  buffer: Buffer,
  start: number,
  end: number,
  read: (reader: FieldReader) => T,
): { readonly value: T; readonly end: number } | string {
  const reader = new FieldReader(protocol, buffer, start, end);
  const value = read(reader);
  return reader.problem ?? { value, end: reader.at };
}

/** Reads forward. After a problem it reads nothing more, and its results are meaningless. */
export class FieldReader {
  at: number;
  problem: string | null = null;
  /** The current field; its type as the binary protocol numbers it, 0 for others. */
  id = 0;
  type = 0;
  readonly #protocol: ThriftProtocol;
  readonly #buffer: Buffer;
  readonly #end: number;
  /** The type as numbered on the wire. */
  #written = 0;

  constructor(protocol: ThriftProtocol, buffer: Buffer, start: number, end: number) {
    this.#protocol = protocol;
    this.#buffer = buffer;
    this.at = start;
    this.#end = end;
  }

  /** Calls `field` for each field of a struct; it reads the value or returns false. */
  struct(field: (id: number, type: number) => boolean): void {
    for (let before = 0; this.#next(before); before = this.id) {
      const { id, type } = this;
      if (!field(id, type)) this.#skip();
      this.id = id; // the value may have been a struct itself
    }
  }

  /** Calls `element` for each struct of a list. Other elements are skipped. */
  structs(element: () => void): void {
    const { type, size } = this.#listHead();
    for (let i = 0; i < size && this.problem === null; i++) {
      if (type === binaryType.struct) element();
      else this.#skip();
    }
  }

  bool(): boolean {
    return this.#protocol === "compact" ? this.#written === 1 : this.#byte() !== 0;
  }

  i64(): bigint {
    if (this.#protocol === "binary") {
      const at = this.#advance(8);
      return this.problem === null ? this.#buffer.readBigInt64BE(at) : 0n;
    }
    let zigzag = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      zigzag |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (zigzag >> 1n) ^ -(zigzag & 1n));
    }
    this.#fail("a number in it has more than 64 bits");
    return 0n;
  }

  /** A view of the bytes. */
  binary(): Buffer {
    const length = this.#protocol === "compact" ? this.#varint() : this.#int32();
    if (length < 0) this.#fail(`a length in it is negative (${length})`);
    const start = this.#advance(length);
    return this.problem === null ? this.#buffer.subarray(start, start + length) : nothing;
  }

  string(): string {
    return this.binary().toString("utf8");
  }

  #next(before: number): boolean {
    const head = this.#byte();
    if (head === 0) return false;
    if (this.#protocol === "binary") {
      this.#written = this.type = head;
      this.id = (this.#byte() << 8) | this.#byte();
      return this.problem === null;
    }
    this.#written = head & 0x0f;
    this.type = fromCompact(this.#written);
    if (head >> 4 !== 0) this.id = before + (head >> 4);
    else {
      const zigzag = this.#varint();
      this.id = (zigzag >>> 1) ^ -(zigzag & 1);
    }
    return this.problem === null;
  }

  #listHead(): { readonly type: number; readonly size: number } {
    const head = this.#byte();
    if (this.#protocol === "binary") {
      this.#written = head;
      return { type: head, size: this.#int32() };
    }
    this.#written = head & 0x0f;
    const size = head >> 4 === 15 ? this.#varint() : head >> 4;
    return { type: fromCompact(this.#written), size };
  }

  #skip(): void {
    if (this.#protocol === "compact" && this.type === binaryType.bool) return;
    const skipper = new Skipper();
    skipper.beginValue(this.#protocol, this.#written, this.#end - this.at);
    this.at = skipper.push(this.#buffer, this.at, this.#end);
    if (skipper.problem !== null) this.#fail(skipper.problem);
    else if (!skipper.isDone) this.#fail(endsWithin);
  }

  #byte(): number {
    const at = this.#advance(1);
    return this.problem === null ? (this.#buffer[at] as number) : 0;
  }

  #int32(): number {
    const at = this.#advance(4);
    return this.problem === null ? this.#buffer.readInt32BE(at) : 0;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#fail("a number in it has more than 32 bits");
    return 0;
  }

  #advance(count: number): number {
    const start = this.at;
    if (count > this.#end - start) this.#fail(endsWithin);
    else this.at = start + count;
    return start;
  }

  #fail(why: string): void {
    this.problem ??= why;
  }
}

const nothing = Buffer.alloc(0);

const endsWithin = "the message ends within it";
