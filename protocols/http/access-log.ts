// The access log: one line per response as the caller saw it, including requests never routed.
//
//   routers:
//   - protocol: http
//     dtab: /svc => /$/inet/127.1/8080 ;
//     httpAccessLog: logs/access.log
//     httpAccessLogFormat: json            # avro, or common, Linkerd's, the default
//     httpAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     httpAccessLogRotateCount: 7
//     servers: [{ port: 4140 }]
import { faultMark } from "../../src/access-log/access-log.ts";
import type { AccessLogSource } from "../../src/access-log/access-log.ts";
import type { Clock } from "../../src/core/clock.ts";
import { callReader } from "./calls.ts";
import { fieldOf } from "./codec/passthrough-fields.ts";
import { requestIdOf } from "./codec/traces/l5d.ts";
import type { CompletedCall } from "./message.ts";

/**
 * `<Host> <remote ip> - <name in the caller's certificate> [dd/MM/yyyy:HH:mm:ss +ZZZZ] "<METHOD> <target> HTTP/1.1" <status> <bytes>
 * "<Referer>" "<User-Agent>"`, and the injected faults; missing values are `-`. The time is the end
 * of the response.
 */
function commonLine(clock: Clock): (call: CompletedCall) => string {
  const time = localTime(clock);
  return (call) => {
    const { request, status, sentBytes, peer } = call;
    const host = word(call.host);
    const what = startLine(call);
    const result = `${status === 0 ? "-" : status} ${sentBytes === 0 ? "-" : sentBytes}`;
    const referer = request === null ? "-" : text(fieldOf(request.fields.list, "referer"));
    const agent = request === null ? "-" : text(fieldOf(request.fields.list, "user-agent"));
    const fault = request === null ? "" : faultMark(request);
    const user = word(peer.identity?.shown);
    const when = `${host} ${peer.remoteHost} - ${user} [${time()}]`;
    return `${when} "${what}" ${result} "${referer}" "${agent}"${fault}\n`;
  };
}

function startLine({ request, target, rawStartLine }: CompletedCall): string {
  if (request === null) return text(rawStartLine);
  return `${text(request.method)} ${text(target)} HTTP/${request.version}`;
}

/** Matches anything but printable ASCII without `"` and `\`, which needs no escape. */
const needsEscape = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const allToEscape = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/** For a quoted part: no byte sent by the caller can end it, or the line. */
function text(value: string | null | undefined): string {
  if (value === null || value === undefined || value === "") return "-";
  return needsEscape.test(value) ? value.replace(allToEscape, escaped) : value;
}

/** For a part without quotes, where spaces are escaped too. */
function word(value: string | null | undefined): string {
  return text(value).replaceAll(" ", "\\x20");
}

function escaped(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  const code = character.charCodeAt(0);
  if (code > 255) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** `31/01/2024:23:59:59 +0100`, formatted at most once a second. */
function localTime(clock: Clock): () => string {
  let second = -1;
  let shown = "";
  return () => {
    const now = Math.floor(clock.wallMs() / 1000);
    if (now === second) return shown;
    second = now;
    return (shown = showLocalTime(new Date(now * 1000)));
  };
}

const two = (n: number): string => String(n).padStart(2, "0");

function showLocalTime(date: Date): string {
  const day = `${two(date.getDate())}/${two(date.getMonth() + 1)}/${date.getFullYear()}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const east = -date.getTimezoneOffset();
  const zone = `${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`;
  return `${day}:${time} ${east < 0 ? "-" : "+"}${zone}`;
}

/** The error that a proxy further on reported. */
const reportedError = (context: string[] | null): string | null =>
  context === null ? null : fieldOf(context, "l5d-err");

export const accessLogSource: AccessLogSource<CompletedCall> = {
  commonLine,
  reader: callReader,
  details: ({ request, response, host, status, peer }) => ({
    identity: peer.identity?.shown ?? null,
    host,
    version: request === null ? null : request.version,
    status: status === 0 ? null : status,
    requestId: request === null || request.hop === null ? null : requestIdOf(request.hop.trace),
    l5dErr: response === null ? null : reportedError(response.context),
    referer: request === null ? null : fieldOf(request.fields.list, "referer"),
    userAgent: request === null ? null : fieldOf(request.fields.list, "user-agent"),
  }),
};
