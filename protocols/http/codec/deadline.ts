// A deadline as text, in the two fields that servers of Linkerd and of Finagle read.
//
//   l5d-ctx-deadline: <timestamp> <deadline>         nanoseconds since 1970, 19 digits each
//   Finagle-Ctx-com.twitter.finagle.Deadline: <timestamp> <deadline>
import { Buffer } from "node:buffer";
import type { Clock } from "../../../src/core/clock.ts";
import { deadlineAt } from "../../../src/core/deadline.ts";
import type { Deadline } from "../../../src/core/deadline.ts";
import { latin1Of } from "../../../src/net/latin1.ts";

const maxLong = 2n ** 63n - 1n;

/** Returns null for a malformed header, which is then ignored. */
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

/** The header lines for a deadline. */
export function deadlineLines(deadline: Deadline): string {
  return linesOf(showDeadline(deadline));
}

const linkerdName = "l5d-ctx-deadline: ";
const finagleName = "Finagle-Ctx-com.twitter.finagle.Deadline: ";

function linesOf(value: string): string {
  return `${linkerdName}${value}\r\n${finagleName}${value}\r\n`;
}

const lines = Buffer.from(linesOf(`${"0".repeat(19)} ${"0".repeat(19)}`), "latin1");
const nowAt = linkerdName.length;
const deadlineStart = nowAt + 20;
const valueEnd = nowAt + 39;
const copyStart = lines.length - 41;

/** Seconds since 1970 with ten digits: from 2001 to 2286. */
const [leastSeconds, mostSeconds] = [1e9, 1e10 - 1];

/**
 * The header lines for the monotonic moment `deadlineMs`, with the present as its timestamp. Bigints
 * would give the same (`deadlineAt`) at the cost of all other fields of the head together.
 */
export function ownDeadlineLines(deadlineMs: number, clock: Clock): string {
  const nowUs = Math.round(clock.wallMs() * 1_000);
  const leftNs = Math.round((deadlineMs - clock.nowMs()) * 1e6);
  const leftUs = Math.floor(leftNs / 1_000);
  const [nowSeconds, seconds] = [Math.floor(nowUs / 1e6), Math.floor((nowUs + leftUs) / 1e6)];
  const isUsual = nowSeconds >= leastSeconds && seconds >= leastSeconds && seconds <= mostSeconds;
  // Beyond 104 days the last digits of a double are no longer exact.
  if (!isUsual || leftNs > Number.MAX_SAFE_INTEGER) {
    return deadlineLines(deadlineAt(deadlineMs, clock));
  }
  if (nowSeconds !== lastNowSeconds) put10(nowAt, (lastNowSeconds = nowSeconds));
  put(nowAt + 10, nowUs - nowSeconds * 1e6, 6);
  if (seconds !== lastSeconds) put10(deadlineStart, (lastSeconds = seconds));
  put(deadlineStart + 10, nowUs + leftUs - seconds * 1e6, 6);
  put(deadlineStart + 16, leftNs - leftUs * 1_000, 3);
  lines.copyWithin(copyStart, nowAt, valueEnd);
  return latin1Of(lines, 0, lines.length);
}

/** The seconds that `lines` contains already. */
let [lastNowSeconds, lastSeconds] = [0, 0];

function put10(at: number, value: number): void {
  lines.write(String(value), at, "latin1");
}

/** The lowest `count` decimal digits of a whole number below 2^31. */
function put(at: number, value: number, count: number): void {
  let rest = value | 0;
  for (let i = at + count - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    lines[i] = 48 + rest - next * 10;
    rest = next;
  }
}
