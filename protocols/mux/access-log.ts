// The access log: one line per call, as its caller saw it end.
//
//   routers:
//   - protocol: mux
//     dtab: /svc/users => /$/inet/127.1/8080 ;
//     muxAccessLog: logs/mux.log
//     muxAccessLogFormat: json            # or common, the default
//     muxAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     muxAccessLogRotateCount: 7
//     servers: [{ port: 4141 }]
import type { Clock } from "../../src/core/clock.ts";
import { faultMark } from "../../src/access-log/access-log.ts";
import { showAddress } from "../../src/core/address.ts";
import type { CompletedCall } from "./message.ts";

type AccessLogFormat = "common" | "json";

/** Makes the line of one call, line feed included. ASCII, whatever bytes the caller sent. */
type LineOf = (exchange: CompletedCall) => string;

export function lineMaker(format: AccessLogFormat, clock: Clock): LineOf {
  return format === "json" ? jsonLine(clock) : commonLine(clock);
}

const remoteOf = ({ peer }: CompletedCall): string =>
  showAddress({ host: peer.remoteHost, port: peer.remotePort });

const endpointOf = ({ request: { endpoint } }: CompletedCall): string | null =>
  endpoint === null ? null : showAddress(endpoint);

/** Message and destination: paths hold printable ASCII only. */
const methodOf = ({ request }: CompletedCall): string =>
  request.form === "req" ? "Treq" : `Tdispatch ${request.dest}`;

/**
 * `<time> <remote> <name> "<message and destination>" <status> <bytes of the call> <bytes of the
 * response> <ms> <endpoint>`, and injected faults; missing values are `-`. The time is UTC, when the
 * response was written.
 */
function commonLine(clock: Clock): LineOf {
  return (exchange) => {
    const { request, outcome, failure, sentBytes, startedMs, endedMs } = exchange;
    const time = new Date(clock.wallMs()).toISOString();
    const status = failure === null ? outcome : `${outcome}:${failure.kind}`;
    const what = `${remoteOf(exchange)} ${request.logicalName ?? "-"} "${methodOf(exchange)}" ${status}`;
    const durationMs = (endedMs - startedMs).toFixed(3);
    const bytes = `${request.payloadBytes} ${sentBytes}`;
    return `${time} ${what} ${bytes} ${durationMs} ${endpointOf(exchange) ?? "-"}${faultMark(request)}\n`;
  };
}

/** One JSON object per line; unknown values are null. Times are UTC. */
function jsonLine(clock: Clock): LineOf {
  return (exchange) => {
    const { request, failure, startedMs, endedMs } = exchange;
    const line = JSON.stringify({
      time: new Date(clock.wallMs()).toISOString(),
      remote: remoteOf(exchange),
      identity: exchange.peer.identity?.shown ?? null,
      method: request.form === "req" ? "Treq" : "Tdispatch",
      destination: request.dest,
      status: exchange.outcome,
      durationMs: Math.round((endedMs - startedMs) * 1000) / 1000,
      receivedBytes: request.payloadBytes,
      sentBytes: exchange.sentBytes,
      path: request.logicalName,
      client: request.bound?.id ?? null,
      endpoint: endpointOf(exchange),
      failure: failure?.kind ?? null,
      detail: failure?.detail ?? null,
      fault: request.fault ?? null,
    });
    return `${line.replace(beyondAscii, unicode)}\n`;
  };
}

/** JSON.stringify escapes control characters; these are not ASCII either. */
const beyondAscii = /[\x7f-\uffff]/g;
const unicode = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
