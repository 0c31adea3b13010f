// Writes bytes that are good only now: they are copied once, mostly without an allocation.
import type { Socket } from "node:net";

/** Chunk framing around a full read buffer fits as well. */
const scratchBytes = 64 * 1024 + 64;

let scratch = Buffer.allocUnsafeSlow(scratchBytes);

/**
 * Writes `before`, `bytes` and `after` in one call; the texts are latin1. What the kernel takes at
 * once leaves the scratch buffer free for the next write; otherwise the write keeps the buffer and
 * the next one gets a new one. False: wait for `drained`.
 */
export function writeCopy(
  socket: Socket,
  bytes: Uint8Array,
  before: string,
  after: string,
): boolean {
  const length = before.length + bytes.length + after.length;
  const isBig = length > scratchBytes;
  const copy = isBig ? Buffer.allocUnsafeSlow(length) : scratch;
  if (before !== "") copy.write(before, 0, "latin1");
  copy.set(bytes, before.length);
  if (after !== "") copy.write(after, before.length + bytes.length, "latin1");
  const hasRoom = socket.write(copy.subarray(0, length));
  if (!isBig && socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(scratchBytes);
  return hasRoom;
}
