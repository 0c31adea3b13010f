// The shortest reply in each protocol that says why a call is refused.
import { Buffer } from "node:buffer";
import type { WireProtocol } from "./watch.ts";

/** null: the caller's protocol has no reply, or awaits none. `bytes`: the first that came. */
export function replyTo(protocol: WireProtocol, bytes: Buffer, text: string): Buffer | null {
  switch (protocol) {
    case "HTTP":
    case "HTTP/2":
      return httpReply(text);
    case "TLS":
      return tlsAlert;
    case "Thrift":
      return thriftReply(bytes, text);
    case "mux":
      return muxReply(bytes, text);
    default:
      return protocol satisfies never;
  }
}

function httpReply(text: string): Buffer {
  const body = `${text}\n`;
  const fields = `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close`;
  return Buffer.from(`HTTP/1.1 400 Bad Request\r\n${fields}\r\n\r\n${body}`);
}

/** Fatal, handshake_failure (RFC 8446 section 6). */
const tlsAlert = Buffer.from([0x15, 0x03, 0x01, 0, 2, 2, 40]);

/** An Rerr (-128) with the tag of the message. */
function muxReply(bytes: Buffer, text: string): Buffer {
  const body = Buffer.concat([Buffer.of(0x80), bytes.subarray(5, 8), Buffer.from(text)]);
  return Buffer.concat([int32(body.length), body]);
}

/** An exception for the call, in a frame if the call came in one. */
function thriftReply(bytes: Buffer, text: string): Buffer | null {
  const isFramed = bytes[0] !== 0x80 && bytes[0] !== 0x82;
  const message = bytes.subarray(isFramed ? 4 : 0);
  const reply = message[0] === 0x80 ? strictReply(message, text) : compactReply(message, text);
  if (reply === null) return null;
  return isFramed ? Buffer.concat([int32(reply.length), reply]) : reply;
}

const callType = 1;
const maxNameBytes = 1_024;
/** TApplicationException: INTERNAL_ERROR. */
const internalError = 6;

/** `80 01 00 01`, the length of the name, the name, the sequence id. */
function strictReply(message: Buffer, text: string): Buffer | null {
  if (message.length < 8 || message[3] !== callType) return null;
  const nameBytes = message.readInt32BE(4);
  const end = 8 + nameBytes + 4;
  if (nameBytes < 0 || nameBytes > maxNameBytes || end > message.length) return null;
  const head = Buffer.from(message.subarray(0, end));
  head[3] = 3;
  const said = Buffer.from(text);
  const type = Buffer.from([8, 0, 2, 0, 0, 0, internalError, 0]);
  return Buffer.concat([head, Buffer.of(11, 0, 1), int32(said.length), said, type]);
}

/** `82 21`, the sequence id, the length of the name, the name. */
function compactReply(message: Buffer, text: string): Buffer | null {
  if (message[0] !== 0x82 || message[1] !== 0x21) return null;
  let at = 2;
  while (at < Math.min(7, message.length) && (message[at] as number) >= 0x80) at++;
  const nameBytes = message[at + 1];
  if (nameBytes === undefined || nameBytes >= 0x80) return null; // longer names need no help
  const end = at + 2 + nameBytes;
  if (end > message.length) return null;
  const head = Buffer.from(message.subarray(0, end));
  head[1] = 0x61;
  const said = Buffer.from(text);
  const type = Buffer.of(0x15, 2 * internalError, 0);
  return Buffer.concat([head, Buffer.of(0x18), varint(said.length), said, type]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
