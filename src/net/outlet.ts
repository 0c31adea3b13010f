// Writes bytes that are good only now: they are copied once, mostly without an allocation.
import type { Socket } from "node:net";
import { countUnsent } from "./socket-memory.ts";

/** Chunk framing around a full read buffer fits as well. */
const scratchBytes = 64 * 1024 + 64;
/** Kept for the next writes; what streams at the same time beyond that is left to the collector. */
const maxFree = 32;

const free: Buffer[] = [];
/** What sockets that have not drained hold. */
const lent = new WeakMap<Socket, Buffer[]>();
let scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytes);

/**
 * Writes `before`, `bytes` and `after` in one call; the texts are latin1. What the kernel takes at
 * once leaves the scratch buffer free for the next write; otherwise the write keeps the buffer
 * until the socket has drained. False: wait for `drained`.
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
  if (!hasRoom) countUnsent(socket);
  if (!isBig && socket.writableLength > 0 && !tookCopy(socket, length)) {
    if (!hasRoom) lend(socket, scratch);
    scratch = free.pop() ?? Buffer.allocUnsafeSlow(scratchBytes);
  }
  return hasRoom;
}

/**
 * Whether the bytes just written are free although the write has not completed: a TLS socket
 * encrypts while `write` runs, unless they had to wait for bytes before them.
 */
export function tookCopy(socket: Socket, length: number): boolean {
  return "encrypted" in socket && socket.writableLength === length;
}

/**
 * A socket drains when all its writes are done. One that dies before does not, and may hold the
 * buffer still: then it is never used again. Without this a stream to a slow reader leaves a buffer
 * behind with every write, and the collector is in no hurry: 30 MiB more resident memory.
 */
function lend(socket: Socket, buffer: Buffer): void {
  const before = lent.get(socket);
  if (before !== undefined) {
    before.push(buffer);
    return;
  }
  const buffers = [buffer];
  lent.set(socket, buffers);
  socket.once("drain", () => {
    lent.delete(socket);
    free.push(...buffers.slice(0, maxFree - free.length));
  });
}
