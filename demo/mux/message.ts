// Mux messages, written from the specification and apart from protocols/mux.
import type { Socket } from "node:net";

/** One frame: its type as a signed byte, its tag with the fragment flag, its body. */
export interface MuxFrame {
  readonly type: number;
  readonly tag: number;
  readonly body: Buffer;
}

export type Pairs = readonly (readonly [key: string, value: Buffer | string])[];

const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
export const u32 = (n: number): Buffer =>
  Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]);
const short = (value: Buffer | string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u16(bytes.length), bytes]);
};
export const pairs = (list: Pairs): Buffer =>
  Buffer.concat([u16(list.length), ...list.flatMap(([a, b]) => [short(a), short(b)])]);

export function frameBytes(type: number, tag: number, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.from([type & 255, (tag >> 16) & 255, (tag >> 8) & 255, tag & 255]);
  return Buffer.concat([u32(bytes.length + 4), head, bytes]);
}

export interface Dispatched {
  readonly contexts?: Pairs;
  readonly dst?: string;
  readonly dtab?: readonly (readonly [prefix: string, tree: string])[];
  readonly payload?: Buffer | string;
}

export function dispatchBody({ contexts = [], dst = "", dtab = [], payload = "" }: Dispatched) {
  return Buffer.concat([pairs(contexts), short(dst), pairs(dtab), Buffer.from(payload)]);
}

export const initBody = (maxFragment: number): Buffer =>
  Buffer.concat([u16(1), u32(10), Buffer.from("mux-framer"), u32(4), u32(maxFragment)]);

/** Reads consecutive fields. */
export class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(size: number): number {
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  short(): Buffer {
    const length = this.number(2);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  pairs(): [string, Buffer][] {
    return Array.from({ length: this.number(2) }, () => [this.short().toString(), this.short()]);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

/** The messages of a socket, with fragments joined. `pieces` counts the frames of a message. */
class Frames {
  #unread = Buffer.alloc(0);
  readonly #partial = new Map<number, Buffer[]>();
  readonly #on: (frame: MuxFrame, pieces: number) => void;

  constructor(socket: Socket, on: (frame: MuxFrame, pieces: number) => void) {
    this.#on = on;
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
  }

  #chunks: Buffer[] = [];
  #size = 0;

  #data(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#unread.length >= 4 && this.#unread.length + this.#size < this.#wanted) return;
    let bytes = Buffer.concat([this.#unread, ...this.#chunks]);
    this.#chunks = [];
    this.#size = 0;
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      const type = bytes.readInt8(4);
      this.#frame({ type, tag: bytes.readUIntBE(5, 3), body: bytes.subarray(8, end) });
      bytes = bytes.subarray(end);
    }
    this.#unread = bytes;
  }

  get #wanted(): number {
    return 4 + this.#unread.readInt32BE(0);
  }

  #frame(frame: MuxFrame): void {
    const tag = frame.tag & 0x7fffff;
    const earlier = this.#partial.get(tag) ?? [];
    if (frame.tag !== tag) {
      this.#partial.set(tag, [...earlier, frame.body]);
      return;
    }
    this.#partial.delete(tag);
    const body = earlier.length === 0 ? frame.body : Buffer.concat([...earlier, frame.body]);
    this.#on({ type: frame.type, tag, body }, earlier.length + 1);
  }
}

/** Calls `on` for each message of the socket. */
export function readFrames(socket: Socket, on: (frame: MuxFrame, pieces: number) => void): Frames {
  return new Frames(socket, on);
}

export interface MuxResponse {
  readonly type: number;
  /** 0 ok, 1 error, 2 nack; -1 for messages without a status (Rdiscarded, Rerr). */
  readonly status: number;
  readonly contexts: readonly (readonly [string, Buffer])[];
  readonly payload: Buffer;
  readonly text: string;
  readonly pieces: number;
}

export function responseOf({ type, body }: MuxFrame, pieces = 1): MuxResponse {
  const fields = new Fields(body);
  const hasStatus = type === -2 || type === -1;
  const status = hasStatus ? fields.number(1) : -1;
  const contexts = type === -2 ? fields.pairs() : [];
  const payload = fields.rest();
  return { type, status, contexts, payload, text: payload.toString(), pieces };
}
