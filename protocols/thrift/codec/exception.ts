// A TApplicationException as bytes: Thrift's only way to say that a call failed.
import { Buffer } from "node:buffer";
import { frameOf } from "./frame.ts";
import { messageType, varint, writeEnvelope } from "./envelope.ts";
import type { EnvelopeForm } from "./envelope.ts";

/** The `type` field, as Apache Thrift numbers it. */
export const exceptionType = {
  unknownMethod: 1,
  invalidMessageType: 2,
  internalError: 6,
  protocolError: 7,
  invalidTransform: 8,
  invalidProtocol: 9,
} as const;

export type ExceptionType = (typeof exceptionType)[keyof typeof exceptionType];

/** What the response to a call must repeat. */
export interface CallIdentity {
  readonly envelopeForm: EnvelopeForm;
  readonly seqid: number;
  /** The bytes of its name, as received. */
  readonly name: Uint8Array;
}

/** Longer texts are cut: a caller's limit on frames may be small. */
const maxTextBytes = 16 * 1024;

/** A whole frame, with its prefix. */
export function exceptionFrame(call: CallIdentity, type: ExceptionType, text: string): Buffer {
  const name = withoutService(call.name);
  const envelope = writeEnvelope(call.envelopeForm, messageType.exception, name, call.seqid);
  const bytes = cut(Buffer.from(text), maxTextBytes);
  const body = call.envelopeForm === "compact" ? compactBody(bytes, type) : binaryBody(bytes, type);
  return frameOf([envelope, ...body]);
}

/** A multiplexed call is named `Service:method`, its response `method`, which its caller compares. */
function withoutService(name: Uint8Array): Uint8Array {
  return name.subarray(name.indexOf(colon) + 1); // all of it without a colon
}

const colon = 58;

/** A response with an empty struct, such as the one that agrees to an upgrade. */
export function emptyReplyFrame(call: CallIdentity): Buffer {
  const envelope = writeEnvelope(call.envelopeForm, messageType.reply, call.name, call.seqid);
  return frameOf([envelope, Buffer.of(0)]);
}

/** Field 1: string; field 2: i32; stop. */
function binaryBody(text: Buffer, type: number): Uint8Array[] {
  const head = Buffer.from([11, 0, 1, 0, 0, 0, 0]);
  head.writeInt32BE(text.length, 3);
  return [head, text, Buffer.from([8, 0, 2, 0, 0, 0, type, 0])];
}

function compactBody(text: Buffer, type: number): Uint8Array[] {
  // 0x18: id 0 + 1, string; 0x15: id 1 + 1, i32, whose bits are zigzagged.
  return [Buffer.from([0x18, ...varint(text.length)]), text, Buffer.from([0x15, 2 * type, 0])];
}

/** At most `maxBytes` of UTF-8, cut between characters. */
function cut(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
