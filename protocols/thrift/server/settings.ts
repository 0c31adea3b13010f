// What a Thrift server is made with, and what its connections share.
import type { Socket } from "node:net";
import type { RefusedCall } from "../../../src/core/calls/ended-call.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Log } from "../../../src/core/log.ts";
import type { Service } from "../../../src/core/service.ts";
import type { ServerTls } from "../../../src/core/tls/tls.ts";
import type { ConnectionGate, SocketOptions } from "../../../src/core/transport.ts";
import type {
  CompletedCall,
  RenderFailure,
  ThriftRequest,
  ThriftResponse,
  WireFormat,
} from "../message.ts";
import type { ServerConnection } from "./connection.ts";

/** Times are milliseconds; Infinity means no limit. */
export interface ServerLimits {
  /** A connection without a call in progress is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed as soon as no call is in progress. */
  readonly lifeTimeMs: number;
  /** How long a request may stop arriving in its middle, or a response stay unread. */
  readonly stallTimeoutMs: number;
  /** How long a caller that has sent a FIN may wait for its next response. */
  readonly halfCloseGraceMs: number;
  /** Calls of one connection that are in progress at the same time; further ones wait unread. */
  readonly maxPipelinedCalls: number;
}

export interface ThriftListenOptions extends WireFormat {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  readonly gate: ConnectionGate | null;
  readonly tls?: ServerTls | undefined;
  /** Called with each new connection, for statistics. */
  readonly onSocket?: (socket: Socket) => void;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly isNamedByMethod: boolean;
  readonly renderFailure: RenderFailure;
  /** For the access log and statistics. Must not keep `call`. */
  onCompleted(call: CompletedCall): void;
  /** Open connections of callers changed by this much (+1, -1). */
  onConnections(change: number): void;
  /** Bytes that cannot be read as a call; once for each. */
  onRefused(call: RefusedCall): void;
  /** Called with bytes that are not a valid call, after logging. */
  onMalformed: () => void;
}

/** What the connections of one server share. */
export interface ServerSettings extends Omit<
  ThriftListenOptions,
  "host" | "port" | "socket" | "gate" | "tls" | "onSocket"
> {
  readonly route: Service<ThriftRequest, ThriftResponse>;
  /** How long turns of the event loop take at present; of the process unless given. */
  readonly turnMs?: () => number;
  opened(connection: ServerConnection): void;
  /** The connection and all its calls have ended. */
  closed(connection: ServerConnection): void;
}
