// The lines of `common` logs, as far as they tell: that of HTTP, and that of Thrift and mux.
import type { LoggedCall } from "./logged-call.ts";

const quoted = String.raw`"((?:[^"\\]|\\.)*)"`;
const fault = String.raw`(?: l5d-fault="([^"]*)")?$`;

/** `web 127.0.0.1 - - [31/01/2024:23:59:58 +0100] "GET / HTTP/1.1" 200 64 "-" "curl/8"` */
const ofHttp = new RegExp(
  String.raw`^(\S+) (\S+) - (\S+) \[([^\]]+)\] ${quoted} (\d{3}|-) (\d+|-) ${quoted} ${quoted}${fault}`,
);
/** `<time> <remote> <name> "<method>" <result>[:<failure>] <bytes> <bytes> <ms> <endpoint>` */
const ofOthers = new RegExp(
  String.raw`^(\d{4}-\S+Z) (\S+) (\S+) ${quoted} ([a-z_]+)(?::(\w+))? (\d+) (\d+) ([\d.]+) (\S+)${fault}`,
);

/** null: the line is neither. */
export function callOfLine(line: string): LoggedCall | null {
  const http = ofHttp.exec(line);
  if (http !== null) return httpCall(http);
  const other = ofOthers.exec(line);
  return other === null ? null : otherCall(other);
}

function httpCall(match: RegExpExecArray): LoggedCall | null {
  const [, host, remote, identity, time, request, status, sent, referer, agent, faults] = match;
  const at = timeOf(time ?? "");
  if (at === null) return null;
  const line = /^(\S+) (.*) HTTP\/(1\.[01])$/.exec(request ?? "");
  return {
    time: at,
    protocol: "http",
    remote: remote ?? null,
    identity: told(identity),
    host: told(host),
    method: line === null ? null : told(line[1]),
    target: line === null ? told(request) : told(line[2]),
    version: line?.[3] ?? null,
    status: status === "-" ? null : Number(status),
    sentBytes: sent === "-" ? 0 : Number(sent),
    fault: faults ?? null,
    referer: told(referer),
    userAgent: told(agent),
  };
}

function otherCall(match: RegExpExecArray): LoggedCall {
  const [, time, remote, path, what = "", result, failure, received, sent, ms, endpoint, faults] =
    match;
  const [message, target] = what.startsWith("Tdispatch ") ? what.split(" ") : [what, null];
  return {
    time: time ?? null,
    remote: remote ?? null,
    method: told(message),
    target: target ?? null,
    result: result ?? null,
    durationMs: Number(ms),
    receivedBytes: Number(received),
    sentBytes: Number(sent),
    path: told(path),
    endpoint: told(endpoint),
    failure: failure ?? null,
    fault: faults ?? null,
  };
}

/** Undoes the escapes; a dash stands for nothing. */
function told(text: string | undefined): string | null {
  if (text === undefined || text === "-") return null;
  return text.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/g, (_, two, four, one) =>
    one === undefined ? String.fromCharCode(parseInt(two ?? four, 16)) : String(one),
  );
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** `31/01/2024:23:59:58 +0100`, or with Linkerd's `31/Jan/2024`, as ISO 8601 in UTC. */
function timeOf(text: string): string | null {
  const match = /^(\d\d)\/(\d\d|[A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(
    text,
  );
  if (match === null) return null;
  const [, day, month = "", year, time, hours, minutes] = match;
  const number = /\d/.test(month) ? month : String(months.indexOf(month) / 3 + 1).padStart(2, "0");
  const atMs = Date.parse(`${year}-${number}-${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}
