// Bytes as text, one character per byte: short pieces are faster to join and to write as text.
import { Buffer } from "node:buffer";

interface Sliceable {
  latin1Slice(start: number, end: number): string;
}

/** `toString` looks up its encoding each time; the function it then calls is undocumented, but faster. */
const canSlice = typeof (Buffer.prototype as Partial<Sliceable>).latin1Slice === "function";

/** `bytes[start, end)` as text, one character per byte. */
export function latin1Of(bytes: Buffer, start: number, end: number): string {
  if (canSlice) return (bytes as Buffer & Sliceable).latin1Slice(start, end);
  return bytes.toString("latin1", start, end);
}
