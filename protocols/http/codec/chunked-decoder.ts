// The chunked coding (RFC 9112 section 7.1), decoded in place.
import { hexValue, isValue } from "./byte-classes.ts";
import { lastScan, scanFields } from "./head-scanner.ts";
import { trailerFields } from "./header-fields.ts";
import type { HeadLimits } from "./limits.ts";
import type { Fields } from "./passthrough-fields.ts";

/*
 *   chunked-body = *( 1*HEXDIG [ chunk-ext ] CRLF data CRLF ) 1*"0" [ chunk-ext ] CRLF trailers CRLF
 * Only CRLF ends a line: a recipient that accepts a bare LF or CR sees a different body from one that
 * does not. Extensions are dropped and bounded in length.
 */

/** Allows chunks of up to 2^52 bytes, with some leading zeros. */
const maxSizeDigits = 16;
const maxExtensionBytes = 512;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

type Place = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailers" | "end";

export class ChunkDecoder {
  /** The payload that the last `decode` found, as a range of its buffer. */
  payloadStart = 0;
  payloadEnd = 0;
  /** Set once the body has ended. */
  trailers: Fields | null = null;
  /** Set when the bytes are not a chunked body. */
  problem: string | null = null;

  readonly #limits: HeadLimits;
  #place: Place = "size";
  /** The chunk's size while that is read, then its remaining bytes. */
  #size = 0;
  #count = 0;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /**
   * Decodes `buffer[start, end)`, moving the payload of adjacent chunks together. Returns where it
   * stopped: at `end`, unless trailers are incomplete or the body ended.
   */
  decode(buffer: Buffer, start: number, end: number): number {
    this.payloadStart = this.payloadEnd = start;
    let at = start;
    while (at < end && this.problem === null && this.#place !== "end") {
      if (this.#place === "data") at = this.#data(buffer, at, end);
      else if (this.#place === "trailers") {
        const after = this.#trailers(buffer, at, end);
        if (after === at) break;
        at = after;
      } else this.#step(buffer[at++] as number);
    }
    return at;
  }

  #data(buffer: Buffer, start: number, end: number): number {
    const count = Math.min(this.#size, end - start);
    if (this.payloadEnd === this.payloadStart) this.payloadStart = this.payloadEnd = start;
    else if (this.payloadEnd !== start) buffer.copyWithin(this.payloadEnd, start, start + count);
    this.payloadEnd += count;
    this.#size -= count;
    if (this.#size === 0) this.#place = "data-cr";
    return start + count;
  }

  #trailers(buffer: Buffer, start: number, end: number): number {
    const result = scanFields(buffer, start, end, this.#limits);
    if (result === "more") return start;
    if (result !== null) {
      this.problem = `a bad trailer section (${result})`;
      return start;
    }
    this.#place = "end";
    this.trailers = trailerFields(buffer);
    return lastScan.headEnd;
  }

  /** Handles one byte of framing. */
  #step(code: number): void {
    switch (this.#place) {
      case "size":
        return this.#sizeByte(code);
      case "extension":
        if (code === CR) this.#place = "size-lf";
        else if (!isValue(code)) this.problem = "a control byte in a chunk extension";
        else if (++this.#count > maxExtensionBytes) this.problem = "a chunk extension too long";
        return;
      case "size-lf":
        if (code !== LF) this.problem = "a chunk size that does not end in CRLF";
        this.#place = this.#size === 0 ? "trailers" : "data";
        return;
      case "data-cr":
        if (code !== CR) this.problem = "a chunk longer than its size";
        this.#place = "data-lf";
        return;
      case "data-lf":
        if (code !== LF) this.problem = "a chunk that does not end in CRLF";
        this.#place = "size";
        this.#size = this.#count = 0;
        return;
      default:
        throw new Error(`bug: a framing byte in ${this.#place}`);
    }
  }

  #sizeByte(code: number): void {
    const digit = hexValue(code);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      if (++this.#count > maxSizeDigits || this.#size > Number.MAX_SAFE_INTEGER) {
        this.problem = "a chunk size too large";
      }
      return;
    }
    if (this.#count === 0 || (code !== CR && code !== SEMICOLON)) {
      this.problem = "an invalid chunk size";
    } else {
      this.#place = code === CR ? "size-lf" : "extension";
      this.#count = 0;
    }
  }
}

/**
 * Decodes a short body that lies completely in `buffer` from `start` on, and says where it ends; null
 * when it is incomplete. Does not modify the buffer.
 */
export function wholeChunked(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): { readonly text: string; readonly end: number } | null {
  if (end - start > maxChunkedBytes || end - start < lastChunk.length) return null;
  if (buffer.toString("latin1", end - lastChunk.length, end) !== lastChunk) return null;
  buffer.copy(copied, 0, start, end);
  const chunks = new ChunkDecoder(limits);
  const stop = chunks.decode(copied, 0, end - start);
  // Malformed bodies and trailers are left to the streaming decoder, which reports them.
  if (chunks.trailers === null || chunks.trailers.length > 0) return null;
  const text = copied.toString("latin1", chunks.payloadStart, chunks.payloadEnd);
  return { text, end: start + stop };
}

const lastChunk = "0\r\n\r\n";
const maxChunkedBytes = 8 * 1024;
const copied = Buffer.allocUnsafeSlow(maxChunkedBytes);
