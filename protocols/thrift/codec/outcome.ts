// What a response says, by its type and the first field of its result; nothing else is read.
import type { Buffer } from "node:buffer";
import { lastScan, messageType } from "./envelope.ts";

export type Outcome =
  | "reply" // a result, or an empty struct from a method that returns nothing
  | "declared_exception" // one that the method declares: field 1 or above of the result
  | "application_exception"; // TApplicationException: the service did not carry out the call

/** Of the response that `lastScan` describes, whose bytes end at `end`; null: its result is cut off. */
export function outcomeOf(buffer: Buffer, end: number): Outcome | null {
  const { type, envelopeForm, bodyAt } = lastScan;
  if (bodyAt >= end) return null;
  if (type === messageType.exception) return "application_exception";
  const head = buffer[bodyAt] as number;
  if (head === 0) return "reply";
  if (envelopeForm === "compact") {
    // The id is the high nibble or, when that is 0, the byte that follows.
    if (head >> 4 !== 0) return "declared_exception";
    if (bodyAt + 1 >= end) return null;
    return buffer[bodyAt + 1] === 0 ? "reply" : "declared_exception";
  }
  if (bodyAt + 3 > end) return null;
  return buffer.readInt16BE(bodyAt + 1) === 0 ? "reply" : "declared_exception";
}
