// Frames: a message with its length in front.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";

/** `parts` as one frame. */
export function frameOf(parts: readonly Uint8Array[]): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  const frame = Buffer.concat([prefix, ...parts]);
  frame.writeInt32BE(frame.length - prefixBytes, 0);
  return frame;
}

/**
 * The message alone as a frame, prefix in front: a view of the same bytes. A transport header before
 * the message has been read by now, and its last bytes make room for the prefix. Idempotent.
 */
export function messageFrame(frame: Buffer, messageAt: number): Buffer {
  if (messageAt === prefixBytes) return frame;
  frame.writeInt32BE(frame.length - messageAt, messageAt - prefixBytes);
  return frame.subarray(messageAt - prefixBytes);
}
