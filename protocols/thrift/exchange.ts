// The seam between the bytes (server.ts, client.ts) and what Thrift means to a proxy (index.ts).
import type { Socket } from "node:net";
import type { Clock } from "../../src/core/clock.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Log } from "../../src/core/log.ts";
import type {
  DialOptions,
  ConnectionGate,
  SocketOptions,
  WireStats,
} from "../../src/core/transport.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { ExceptionType } from "./codec/exception.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";
import type { ThriftProtocol } from "./codec/types.ts";

/** How messages are told apart: by a length in front, or by walking over them. */
export type Transport = "framed" | "buffered" | "header";

/** What both sides of a router have in common. */
export interface WireFormat {
  readonly encoding: ThriftProtocol;
  readonly transport: Transport;
  readonly maxFrameBytes: number;
}

/** What a caller is told of a call that failed. */
export interface RenderedFailure {
  readonly type: ExceptionType;
  readonly text: string;
}

export type RenderFailure = (failure: Failure, request: ThriftRequest) => RenderedFailure;

/** One call as the caller saw it end, reported once, after its last byte was written. */
export interface CompletedCall {
  readonly request: ThriftRequest;
  readonly status: ThriftResponse["outcome"] | "error";
  /** Null: the call failed, or was answered by the proxy itself. */
  readonly response: ThriftResponse | null;
  /** Bytes of the answer and of the call, with what stands around the messages. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** `Clock.nowMs` when the call was complete, and when its answer was written. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly failure: Failure | null;
}

/** Times are milliseconds; Infinity means no limit. */
export interface ServerLimits {
  /** A connection without a call in progress is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed when no answer is owed. */
  readonly lifeTimeMs: number;
  /** A call that began to arrive and does not, or an answer that is not read, for so long. */
  readonly stallTimeoutMs: number;
  /** Calls of one connection that are in progress at the same time; more wait unread. */
  readonly maxPipelinedCalls: number;
}

export interface ThriftListenOptions extends WireFormat {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  readonly gate: ConnectionGate | null;
  /** Told of each connection, for statistics. */
  readonly onSocket?: (socket: Socket) => void;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly isNamedByMethod: boolean;
  readonly renderFailure: RenderFailure;
  /** For the access log and statistics. Must not keep `exchange`. */
  onCompleted(exchange: CompletedCall): void;
  /** Open connections of callers changed by this much (+1, -1). */
  onConnections(change: number): void;
  /** Bytes that are no calls; it has been logged. */
  onMalformed(peer: PeerInfo, reason: string): void;
}

export interface ThriftDialOptions extends Omit<DialOptions, "config">, WireFormat {
  readonly attemptUpgrade: boolean;
}

export interface ThriftDialDeps {
  readonly clock: Clock;
  readonly stats: WireStats;
  /** The bytes of the header that an upgraded endpoint gets before a call. */
  headerFor(request: ThriftRequest): readonly Uint8Array[];
}
