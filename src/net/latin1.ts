// Bytes as text, one character a byte: what is short is quicker to join and to write that way.
import { Buffer } from "node:buffer";

interface Sliceable {
  latin1Slice(start: number, end: number): string;
}

/** `toString` looks its encoding up each time; what it then calls is not documented, and quicker. */
const canSlice = typeof (Buffer.prototype as Partial<Sliceable>).latin1Slice === "function";

/** `bytes[start, end)` as text, one character a byte. */
export function latin1Of(bytes: Buffer, start: number, end: number): string {
  if (canSlice) return (bytes as Buffer & Sliceable).latin1Slice(start, end);
  return bytes.toString("latin1", start, end);
}
