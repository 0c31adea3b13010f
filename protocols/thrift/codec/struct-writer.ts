// Writes the few structs that the proxy itself understands, in both protocols.
import { Buffer } from "node:buffer";
import { varint } from "./envelope.ts";
import { binaryType, compactType } from "./types.ts";
import type { ThriftProtocol } from "./types.ts";

/** The types that these structs have, by their numbers in the binary protocol. */
const compactOf: Readonly<Record<number, number>> = {
  [binaryType.i64]: compactType.i64,
  [binaryType.string]: compactType.binary,
  [binaryType.struct]: compactType.struct,
  [binaryType.list]: compactType.list,
};

/** Writes structs; fields in the order of their ids. */
export class FieldWriter {
  readonly #protocol: ThriftProtocol;
  readonly #parts: Uint8Array[] = [];
  #before = 0;

  constructor(protocol: ThriftProtocol) {
    this.#protocol = protocol;
  }

  bool(id: number, value: boolean): void {
    if (this.#protocol === "compact") return this.#compactHead(id, value ? 1 : 2);
    this.#head(id, binaryType.bool);
    return this.#put([value ? 1 : 0]);
  }

  i64(id: number, value: bigint): void {
    this.#head(id, binaryType.i64);
    if (this.#protocol === "binary") {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(value);
      this.#parts.push(bytes);
      return;
    }
    const bytes: number[] = [];
    let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    for (; zigzag >= 0x80n; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80);
    this.#put([...bytes, Number(zigzag)]);
  }

  binary(id: number, value: Uint8Array): void {
    this.#head(id, binaryType.string);
    this.#size(value.length);
    this.#parts.push(value);
  }

  string(id: number, value: string): void {
    this.binary(id, Buffer.from(value));
  }

  struct(id: number, write: () => void): void {
    this.#head(id, binaryType.struct);
    this.#nested(write);
  }

  structs(id: number, writes: readonly (() => void)[]): void {
    this.#head(id, binaryType.list);
    if (this.#protocol === "binary") {
      this.#put([binaryType.struct]);
      this.#size(writes.length);
    } else if (writes.length < 15) this.#put([(writes.length << 4) | 12]);
    else this.#put([0xfc, ...varint(writes.length)]);
    for (const write of writes) this.#nested(write);
  }

  /** The bytes of the struct, with its end. */
  end(): readonly Uint8Array[] {
    this.#put([0]);
    return this.#parts;
  }

  #nested(write: () => void): void {
    const before = this.#before;
    this.#before = 0;
    write();
    this.#put([0]);
    this.#before = before;
  }

  #head(id: number, type: number): void {
    if (this.#protocol === "compact") return this.#compactHead(id, compactOf[type] ?? 0);
    return this.#put([type, id >> 8, id & 0xff]);
  }

  /** For ids that rise by less than 16. */
  #compactHead(id: number, type: number): void {
    this.#put([((id - this.#before) << 4) | type]);
    this.#before = id;
  }

  #size(size: number): void {
    if (this.#protocol === "compact") return this.#put(varint(size));
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(size);
    this.#parts.push(bytes);
    return undefined;
  }

  #put(bytes: readonly number[]): void {
    this.#parts.push(Buffer.from(bytes));
  }
}
