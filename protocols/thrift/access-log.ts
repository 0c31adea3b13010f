// The access log: one line per call, as its caller saw it end.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     thriftAccessLog: logs/thrift.log
//     thriftAccessLogFormat: json            # or common, the default
//     thriftAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     thriftAccessLogRotateCount: 7
//     servers: [{ port: 4114 }]
import { faultMark, openAccessLog } from "../../src/access-log/access-log.ts";
import { jsonLine } from "../../src/access-log/json-line.ts";
import { showAddress } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
import type { ProtocolDeps } from "../../src/core/protocol.ts";
import type { CompletedCall } from "./message.ts";
import type { RouterConfig } from "./keys.ts";

type AccessLogConfig = Pick<RouterConfig, Extract<keyof RouterConfig, `thriftAccessLog${string}`>>;

/** Makes the line for one call, line feed included. ASCII, whatever bytes the caller sent. */
type LineOf = (call: CompletedCall) => string;

/** null: the router has no access log. Whoever opened it closes it. */
export function openThriftLog(
  config: AccessLogConfig,
  deps: ProtocolDeps,
): AccessLog<CompletedCall> | null {
  const keys = {
    file: config.thriftAccessLog,
    roll: config.thriftAccessLogRollPolicy,
    append: config.thriftAccessLogAppend,
    rotateCount: config.thriftAccessLogRotateCount,
  };
  return openAccessLog(keys, lineMaker(config.thriftAccessLogFormat, deps.clock), deps);
}

export function lineMaker(format: "common" | "json", clock: Clock): LineOf {
  return format === "json" ? inJson(clock) : inWords(clock);
}

/**
 * `<time> <remote> <name> "<method>" <status> <request bytes> <response bytes> <ms> <endpoint>`,
 * then the faults injected into the call, if any; a missing value is `-`. The time is UTC, when the
 * response was written.
 */
function inWords(clock: Clock): LineOf {
  return (call) => {
    const { request, receivedBytes, sentBytes, startedMs, endedMs } = call;
    const { peer, logicalName, endpoint } = request;
    const time = new Date(clock.wallMs()).toISOString();
    const remote = showAddress({ host: peer.remoteHost, port: peer.remotePort });
    const where = endpoint === null ? "-" : showAddress(endpoint);
    const durationMs = (endedMs - startedMs).toFixed(3);
    const what = `${remote} ${logicalName ?? "-"} "${quoted(request.method)}" ${statusOf(call)}`;
    return `${time} ${what} ${receivedBytes} ${sentBytes} ${durationMs} ${where}${faultMark(request)}\n`;
  };
}

/** A call that failed shows why: `error:connect`. */
function statusOf({ status, failure }: CompletedCall): string {
  return status === "error" && failure !== null ? `${status}:${failure.kind}` : status;
}

/** Everything but printable ASCII without `"` and `\`. */
const allToEscape = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/** No byte sent by the caller can end the quotes or the line. */
function quoted(text: string): string {
  return text.replace(allToEscape, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** One JSON object per line; unknown values are null. Times are milliseconds, UTC. */
function inJson(clock: Clock): LineOf {
  return (call) => {
    const { request, failure, startedMs, endedMs } = call;
    const { peer, endpoint } = request;
    return jsonLine({
      time: new Date(clock.wallMs()).toISOString(),
      remote: showAddress({ host: peer.remoteHost, port: peer.remotePort }),
      identity: peer.identity?.shown ?? null,
      method: request.method,
      oneway: request.isOneway,
      seqid: request.seqid,
      status: call.status,
      durationMs: Math.round((endedMs - startedMs) * 1000) / 1000,
      receivedBytes: call.receivedBytes,
      sentBytes: call.sentBytes,
      path: request.logicalName,
      client: request.bound?.id ?? null,
      endpoint: endpoint === null ? null : showAddress(endpoint),
      failure: failure?.kind ?? null,
      detail: failure?.detail ?? null,
      fault: request.fault ?? null,
    });
  };
}
