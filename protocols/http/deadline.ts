// `l5d-ctx-deadline: <timestamp> <deadline>`: a deadline as text.
import { deadlineAt } from "../../src/core/deadline.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Deadline } from "../../src/core/deadline.ts";

const maxLong = 2n ** 63n - 1n;

/** null when it is malformed: such a header is ignored. */
export function parseDeadline(text: string): Deadline | null {
  const match = /^(\d{1,19}) (\d{1,19})$/.exec(text);
  if (match === null) return null;
  const timestampNs = BigInt(match[1] ?? "");
  const deadlineNs = BigInt(match[2] ?? "");
  return timestampNs > maxLong || deadlineNs > maxLong ? null : { timestampNs, deadlineNs };
}

export function showDeadline(deadline: Deadline): string {
  return `${deadline.timestampNs} ${deadline.deadlineNs}`;
}

/**
 * A deadline that this proxy sets now, for the monotonic moment `deadlineMs`: the text of
 * `deadlineAt`, in halves that fit into numbers, since every call with a limit needs one.
 */
export function showOwnDeadline(deadlineMs: number, clock: Clock): string {
  const nowUs = Math.round(clock.wallMs() * 1_000);
  const leftNs = Math.round((deadlineMs - clock.nowMs()) * 1e6);
  // In 104 days or later: the last digits are not exact any more, and may be too many or too few.
  if (leftNs > Number.MAX_SAFE_INTEGER) return showDeadline(deadlineAt(deadlineMs, clock));
  const leftUs = Math.floor(leftNs / 1_000);
  return `${digits(nowUs)}000 ${digits(nowUs + leftUs)}${padded(leftNs - leftUs * 1_000, 1_000)}`;
}

/** The seconds of the latest texts: of now, and of the deadlines that are set now. */
const known = [0, 1, 2, 3].map(() => ({ seconds: -1, text: "" }));

function digits(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const entry = known[seconds % known.length];
  if (entry === undefined) return String(us); // before 1970
  if (entry.seconds !== seconds) {
    entry.seconds = seconds;
    entry.text = String(seconds);
  }
  return entry.text + padded(us - seconds * 1e6, 1e6);
}

/** As many digits as `limit` has zeros. */
const padded = (value: number, limit: number): string => String(limit + value).slice(1);
