// One call on one line, for people at a terminal. What callers sent is shown as printable text only.
import type { CallRecord } from "../../core/calls/record.ts";
import { printable } from "./printable.ts";

/** `12:00:00.123 out 502 GET /users/7  /svc/users -> 127.0.0.1:8081  3.4 ms  connect: ...`. */
export function callLine(call: CallRecord, hasColor: boolean): string {
  const { at, router, status, method, target, name, endpoint, durationMs, trace } = call;
  const what = [method, target].filter((part) => part !== "").join(" ");
  const where = `${name ?? "(no name)"} -> ${endpoint ?? "(no endpoint)"}`;
  const parts = [
    `${at.slice(11, 23)} ${router} ${status === "" ? "-" : status}${what === "" ? "" : ` ${what}`}`,
    where,
    `${shownMs(durationMs)}`,
    ...whatHappened(call),
    ...(trace === null ? [] : [`trace ${trace.traceId}`]),
  ];
  const line = printable(parts.join("  "));
  return hasColor ? coloured(line, call) : line;
}

function whatHappened({ failure, attempts, outcome, fault }: CallRecord): readonly string[] {
  const found: string[] = [];
  if (failure !== null) found.push(`${failure.kind}: ${failure.detail}`);
  else if (outcome === "failure") found.push("failed");
  if (attempts.length > 1) found.push(`${attempts.length} attempts`);
  if (fault !== null) found.push(`fault: ${fault}`);
  return found;
}

/** Three digits are enough. */
function shownMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

function coloured(line: string, { outcome }: CallRecord): string {
  if (outcome === "failure") return `\u001b[31m${line}\u001b[0m`;
  return outcome === "cancelled" ? `\u001b[33m${line}\u001b[0m` : line;
}
