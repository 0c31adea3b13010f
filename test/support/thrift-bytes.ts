// Thrift messages in the binary and compact protocols, written by hand for tests.
import type { Socket } from "node:net";

export interface Said {
  readonly method: string;
  readonly seqid?: number;
  /** 1 call, 2 reply, 3 exception, 4 one-way. */
  readonly type?: number;
  /** The struct behind the envelope; empty unless given. */
  readonly body?: Buffer;
}

const u32 = (n: number): Buffer =>
  Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]);

/** Without the length in front. */
export function binary({ method, seqid = 1, type = 1, body = Buffer.of(0) }: Said): Buffer {
  const head = Buffer.from([0x80, 0x01, 0x00, type]);
  return Buffer.concat([head, u32(method.length), Buffer.from(method), u32(seqid), body]);
}

export function compact({ method, seqid = 1, type = 1, body = Buffer.of(0) }: Said): Buffer {
  const head = Buffer.from([0x82, (type << 5) | 1, seqid, method.length]);
  return Buffer.concat([head, Buffer.from(method), body]);
}

export const framed = (message: Buffer): Buffer => Buffer.concat([u32(message.length), message]);

/** A result that is a text: field 0 of the result struct. */
export const textResult = (text: string): Buffer =>
  Buffer.concat([
    Buffer.from([11, 0, 0]),
    u32(Buffer.byteLength(text)),
    Buffer.from(text),
    Buffer.of(0),
  ]);

/** Of a strict binary message. */
export function read(message: Buffer) {
  const length = message.readInt32BE(4);
  return {
    type: message[3] ?? 0,
    method: message.toString("utf8", 8, 8 + length),
    seqid: message.readInt32BE(8 + length),
    body: message.subarray(12 + length),
  };
}

/** Calls `on` with each framed message of the socket, its length taken away. */
export function readMessages(socket: Socket, on: (message: Buffer) => void): void {
  let unread: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    while (unread.length >= 4 && unread.length >= 4 + unread.readInt32BE(0)) {
      const message = unread.subarray(4, 4 + unread.readInt32BE(0));
      unread = unread.subarray(4 + message.length);
      on(message);
    }
  });
}
