// Tells a caller of the faults that were injected into its call: a context of the answer.
import { Buffer } from "node:buffer";
import { MuxResponse } from "../message.ts";
import { entryBytes, writeKey } from "./contexts.ts";
import { bodyStart, maxShortLength } from "./messages.ts";

/** As HTTP names the header. */
export const faultKey = "l5d-fault";

/** The same answer with one more context, behind those that it came with. */
export function withFault(response: MuxResponse, fault: string): MuxResponse {
  const { status, frame, contextsStart, contextsEnd, payloadStart, flags } = response;
  const hasContexts = contextsEnd > contextsStart;
  const count = hasContexts ? frame.readUInt16BE(contextsStart) : 0;
  if (count >= maxShortLength) return response;
  const start = bodyStart + 1;
  const contexts = hasContexts ? frame.subarray(contextsStart + 2, contextsEnd) : noBytes;
  const head = Buffer.alloc(start + 2);
  head.writeUInt16BE(count + 1, start);
  const whole = Buffer.concat([head, contexts, faultEntry(fault), frame.subarray(payloadStart)]);
  const payloadAt = whole.length - response.payloadBytes;
  const told = new MuxResponse(status, whole, start, payloadAt, flags);
  told.verdict = response.verdict;
  return told;
}

const noBytes = Buffer.alloc(0);

/** The context, key and value; the text is ASCII. */
export function faultEntry(fault: string): Buffer {
  const entry = Buffer.alloc(entryBytes(faultKey, fault.length));
  entry.write(fault, writeKey(entry, 0, faultKey, fault.length), "latin1");
  return entry;
}
