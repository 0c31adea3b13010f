// The seam between the bytes (server.ts, client.ts) and what HTTP means to a proxy (index.ts).
import type { Socket } from "node:net";
import type { Clock, Random } from "../../src/core/clock.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Log } from "../../src/core/log.ts";
import type {
  ConnectionGate,
  DialOptions,
  SocketOptions,
  WireStats,
} from "../../src/core/transport.ts";
import type { Fields, HttpRequest, HttpResponse, Peer } from "./message.ts";

/** What one head may measure, in either direction. */
export interface HeadLimits {
  /** Start line without its CRLF; longer: 414. */
  readonly maxInitialLineBytes: number;
  /** All fields with their CRLFs, also of a trailer section; longer: 431. */
  readonly maxHeadersBytes: number;
  /** More fields: 431. */
  readonly maxHeaderCount: number;
}

/** Times are milliseconds; Infinity means no limit. */
export interface HttpLimits extends HeadLimits {
  /** From the first byte of a head to its last, and of a body that is waited for: 408. */
  readonly headerReadTimeoutMs: number;
  /** A connection without a request is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed after the call in progress. */
  readonly lifeTimeMs: number;
  /** A body that should flow and does not, in either direction, ends the connection after this. */
  readonly stallTimeoutMs: number;
  /** A tunnel without a byte in either direction is closed after this. */
  readonly tunnelIdleTimeMs: number;
  /** Bytes of further requests read ahead while an answer is owed; then reading pauses. */
  readonly maxPipelinedBytes: number;
  /** Bytes of a request body nobody wants that are read to keep the connection; more: it closes. */
  readonly maxDrainBytes: number;
  /** A body announced as no longer than this is waited for before routing, so it can be replayed. */
  readonly maxWholeBodyBytes: number;
}

/** Finite everywhere, and generous; `idleTimeMs` and `lifeTimeMs` are Linkerd's. */
export const defaultLimits: HttpLimits = {
  maxInitialLineBytes: 4 * 1024,
  maxHeadersBytes: 8 * 1024,
  maxHeaderCount: 100,
  headerReadTimeoutMs: 30_000,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
  stallTimeoutMs: 60_000,
  tunnelIdleTimeMs: 3_600_000,
  maxPipelinedBytes: 64 * 1024,
  maxDrainBytes: 64 * 1024,
  maxWholeBodyBytes: 5 * 1024,
};

/** An answer of the proxy's own. `fields` must not hold framing or connection fields. */
export interface RenderedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** A request that the codec itself refuses: a failure that knows its status. */
export interface Refusal extends Failure {
  readonly status: 400 | 408 | 414 | 417 | 431 | 501 | 505;
}

export function isRefusal(failure: Failure): failure is Refusal {
  return "status" in failure;
}

/** Makes the answer to a failed call, or to bytes that are no request (a `Refusal`; no request). */
export type RenderFailure = (
  failure: Failure,
  request: HttpRequest | null,
  peer: Peer,
) => RenderedResponse;

/** One answer as the caller saw it, reported once, after its last byte. */
export interface CompletedCall {
  /** null when the bytes were refused before they became a request. */
  readonly request: HttpRequest | null;
  /** The target as the caller wrote it, before identifiers rewrote it; empty without a request. */
  readonly target: string;
  /** What was read of the start line (bounded, latin1) when there is no request, else empty. */
  readonly rawStartLine: string;
  /** As the caller wrote it, even of a refused head; null when it did not, or not one, or was not read. */
  readonly host: string | null;
  /** As sent to the caller; 0 when it went away before an answer began. */
  readonly status: number;
  /** The answer of an endpoint or identifier; null for failures that were rendered. */
  readonly response: HttpResponse | null;
  /** Bytes of the answer's body, without chunk framing. */
  readonly sentBytes: number;
  /** Bytes of the request's body, without chunk framing. */
  readonly receivedBytes: number;
  /** `Clock.nowMs` when the head was complete (or refused), and when the answer ended. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Why it failed, before or after its head was sent; null for a complete answer. */
  readonly failure: Failure | null;
  readonly peer: Peer;
}

export interface HttpListenOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: ConnectionGate | null;
  /** Told of each connection, for statistics. */
  readonly onSocket?: (socket: Socket) => void;
  readonly random: Random;
  /** Absent: a plain text with the failure's detail. */
  readonly renderFailure?: RenderFailure;
  /** For the access log and statistics. Must not keep `exchange`. */
  readonly onCompleted?: (exchange: CompletedCall) => void;
  /** Open connections of callers changed by this much (+1, -1). */
  readonly onConnections?: (change: number) => void;
}

/** Pool and session keys as every protocol has them, and what an answer may measure. */
export interface HttpDialOptions extends Omit<DialOptions, "config"> {
  readonly limits: HeadLimits;
  /**
   * A body announced as no longer than this is waited for, so that an answer that breaks within it
   * is no answer yet: the call can be tried again.
   */
  readonly maxWholeBodyBytes: number;
  /** Bytes of an answer nobody wants that are read to keep the connection. */
  readonly maxDrainBytes: number;
  /** How long to wait for a 100 before the body is sent anyway. */
  readonly continueTimeoutMs: number;
}

export interface HttpDialDeps {
  readonly clock: Clock;
  readonly stats: WireStats;
}
