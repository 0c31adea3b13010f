// A call as a line: of words for people, or of JSON for programs. What callers sent is shown as printable text only.
import { jsonLine } from "../../access-log/json-line.ts";
import { printable } from "../remote/printable.ts";
import type { LoggedCall } from "./logged-call.ts";

/** Without what it does not have. Times are ISO 8601, whatever the log has. */
export function jsonOf(call: LoggedCall): string {
  const told = Object.entries(call).filter(([, value]) => value !== null);
  return jsonLine({ ...Object.fromEntries(told), time: timeText(call["time"]) }).trimEnd();
}

/**
 * `2024-01-31T22:59:58.000Z out 502 GET /users/7  /svc/users -> 127.0.0.1:8081  3.4 ms  connect: ...`, as
 * `switchyard tap` shows it.
 */
export function wordsOf(call: LoggedCall): string {
  const { time, router, protocol, status, result, method, target } = call;
  const what = [timeText(time), router ?? protocol, status ?? result ?? "-", method, target];
  const parts = [join(what, " "), whereTo(call), duration(call), whatHappened(call)];
  return printable(join(parts, "  ").replaceAll("\n", "\\n"));
}

/** A common line of HTTP tells only the host. */
function whereTo({ path, host, endpoint }: LoggedCall): string {
  return join([path ?? host ?? "(no name)", endpoint], " -> ");
}

function duration({ durationMs }: LoggedCall): string | null {
  return typeof durationMs === "number" ? `${durationMs.toFixed(1)} ms` : null;
}

function whatHappened({ failure, detail, fault }: LoggedCall): string {
  const faults = isThere(fault) ? `fault: ${String(fault)}` : null;
  return join([join([failure, detail], ": "), faults], "  ");
}

const isThere = (part: unknown): boolean => part !== null && part !== undefined && part !== "";

function join(parts: readonly unknown[], separator: string): string {
  return parts.filter(isThere).map(String).join(separator);
}

function timeText(time: unknown): string {
  return typeof time === "number" ? new Date(time).toISOString() : String(time ?? "-");
}
