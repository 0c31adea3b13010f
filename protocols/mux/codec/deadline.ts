// The deadline that travels in a context: 16 bytes, two times in nanoseconds since 1970.
import type { Deadline } from "../../../src/core/deadline.ts";

export const deadlineBytes = 16;

export function readDeadline(bytes: Buffer, at: number): Deadline {
  return { timestampNs: bytes.readBigInt64BE(at), deadlineNs: bytes.readBigInt64BE(at + 8) };
}

export function writeDeadline(bytes: Buffer, at: number, deadline: Deadline): void {
  bytes.writeBigInt64BE(deadline.timestampNs, at);
  bytes.writeBigInt64BE(deadline.deadlineNs, at + 8);
}
