// Thrift messages for tests, written by hand, apart from the proxy's own codec.
import { Buffer } from "node:buffer";

export const types = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

/** A frame: its length in front. */
export function frameOf(...payload: readonly (string | Uint8Array)[]): Buffer {
  const bytes = Buffer.concat(payload.map((part) => Buffer.from(part as string, "hex")));
  const frame = Buffer.alloc(4 + bytes.length);
  frame.writeInt32BE(bytes.length);
  bytes.copy(frame, 4);
  return frame;
}

/** A strict binary message with an empty struct, or the one given in hex. */
export function strict(type: number, name: string, seqid: number, struct = "00"): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x8001_0000 + type, 0);
  head.writeInt32BE(Buffer.byteLength(name), 4);
  const tail = Buffer.alloc(4);
  tail.writeInt32BE(seqid);
  return Buffer.concat([head, Buffer.from(name), tail, Buffer.from(struct, "hex")]);
}

/** Text as a field 1 (of arguments) or 0 (of a result), in a struct, as hex. */
export function textField(id: number, text: string): string {
  const length = Buffer.byteLength(text).toString(16).padStart(8, "0");
  return `0b000${id}${length}${Buffer.from(text).toString("hex")}00`;
}

export const callFrame = (name: string, seqid: number, text = ""): Buffer =>
  frameOf(strict(types.call, name, seqid, textField(1, text)));
export const replyFrame = (name: string, seqid: number, text = ""): Buffer =>
  frameOf(strict(types.reply, name, seqid, textField(0, text)));
export const onewayFrame = (name: string, seqid: number, text = ""): Buffer =>
  frameOf(strict(types.oneway, name, seqid, textField(1, text)));

/** What a TApplicationException in a strict binary frame says. */
export interface SeenException {
  readonly name: string;
  readonly seqid: number;
  readonly type: number;
  readonly text: string;
}

/** Reads one, and fails when it is anything else. `latin1`: one character a byte. */
export function exceptionIn(latin1: string): SeenException {
  const bytes = Buffer.from(latin1, "latin1");
  if (bytes.readInt32BE(0) !== bytes.length - 4) throw new Error("not one frame");
  if (bytes.readUInt32BE(4) !== 0x8001_0003) throw new Error(`no exception: ${latin1}`);
  const nameEnd = 12 + bytes.readInt32BE(8);
  const textAt = nameEnd + 4 + 7;
  const textEnd = textAt + bytes.readInt32BE(textAt - 4);
  if (bytes.length !== textEnd + 8) throw new Error("a field more, or less");
  return {
    name: bytes.toString("utf8", 12, nameEnd),
    seqid: bytes.readInt32BE(nameEnd),
    type: bytes.readInt32BE(textEnd + 3),
    text: bytes.toString("utf8", textAt, textEnd),
  };
}

/** An application exception without a text: an empty struct. */
export const exceptionReply = (name: string, seqid: number): Buffer =>
  frameOf(strict(3, name, seqid, "00"));
