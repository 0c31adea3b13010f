// Bytes that arrive in pieces and leave as one buffer.
import { Buffer } from "node:buffer";
import { heldMemory } from "../runtime/held-memory.ts";
import { giveRoom, giveSlab, slabBytes, takeRoom, takeSlab } from "../runtime/spare-memory.ts";

/** From here on bytes move into a buffer of the full length while they arrive, not all at the end. */
const roomThresholdBytes = 4 * 1024 * 1024;
/** How many bytes move for each one that arrives: soon none wait to be moved. */
const moveFactor = 4;
/** The same where the length is known: the later moving begins, the less is held twice. */
const exactMoveFactor = 15;

/**
 * Never longer than `maxBytes`, which the owner checks: an announced length alone allocates nothing
 * beyond the first buffer. What was appended counts as held memory until `release`, which the owner
 * must call.
 *
 * Up to 64 KiB the first buffer doubles. Then slabs follow, which are never copied to grow and are
 * used again. A long message would take tens of milliseconds to copy at its end: it moves slab by
 * slab, while more arrives, into a room of `maxBytes`, of which only the used part costs memory. Where the length
 * is known that begins when fifteen sixteenths have arrived: what is never finished stays in slabs.
 */
export class GrowingBuffer {
  readonly #maxBytes: number;
  /** The beginning, until it moves into the room. */
  #first: Buffer;
  #firstUsed: number;
  /** Follow the beginning; all but the last are full. */
  #slabs: Buffer[] = [];
  #slabUsed = 0;
  #room: Buffer | null = null;
  /** Somebody may still use the room when it is dropped. */
  #isSeen = false;
  /** So many bytes have arrived when the rest moves into a room of the full length. */
  readonly #moveAtBytes: number;
  readonly #moveFactor: number;
  #roomUsed = 0;
  #length: number;

  /**
   * `bytes[0, length)` is taken over as the beginning, without a copy. `isExact`: exactly `maxBytes` are
   * announced, so that moving can wait until most have arrived.
   */
  constructor(bytes: Buffer, length: number, maxBytes: number, isExact = false) {
    this.#moveFactor = isExact ? exactMoveFactor : moveFactor;
    const share = isExact ? exactMoveFactor / (exactMoveFactor + 1) : 0;
    this.#moveAtBytes = Math.max(roomThresholdBytes, share * maxBytes);
    this.#first = bytes;
    this.#firstUsed = this.#length = length;
    this.#maxBytes = maxBytes;
    heldMemory.add(length);
  }

  static ofSize(firstBytes: number, maxBytes: number): GrowingBuffer {
    return new GrowingBuffer(Buffer.allocUnsafe(Math.min(firstBytes, maxBytes)), 0, maxBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a copy of `source[start, end)`. False, and nothing is appended: no memory is left. */
  append(source: Uint8Array, start: number, end: number, isForced = false): boolean {
    const bytes = end - start;
    if (isForced) heldMemory.add(bytes);
    else if (!heldMemory.take(bytes)) return false;
    for (let at = start; at < end;) at += this.#put(source, at, end);
    this.#length += bytes;
    if (this.#room !== null) this.#move(this.#moveFactor * bytes);
    else if (this.#length >= this.#moveAtBytes && this.#maxBytes !== Infinity) {
      this.#makeRoom(this.#maxBytes);
    }
    return true;
  }

  /** The first `count` bytes at most, without joining the rest. */
  head(count: number): Buffer {
    const begin = this.#room ?? this.#first;
    return begin.subarray(
      0,
      Math.min(count, this.#room === null ? this.#firstUsed : this.#roomUsed),
    );
  }

  /** What was appended as one buffer; valid until the next `append`. */
  view(): Buffer {
    this.#isSeen = true;
    if (this.#room === null && this.#slabs.length === 0) return cut(this.#first, this.#firstUsed);
    this.#makeRoom(this.#length);
    this.#move(Infinity);
    return cut(this.#room ?? noBytes, this.#length);
  }

  /** Returns what was appended, which the owner has to count from now on. */
  release(): Buffer {
    const whole = this.view();
    heldMemory.release(this.#length);
    this.#forget();
    return whole;
  }

  /** Forgets what was appended. */
  drop(): void {
    heldMemory.release(this.#length);
    if (this.#room !== null && !this.#isSeen) giveRoom(this.#room);
    this.#forget();
  }

  #forget(): void {
    for (const slab of this.#slabs) giveSlab(slab);
    this.#slabs = [];
    this.#first = noBytes;
    this.#room = null;
    this.#length = this.#firstUsed = this.#roomUsed = this.#slabUsed = 0;
  }

  /** Copies what fits into the current piece; returns how much that was. */
  #put(source: Uint8Array, start: number, end: number): number {
    if (this.#slabs.length > 0) return this.#putInSlab(source, start, end);
    const room = this.#room;
    if (room === null) {
      if (this.#firstUsed === this.#first.length) this.#growFirst(end - start);
      const count = copied(source, start, end, this.#first, this.#firstUsed);
      this.#firstUsed += count;
      return count === 0 ? this.#putInSlab(source, start, end) : count;
    }
    const count = copied(source, start, end, room, this.#roomUsed);
    this.#roomUsed += count;
    return count === 0 ? this.#putInSlab(source, start, end) : count;
  }

  #putInSlab(source: Uint8Array, start: number, end: number): number {
    let last = this.#slabs.at(-1);
    if (last === undefined || this.#slabUsed === slabBytes) {
      last = takeSlab();
      this.#slabs.push(last);
      this.#slabUsed = 0;
    }
    const count = copied(source, start, end, last, this.#slabUsed);
    this.#slabUsed += count;
    return count;
  }

  #growFirst(moreBytes: number): void {
    const { length } = this.#first;
    const wanted = Math.min(slabBytes, this.#maxBytes, Math.max(length + moreBytes, 2 * length));
    if (wanted <= length) return;
    const larger = Buffer.allocUnsafe(wanted);
    this.#first.copy(larger, 0, 0, this.#firstUsed);
    this.#first = larger;
  }

  /** A room of at least `bytes`, with the beginning in it. */
  #makeRoom(bytes: number): void {
    const before = this.#room;
    if (before !== null && before.length >= bytes) return;
    this.#room = takeRoom(bytes);
    if (before !== null) before.copy(this.#room, 0, 0, this.#roomUsed);
    else this.#roomUsed = this.#first.copy(this.#room, 0, 0, this.#firstUsed);
    this.#first = noBytes;
    this.#firstUsed = 0;
  }

  /** Moves `bytes`, or a little more, out of the slabs into the room. */
  #move(bytes: number): void {
    const room = this.#room;
    let left = bytes;
    while (left > 0 && room !== null) {
      const slab = this.#slabs[0];
      if (slab === undefined) return;
      const used = this.#slabs.length === 1 ? this.#slabUsed : slabBytes;
      if (this.#roomUsed + used > room.length) return;
      this.#roomUsed += slab.copy(room, this.#roomUsed, 0, used);
      this.#slabs.shift();
      giveSlab(slab);
      left -= used;
    }
  }
}

const noBytes = Buffer.alloc(0);

function cut(bytes: Buffer, length: number): Buffer {
  return bytes.length === length ? bytes : bytes.subarray(0, length);
}

/** Copies as much of `source[start, end)` as `target` has room for from `at` on. */
function copied(
  source: Uint8Array,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): number {
  const count = Math.min(end - start, target.length - at);
  if (count > 0) target.set(source.subarray(start, start + count), at);
  return count;
}
