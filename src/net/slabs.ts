// Equal pieces of memory that are used again: what grows in them leaves no garbage behind.
import { Buffer } from "node:buffer";

export const slabBytes = 64 * 1024;

/** Kept for the next use: 16 MiB. What a burst used beyond that is left to the collector. */
const maxSpare = 256;
const spare: Buffer[] = [];

export function takeSlab(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
}

/** `slab` must not be used afterwards. */
export function giveSlab(slab: Buffer): void {
  if (slab.length === slabBytes && spare.length < maxSpare) spare.push(slab);
}
