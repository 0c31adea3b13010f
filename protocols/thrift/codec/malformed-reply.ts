// The answer to bytes that are no call, if they tell which call they would have been.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { lastScan, maxEnvelopeBytes, messageType, readEnvelope, truncated } from "./envelope.ts";
import { exceptionFrame } from "./exception.ts";
import { frameOf } from "./frame.ts";
import { inHeaderFrame } from "./theader.ts";
import { readRequestHeader } from "../ttwitter/headers.ts";
import type { Malformed } from "./request-reader.ts";
import type { CallIdentity } from "./exception.ts";

/** `received`: what came of the message. Null: nobody can tell, or nobody waits for an answer. */
export function refusalFor(what: Malformed, received: Buffer): Buffer | null {
  const call = callOf(what, received);
  if (call === null) return null;
  const frame = exceptionFrame(call, what.type, what.reason);
  if (what.header !== null) return inHeaderFrame(frame, what.header);
  return inTransport(frame, what.isUpgraded, what.wireFormat.transport === "buffered");
}

/** Whether what still comes of the message could tell which call it would have been. */
export function mayIdentify(what: Malformed, received: Buffer): boolean {
  if (!what.mayContinue || received.length >= maxEnvelopeBytes) return false;
  const messageAt = what.isUpgraded ? messageStart(what, received) : 0;
  if (messageAt === null || messageAt >= received.length) return true;
  return readEnvelope(received, messageAt, received.length) === truncated;
}

/** A frame of our own as the caller wants it. */
export function inTransport(frame: Buffer, isUpgraded: boolean, isBuffered: boolean): Buffer {
  const whole = isUpgraded ? frameOf([emptyHeader, frame.subarray(prefixBytes)]) : frame;
  return isBuffered ? whole.subarray(prefixBytes) : whole;
}

/** An empty ResponseHeader, as Finagle writes it: only the end of a struct. */
const emptyHeader = Buffer.of(0);

function callOf(what: Malformed, received: Buffer): CallIdentity | null {
  const messageAt = what.isUpgraded ? messageStart(what, received) : 0;
  if (messageAt === null || readEnvelope(received, messageAt, received.length) !== null) {
    if (what.header === null) return null;
    const { seqid, isCompact } = what.header;
    return { envelopeForm: isCompact ? "compact" : "strict", seqid, name: emptyName };
  }
  const { type, envelopeForm, seqid, nameAt, nameEnd } = lastScan;
  if (type === messageType.oneway) return null;
  return { envelopeForm, seqid, name: received.subarray(nameAt, nameEnd) };
}

const emptyName = new Uint8Array(0);

function messageStart(what: Malformed, received: Buffer): number | null {
  const header = readRequestHeader(what.wireFormat.protocol, received, 0, received.length);
  return typeof header === "string" ? null : header.end;
}
