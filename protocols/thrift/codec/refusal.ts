// The response to bytes that are not a call, if they show which call they were meant to be.
import { Buffer } from "node:buffer";
import {
  lastScan,
  maxEnvelopeBytes,
  messageType,
  readEnvelope,
  readWhole,
  truncated,
} from "./envelope.ts";
import { exceptionFrame } from "./exception.ts";
import { inTransport } from "./response-writer.ts";
import { inHeaderFrame } from "./theader.ts";
import { readRequestHeader } from "../ttwitter/headers.ts";
import type { Malformed } from "./request-reader.ts";
import type { CallIdentity } from "./exception.ts";

/** A malformed call, whose name may still be on its way. */
export class Refusal {
  readonly #what: Malformed;
  #received: Buffer;

  constructor(what: Malformed) {
    this.#what = what;
    this.#received = Buffer.from(what.received);
  }

  /** Takes more of the message. False: its name is not in there, or was known before. */
  add(buffer: Buffer, start: number, end: number): boolean {
    if (this.#received.length >= maxEnvelopeBytes || !this.#what.mayContinue) return false;
    this.#received = Buffer.concat([this.#received, buffer.subarray(start, end)]);
    return true;
  }

  /** Null: the call is unknown so far. Empty: it is one-way. */
  response(): Buffer | null {
    const what = this.#what;
    const call = callOf(what, this.#received);
    if (call === null) return null;
    if (call === "one-way") return noResponse;
    const frame = exceptionFrame(call, what.type, what.reason);
    if (what.header !== null) return inHeaderFrame(frame, what.header);
    return inTransport(frame, what.isUpgraded, what.wireFormat.transport === "buffered");
  }

  /** Whether more of the message could show which call it was meant to be. */
  get mayIdentify(): boolean {
    const what = this.#what;
    const received = this.#received;
    if (!what.mayContinue || received.length >= maxEnvelopeBytes) return false;
    const messageAt = what.isUpgraded ? messageStart(what, received) : 0;
    if (messageAt === null || messageAt >= received.length) return true;
    return readEnvelope(received, messageAt, received.length) === truncated;
  }
}

function callOf(what: Malformed, received: Buffer): CallIdentity | "one-way" | null {
  // Of a whole message only its own bytes are here, without the header of an upgraded connection.
  const hasHeader = what.isUpgraded && !what.isWhole;
  const messageAt = hasHeader ? messageStart(what, received) : 0;
  const read = what.isWhole ? readWhole : readEnvelope;
  if (messageAt === null || read(received, messageAt, received.length) !== null) {
    if (what.header === null) return null;
    const { seqid, isCompact } = what.header;
    return { envelopeForm: isCompact ? "compact" : "strict", seqid, name: emptyName };
  }
  const { type, envelopeForm, seqid, nameAt, nameEnd } = lastScan;
  if (type === messageType.oneway) return "one-way";
  const repeatedEnd = Math.min(nameEnd, nameAt + maxRepeatedBytes);
  return { envelopeForm, seqid, name: received.subarray(nameAt, repeatedEnd) };
}

/** An exception repeats no more of the name of its call. */
const maxRepeatedBytes = 64 * 1024;

const emptyName = new Uint8Array(0);
const noResponse = Buffer.alloc(0);

function messageStart(what: Malformed, received: Buffer): number | null {
  const header = readRequestHeader(what.wireFormat.protocol, received, 0, received.length);
  return typeof header === "string" ? null : header.end;
}
