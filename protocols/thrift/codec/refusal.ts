// The answer to bytes that are no call, if they tell which call they would have been.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { lastScan, maxEnvelopeBytes, messageType, readEnvelope, truncated } from "./envelope.ts";
import { exceptionFrame, framed } from "./exception.ts";
import { inHeaderFrame } from "./theader.ts";
import { readRequestHeader } from "../ttwitter/request-header.ts";
import type { Malformed } from "./request-reader.ts";
import type { Answered } from "./exception.ts";

/** `begun`: what came of the message. Null: nobody can tell, or nobody waits for an answer. */
export function refusalFor(what: Malformed, begun: Buffer): Buffer | null {
  const call = callOf(what, begun);
  if (call === null) return null;
  const frame = exceptionFrame(call, what.type, what.reason);
  if (what.header !== null) return inHeaderFrame(frame, what.header);
  return inTransport(frame, what.isUpgraded, what.speech.transport === "buffered");
}

/** Whether what still comes of the message could tell which call it would have been. */
export function mayIdentify(what: Malformed, begun: Buffer): boolean {
  if (!what.mayContinue || begun.length >= maxEnvelopeBytes) return false;
  const messageAt = what.isUpgraded ? messageStart(what, begun) : 0;
  if (messageAt === null || messageAt >= begun.length) return true;
  return readEnvelope(begun, messageAt, begun.length) === truncated;
}

/** A frame of our own as the caller wants it. */
export function inTransport(frame: Buffer, isUpgraded: boolean, isBuffered: boolean): Buffer {
  const whole = isUpgraded ? framed([emptyHeader, frame.subarray(prefixBytes)]) : frame;
  return isBuffered ? whole.subarray(prefixBytes) : whole;
}

/** An empty ResponseHeader, as Finagle writes it: only the end of a struct. */
const emptyHeader = Buffer.of(0);

function callOf(what: Malformed, begun: Buffer): Answered | null {
  const messageAt = what.isUpgraded ? messageStart(what, begun) : 0;
  if (messageAt === null || readEnvelope(begun, messageAt, begun.length) !== null) {
    if (what.header === null) return null;
    const { seqid, isCompact } = what.header;
    return { dialect: isCompact ? "compact" : "strict", seqid, name: emptyName };
  }
  const { type, dialect, seqid, nameAt, nameEnd } = lastScan;
  if (type === messageType.oneway) return null;
  return { dialect, seqid, name: begun.subarray(nameAt, nameEnd) };
}

const emptyName = new Uint8Array(0);

function messageStart(what: Malformed, begun: Buffer): number | null {
  const header = readRequestHeader(what.speech.encoding, begun, 0, begun.length);
  return typeof header === "string" ? null : header.end;
}
