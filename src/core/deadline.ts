// The deadline that travels with a call, whatever the protocol writes it as.
import type { Clock } from "./clock.ts";

/**
 * Nanoseconds since 1970-01-01 UTC, both; 19 digits, hence bigint. `timestampNs`: when the last
 * one who had a say set it; `deadlineNs`: when the caller stops waiting.
 */
export interface Deadline {
  readonly timestampNs: bigint;
  readonly deadlineNs: bigint;
}

/** A sender whose clock is ahead by more is not believed. */
const maxAheadNs = 1_000_000_000n;
/** What ended so long ago was meant for another time: a wrong clock, not an impatient caller. */
const maxExpiredNs = 3_600_000_000_000n;

/** Some 200 years. Later than that is for ever, and 64 bits of nanoseconds do not reach there. */
const maxLeftMs = 7e12;

/** The stricter of two: the earlier deadline, the later timestamp. */
export function combined(a: Deadline | null, b: Deadline): Deadline {
  if (a === null) return b;
  return {
    timestampNs: a.timestampNs > b.timestampNs ? a.timestampNs : b.timestampNs,
    deadlineNs: a.deadlineNs < b.deadlineNs ? a.deadlineNs : b.deadlineNs,
  };
}

/** Whether the sender's clock and ours agree well enough to mean the same by it. */
export function isPlausible(deadline: Deadline, clock: Clock): boolean {
  const now = wallNs(clock);
  return deadline.timestampNs <= now + maxAheadNs && deadline.deadlineNs >= now - maxExpiredNs;
}

/** The same moment on the clock's monotonic scale, in milliseconds. */
export function deadlineMsOf(deadline: Deadline, clock: Clock): number {
  return clock.nowMs() + Number(deadline.deadlineNs - wallNs(clock)) / 1e6;
}

/** A deadline that this proxy sets, now, for the monotonic moment `deadlineMs`. */
export function deadlineAt(deadlineMs: number, clock: Clock): Deadline {
  const now = wallNs(clock);
  const leftMs = Math.min(deadlineMs - clock.nowMs(), maxLeftMs);
  const leftNs = BigInt(Math.round(leftMs * 1e6));
  return { timestampNs: now, deadlineNs: now + leftNs };
}

/** The clock's wall time has parts of a millisecond at best: microseconds are exact enough. */
function wallNs(clock: Clock): bigint {
  return BigInt(Math.round(clock.wallMs() * 1000)) * 1000n;
}
