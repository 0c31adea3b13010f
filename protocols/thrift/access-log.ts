// The access log: one line per call, as its caller saw it end.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     thriftAccessLog: logs/thrift.log
//     thriftAccessLogFormat: json            # avro, or common, the default
//     thriftAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     thriftAccessLogRotateCount: 7
//     servers: [{ port: 4114 }]
import { faultMark, openAccessLog } from "../../src/access-log/access-log.ts";
import { showAddress } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { AccessLog, AccessLogSource } from "../../src/access-log/access-log.ts";
import type { CallReader } from "../../src/core/calls/ended-call.ts";
import type { ProtocolDeps } from "../../src/core/protocol.ts";
import type { CompletedCall } from "./message.ts";
import type { RouterConfig } from "./keys.ts";

type AccessLogConfig = Pick<RouterConfig, Extract<keyof RouterConfig, `thriftAccessLog${string}`>>;

/** null: the router has no access log. Whoever opened it closes it. */
export function openThriftLog<Call extends CompletedCall>(
  config: AccessLogConfig,
  reader: CallReader<Call>,
  deps: ProtocolDeps,
): AccessLog<Call> | null {
  const keys = {
    file: config.thriftAccessLog,
    format: config.thriftAccessLogFormat,
    roll: config.thriftAccessLogRollPolicy,
    append: config.thriftAccessLogAppend,
    rotateCount: config.thriftAccessLogRotateCount,
  };
  return openAccessLog(keys, accessLogSource(reader), deps);
}

/**
 * `<time> <remote> <name> "<method>" <status> <request bytes> <response bytes> <ms> <endpoint>`,
 * then the faults injected into the call, if any; a missing value is `-`. The time is UTC, when the
 * response was written.
 */
function commonLine(clock: Clock): (call: CompletedCall) => string {
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

/** How calls are written; ThriftMux reads them with a reader of its own. */
export const accessLogSource = <Call extends CompletedCall>(
  reader: CallReader<Call>,
): AccessLogSource<Call> => ({
  commonLine,
  reader,
  details: ({ request, status }) => ({
    identity: request.peer.identity?.shown ?? null,
    result: status,
    oneway: request.isOneway,
    seqid: request.seqid,
  }),
});
