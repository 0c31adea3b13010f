// `l5d-ctx-deadline: <timestamp> <deadline>`: a deadline as text.
import type { Deadline } from "../../../src/core/deadline.ts";

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
