// What a listener is given, and what its connections share.
import type { Socket } from "node:net";
import type { RefusedCall } from "../../../src/core/calls/ended-call.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Log } from "../../../src/core/log.ts";
import type { Service } from "../../../src/core/service.ts";
import type { ServerTls } from "../../../src/core/tls/tls.ts";
import type { ConnectionGate, SocketOptions } from "../../../src/core/transport.ts";
import type { HttpLimits } from "../codec/limits.ts";
import type { CompletedCall, HttpRequest, HttpResponse, RenderFailure } from "../message.ts";
import type { ServerConnection } from "./connection.ts";

export interface HttpListenOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: ConnectionGate | null;
  readonly tls?: ServerTls | undefined;
  /** Called for each connection, for statistics. */
  readonly onSocket?: (socket: Socket) => void;
  /** Absent: plain text with the failure's detail. */
  readonly renderFailure?: RenderFailure;
  /** For the access log and statistics. Must not keep `call`. */
  readonly onCompleted?: (call: CompletedCall) => void;
  /** A caller that speaks another protocol. */
  readonly onRefused?: (call: RefusedCall) => void;
  /** The number of open connections of callers changed by this much (+1, -1). */
  readonly onConnections?: (change: number) => void;
}

export interface ServerSettings {
  readonly limits: HttpLimits;
  readonly clock: Clock;
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly renderFailure: RenderFailure;
  readonly onCompleted: ((call: CompletedCall) => void) | null;
  readonly opened: (connection: ServerConnection) => void;
  readonly closed: (connection: ServerConnection) => void;
}
