// The access log: one line a call as the caller saw it end.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     thriftAccessLog: logs/thrift.log
//     thriftAccessLogFormat: json            # or common, the default
//     thriftAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     thriftAccessLogRotateCount: 7
//     servers: [{ port: 4114 }]
import { faultMark } from "../../src/access-log/access-log.ts";
import { showAddress } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { CompletedCall } from "./exchange.ts";

type AccessLogFormat = "common" | "json";

/** Makes the line for one call, with its line feed. ASCII, whatever bytes the caller sent. */
type LineOf = (exchange: CompletedCall) => string;

export function lineMaker(format: AccessLogFormat, clock: Clock): LineOf {
  return format === "json" ? jsonLine(clock) : commonLine(clock);
}

/**
 * `<time> <remote> <name> "<method>" <status> <bytes of the call> <bytes of the answer> <ms>
 * <endpoint>`, and what faults the call met; what is missing is `-`. The time is UTC, when the answer
 * was written.
 */
function commonLine(clock: Clock): LineOf {
  return (exchange) => {
    const { request, receivedBytes, sentBytes, startedMs, endedMs } = exchange;
    const { peer, logicalName, endpoint } = request;
    const time = new Date(clock.wallMs()).toISOString();
    const remote = showAddress({ host: peer.remoteHost, port: peer.remotePort });
    const where = endpoint === null ? "-" : showAddress(endpoint);
    const durationMs = (endedMs - startedMs).toFixed(3);
    const what = `${remote} ${logicalName ?? "-"} "${quoted(request.method)}" ${statusOf(exchange)}`;
    return `${time} ${what} ${receivedBytes} ${sentBytes} ${durationMs} ${where}${faultMark(request)}\n`;
  };
}

/** A call that failed shows why: `error:connect`. */
function statusOf({ status, failure }: CompletedCall): string {
  return failure === null ? status : `${status}:${failure.kind}`;
}

/** Printable ASCII but `"` and `\`: what stands in a quoted part as it is. */
const allToEscape = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/** No byte of the caller's can end the quotes, or the line. */
function quoted(text: string): string {
  return text.replace(allToEscape, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** One JSON object a line; what is not known is null. Times are milliseconds, UTC. */
function jsonLine(clock: Clock): LineOf {
  return (exchange) => {
    const { request, failure, startedMs, endedMs } = exchange;
    const { peer, endpoint } = request;
    const line = JSON.stringify({
      time: new Date(clock.wallMs()).toISOString(),
      remote: showAddress({ host: peer.remoteHost, port: peer.remotePort }),
      method: request.method,
      oneway: request.isOneway,
      seqid: request.seqid,
      status: exchange.status,
      durationMs: Math.round((endedMs - startedMs) * 1000) / 1000,
      receivedBytes: exchange.receivedBytes,
      sentBytes: exchange.sentBytes,
      path: request.logicalName,
      client: request.bound?.id ?? null,
      endpoint: endpoint === null ? null : showAddress(endpoint),
      failure: failure?.kind ?? null,
      detail: failure?.detail ?? null,
      fault: request.fault ?? null,
    });
    return `${line.replace(beyondAscii, unicode)}\n`;
  };
}

/** JSON.stringify has escaped all below the space; the rest would not be ASCII. */
const beyondAscii = /[\x7f-\uffff]/g;
const unicode = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
