// What the core asks of sockets: listeners towards callers, wires towards endpoints, their options and counts.
import type { CallSink } from "./calls/ended-call.ts";
import type { CallerDtabLimits } from "./names/caller-dtab-limits.ts";
import type { Service } from "./service.ts";
import type { Counter, Histogram } from "./stats.ts";
import type { ClientTls, ServerTls } from "./tls/tls.ts";

export interface Wire<Req, Res> {
  readonly service: Service<Req, Res>;
  readonly status: "open" | "busy" | "closed";
  /** Open ones, in use or idle. */
  readonly connections: number;
  /** Closes idle sockets immediately, busy ones when their call ends or `graceMs` has passed. */
  close(graceMs: number): void;
}

export interface Listener {
  readonly host: string;
  /** The port that was bound: the real one when 0 was asked for. */
  readonly port: number;
  /** Stops accepting immediately; resolves when the last call has ended or `graceMs` has passed. */
  close(graceMs: number): Promise<void>;
}

/** Counts the connections of callers, on all servers together. */
export interface ConnectionGate {
  /** false: one too many, to be closed immediately; it was not counted. */
  opened(): boolean;
  /** One that was counted has closed. */
  closed(): void;
}

/** Times are milliseconds; Infinity means no limit. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  /** null: as many connections as come. */
  readonly gate: ConnectionGate | null;
  /** Absent: callers speak plain text. */
  readonly tls?: ServerTls | undefined;
  /** A connection without a call in progress is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed after the call in progress. */
  readonly lifeTimeMs: number;
  /** Request N+1 is refused immediately, and may be retried. */
  readonly maxConcurrentRequests: number;
  /** Throw away context that callers sent (dtabs, deadlines, traces). */
  readonly clearContext: boolean;
  /** How large the dtab of a call may be; protocols refuse a larger one before they parse it. */
  readonly callerDtabLimits: CallerDtabLimits;
  /** How long a caller that has sent a FIN may wait for a response to begin; then its call is cancelled. */
  readonly halfCloseGraceMs: number;
  /** Total time for a request as the server sees it; Infinity unless configured. */
  readonly timeoutMs: number;
  /** Records the calls of this server; absent: nobody does. */
  readonly calls?: CallSink;
  /** The protocol's own keys of this server (`serverKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

export interface SocketOptions {
  readonly noDelay: boolean;
  readonly reusePort: boolean;
  /** null: as the system has it. */
  readonly keepAlive: boolean | null;
  readonly backlog: number | null;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
}

export interface DialOptions {
  /** Until a connection is usable: connected, and with TLS also after its handshake. */
  readonly connectTimeoutMs: number;
  readonly socket: SocketOptions;
  /** Absent: the endpoints speak plain text. */
  readonly tls?: ClientTls | undefined;
  /** Connections kept even when idle. */
  readonly minConnections: number;
  readonly maxConnections: number;
  /** Calls that may wait for a connection when all are taken; one more is refused. */
  readonly maxWaiters: number;
  /** How long a call may wait for a connection; connecting has its own limit. */
  readonly maxWaitMs: number;
  /** A pooled connection above `minConnections` is closed when unused for so long. */
  readonly poolIdleMs: number;
  /** Any connection is closed when unused for so long, or when so old and free. */
  readonly idleTimeMs: number;
  readonly lifeTimeMs: number;
  /** The protocol's own keys of this client (`clientKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Of connections that have closed. */
export interface ConnectionStats {
  readonly durationMs: Histogram;
  readonly receivedBytes: Histogram;
  readonly sentBytes: Histogram;
}

/** The metrics of one cluster's connections, shared by its wires; looked up by the cluster. */
export interface WireStats {
  readonly connects: Counter;
  readonly closes: Counter;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly connectLatencyMs: Histogram;
  readonly failedConnectLatencyMs: Histogram;
  /** Dials that were cancelled before they succeeded. */
  readonly cancelledConnects: Counter;
  readonly closed: ConnectionStats;
  /** Calls that a connection has carried, when it closes. Not of connections that calls share. */
  readonly connectionRequests: Histogram;
  /** Calls that had to wait until others gave a connection back, and those refused even that. */
  readonly waited: Counter;
  readonly tooManyWaiters: Counter;
  /** Open sockets, in the pool or in use. */
  connections: number;
  /** Of those, the ones in the pool. */
  pooled: number;
  /** Calls waiting for a connection. */
  waiters: number;
}
