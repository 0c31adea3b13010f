// Finds where a Thrift value or message ends, chunk by chunk: without frames it has to be skipped.
import { follows, level, Nesting, maxDepth } from "./nesting.ts";
import { step } from "./skip-steps.ts";
import type { Counted, Step } from "./skip-steps.ts";
import { binaryType, compactType, layoutOf, layouts } from "./types.ts";
import type { NestingLevel } from "./nesting.ts";
import type { ThriftProtocol } from "./types.ts";

/** Skips one value at a time, each started by `begin...`. Holds numbers only, no bytes. */
export class Skipper {
  /** Why the bytes are not such a value; null: nothing is wrong so far. */
  problem: string | null = null;
  #protocol: ThriftProtocol = "binary";
  #step: Step = step.done;
  #maxBytes = 0;
  #walkedBytes = 0;
  /** Bytes to skip without looking at them. */
  #skip = 0;
  #count = 0;
  #number = 0;
  #counted: Counted = "string";
  #type = 0;
  #keyType = 0;
  readonly #levels = new Nesting();

  /** A whole message, envelope and body, of at most `maxBytes`. */
  beginMessage(maxBytes: number): void {
    this.#begin(maxBytes);
    this.#step = step.message;
  }

  /** A value of that type (as numbered in its protocol) of at most `maxBytes`. */
  beginValue(protocol: ThriftProtocol, type: number, maxBytes: number): void {
    this.#begin(maxBytes);
    this.#protocol = protocol;
    this.#value(type);
  }

  /** A struct of at most `maxBytes`. */
  beginStruct(protocol: ThriftProtocol, maxBytes: number): void {
    this.beginValue(protocol, binaryType.struct, maxBytes); // 12 in both
  }

  get isDone(): boolean {
    return this.#step === step.done && this.#skip === 0;
  }

  /** Skips bytes until the value or the bytes end, or there is a problem; returns where it stopped. */
  push(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.problem === null && !this.isDone) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, end - at);
        at += skipped;
        this.#skip -= skipped;
        this.#walkedBytes += skipped;
        if (this.#skip === 0) this.#valueDone();
      } else {
        this.#walkedBytes++;
        this.#byte(buffer[at++] as number);
        if (this.#walkedBytes > this.#maxBytes) this.#tooLong(0);
      }
    }
    return at;
  }

  #begin(maxBytes: number): void {
    this.problem = null;
    this.#maxBytes = maxBytes;
    this.#walkedBytes = this.#skip = 0;
    this.#step = step.done;
    this.#levels.clear();
  }

  /** Long because it is the state table of both encodings. */
  #byte(byte: number): void {
    switch (this.#step) {
      case step.message:
        return this.#message(byte);
      case step.strictSecond:
        if (byte !== 1) return this.#fail("it does not begin with a version of a Thrift protocol");
        this.#skipBytesBefore(2, "strictName");
        return undefined;
      case step.oldName:
        return this.#oldName(byte);
      case step.compactSecond:
        if ((byte & 0x1f) !== 1) {
          return this.#fail(`version ${byte & 0x1f} of the compact protocol is unknown`);
        }
        return this.#expectNumber(step.compactSeqid);
      case step.compactSeqid:
        if (this.#varint(byte)) this.#expectNumber(step.length);
        return undefined;
      case step.int32:
        this.#number = (this.#number << 8) | byte;
        return --this.#count === 0 ? this.#counted32() : undefined;
      case step.fieldId:
        return --this.#count === 0 ? this.#value(this.#type) : undefined;
      case step.field:
        return this.#protocol === "binary" ? this.#binaryField(byte) : this.#compactField(byte);
      case step.listHead:
        return this.#protocol === "binary" ? this.#binaryList(byte) : this.#compactList(byte);
      case step.mapKey:
        this.#keyType = byte;
        this.#step = step.mapValue;
        return undefined;
      case step.mapValue:
        return this.#protocol === "binary" ? this.#binaryMap(byte) : this.#compactMap(byte);
      case step.compactId:
        return this.#varint(byte) ? this.#value(this.#type) : undefined;
      case step.varint:
        return this.#anyVarint(byte);
      case step.length:
        return this.#varint(byte) ? this.#string(this.#number) : undefined;
      case step.listSize:
        return this.#varint(byte) ? this.#list(this.#type, this.#number) : undefined;
      case step.mapSize:
        return this.#varint(byte) ? this.#compactMapSize() : undefined;
      case step.done:
        throw new Error("bug: a byte after the end");
      default:
        return this.#step satisfies never;
    }
  }

  #message(byte: number): void {
    this.#protocol = byte === 0x82 ? "compact" : "binary";
    this.#enter(level.name, 0, 0, 1);
    if (byte === 0x82) this.#step = step.compactSecond;
    else if (byte === 0x80) this.#step = step.strictSecond;
    else if (byte > 0x80) this.#fail("it does not begin with a version of a Thrift protocol");
    else {
      this.#expectInt32("oldName");
      this.#number = byte;
      this.#count = 3;
    }
  }

  /** UTF-8 cannot begin so, but a framed message whose length was taken for that of a name does. */
  #oldName(byte: number): void {
    if (byte >= 0x80 && byte < 0xc0) {
      return this.#fail("its name is not text: the caller may be framed (thriftFramed: true)");
    }
    return this.#bytes(this.#number - 1 + 5);
  }

  /** The last two bytes of a strict message's version do not matter here. */
  #skipBytesBefore(bytes: number, counted: Counted): void {
    this.#expectInt32(counted);
    this.#count += bytes; // shifted out of the number again
  }

  #expectInt32(counted: Counted): void {
    this.#step = step.int32;
    this.#counted = counted;
    this.#number = 0;
    this.#count = 4;
  }

  #counted32(): void {
    const count = this.#number;
    if (count < 0) return this.#fail(`a length is negative (${count})`);
    switch (this.#counted) {
      case "string":
        return this.#string(count);
      case "strictName":
        return this.#bytes(count + 4);
      case "oldName":
        if (count === 0) return this.#bytes(5);
        this.#step = step.oldName;
        return undefined;
      case "list":
        return this.#list(this.#type, count);
      case "map":
        return this.#map(this.#keyType, this.#type, count);
      default:
        return this.#counted satisfies never;
    }
  }

  #expectNumber(next: Step): void {
    this.#step = next;
    this.#number = this.#count = 0;
  }

  /** True: `#number` is complete. More than 32 bits are a problem. */
  #varint(byte: number): boolean {
    if (this.#count === 28 && byte > 0x0f) {
      this.#fail("a length has more than 32 bits");
      return false;
    }
    this.#number |= (byte & 0x7f) << this.#count;
    this.#count += 7;
    return byte < 0x80;
  }

  #anyVarint(byte: number): void {
    if (byte < 0x80) return this.#valueDone();
    if (++this.#count === 10) this.#fail("a number has more than 64 bits");
    return undefined;
  }

  /** A value begins whose type is known. */
  #value(type: number): void {
    const layout = layouts[this.#protocol][type] ?? layoutOf.unknown;
    if (layout > 0) return this.#bytes(layout);
    switch (layout) {
      case layoutOf.string:
        if (this.#protocol === "binary") return this.#expectInt32("string");
        return this.#expectNumber(step.length);
      case layoutOf.varint:
        return this.#expectNumber(step.varint);
      case layoutOf.struct:
        return this.#struct();
      case layoutOf.list:
        this.#step = step.listHead;
        return undefined;
      case layoutOf.map:
        if (this.#protocol === "compact") return this.#expectNumber(step.mapSize);
        this.#step = step.mapKey;
        return undefined;
      default:
        return this.#fail(`there is no type ${type}`);
    }
  }

  #binaryField(type: number): void {
    if (type === 0) return this.#pop();
    this.#type = type;
    this.#step = step.fieldId;
    this.#count = 2;
    return undefined;
  }

  #compactField(byte: number): void {
    if (byte === 0) return this.#pop();
    const type = byte & 0x0f;
    const isBoolean = type === compactType.true || type === compactType.false;
    this.#type = type;
    if (byte >> 4 !== 0) return isBoolean ? this.#valueDone() : this.#value(type);
    // The id follows. A boolean ends with it, like a number that is skipped.
    return this.#expectNumber(isBoolean ? step.varint : step.compactId);
  }

  #binaryList(type: number): void {
    this.#type = type;
    this.#expectInt32("list");
  }

  #compactList(byte: number): void {
    this.#type = byte & 0x0f;
    if (byte >> 4 === 15) this.#expectNumber(step.listSize);
    else this.#list(this.#type, byte >> 4);
  }

  #binaryMap(type: number): void {
    this.#type = type;
    this.#expectInt32("map");
  }

  #compactMapSize(): void {
    if (this.#number === 0) this.#valueDone();
    else this.#step = step.mapValue;
  }

  #compactMap(byte: number): void {
    this.#map(byte >> 4, byte & 0x0f, this.#number);
  }

  #struct(): void {
    if (this.#enter(level.struct, 0, 0, 0)) this.#step = step.field;
  }

  #list(type: number, size: number): void {
    if (!this.#isSize(size)) return;
    if (size === 0) return this.#valueDone();
    if (this.#enter(level.list, type, 0, size)) this.#value(type);
    return undefined;
  }

  #map(keyType: number, type: number, size: number): void {
    if (!this.#isSize(size)) return;
    if (size === 0) return this.#valueDone();
    if (this.#enter(level.map, type, keyType, 2 * size)) this.#value(keyType);
    return undefined;
  }

  /** Each element has at least one byte. */
  #isSize(size: number): boolean {
    if (size < 0) this.#fail(`a size is negative (${size})`);
    else if (size > this.#maxBytes - this.#walkedBytes) this.#tooLong(size);
    return this.problem === null;
  }

  #string(length: number): void {
    if (length < 0) return this.#fail(`a length is negative (${length})`);
    return this.#bytes(length);
  }

  #bytes(count: number): void {
    if (count > this.#maxBytes - this.#walkedBytes) return this.#tooLong(count);
    this.#skip = count;
    return count === 0 ? this.#valueDone() : undefined;
  }

  #enter(kind: NestingLevel, elementType: number, keyType: number, left: number): boolean {
    const isEntered = this.#levels.enter(kind, elementType, keyType, left);
    if (!isEntered) this.#fail(`values are nested deeper than ${maxDepth}`);
    return isEntered;
  }

  #pop(): void {
    this.#levels.leave();
    this.#valueDone();
  }

  /** What comes after a value depends on what is around it. */
  #valueDone(): void {
    const next = this.#levels.next();
    if (next === follows.nothing) this.#step = step.done;
    else if (next === follows.field) this.#step = step.field;
    else if (next === follows.body) this.#struct();
    else this.#value(next);
  }

  #tooLong(moreBytes: number): void {
    const limit = `more than the ${this.#maxBytes} bytes that are allowed`;
    this.#fail(moreBytes === 0 ? `it has ${limit}` : `it announces ${moreBytes} more, ${limit}`);
  }

  #fail(why: string): void {
    this.problem ??= why;
  }
}
