// The access log: one line per call, as its caller saw it end.
//
//   routers:
//   - protocol: mux
//     dtab: /svc/users => /$/inet/127.1/8080 ;
//     muxAccessLog: logs/mux.log
//     muxAccessLogFormat: json            # avro, or common, the default
//     muxAccessLogRollPolicy: daily       # never, hourly, weekly(1), 100.megabytes
//     muxAccessLogRotateCount: 7
//     servers: [{ port: 4141 }]
import type { Clock } from "../../src/core/clock.ts";
import { faultMark } from "../../src/access-log/access-log.ts";
import type { AccessLogSource } from "../../src/access-log/access-log.ts";
import { showAddress } from "../../src/core/address.ts";
import { callReader } from "./calls.ts";
import type { CompletedCall } from "./message.ts";

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
function commonLine(clock: Clock): (exchange: CompletedCall) => string {
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

export const accessLogSource: AccessLogSource<CompletedCall> = {
  commonLine,
  reader: callReader,
  details: ({ outcome, peer }) => ({ identity: peer.identity?.shown ?? null, result: outcome }),
};
