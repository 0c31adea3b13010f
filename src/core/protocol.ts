// What a protocol is to the core: bytes on its side, calls on ours.
import type { GenericSchema, ObjectEntries } from "./schema.ts";
import type { Clock, Random } from "./clock.ts";
import type { Dtab } from "./names/dtab.ts";
import type { Failure } from "./failure.ts";
import type { Path } from "./names/path.ts";
import type { Log } from "./log.ts";
import type { Plugin } from "./plugin.ts";
import type { Filter, Service } from "./service.ts";
import type { Counter, Histogram, Stats } from "./stats.ts";

/** All the router may know of a request. Protocols add their own fields. */
export interface Call {
  /** When the caller stops waiting, in `Clock.nowMs` milliseconds; Infinity: never. */
  deadlineMs: number;
  /** Overrides sent with the request; applied after the router's own dtab. Usually empty. */
  readonly localDtab: Dtab;
  /** True while the whole request is still at hand and can be sent again. */
  readonly replayable: boolean;
  /**
   * True when sending it twice has the effect of sending it once: by its method (RFC 9110 section
   * 9.2.2), or because the configuration says so. Never of a call that gets no answer.
   */
  readonly idempotent: boolean;

  // Where it went. Written by the router on the way down; read by the wire, the log and filters.
  /** The logical name, such as `/svc/users`; null until identified. */
  dst: Path | null;
  /** What it was bound to; null until that was chosen. */
  bound: BoundName | null;
  /** The chosen endpoint; null until one was chosen. */
  endpoint: Address | null;
  /** The router's own notes, which nobody else reads: its path, and the path's hold on a cluster. */
  path: object | null;
  attachment: object | null;
  /** The faults that were injected into it, for the caller to see; absent: none. */
  fault?: string;
}

/** A logical name and what it was bound to: one for all its calls, until it is bound anew. */
export interface BoundName {
  readonly dst: Path;
  /** The id of the bound name, such as `/#/io.l5d.fs/users`. */
  readonly id: Path;
  /** What the bound name left unused, `/` when nothing. */
  readonly residual: Path;
  /** The protocol's: what it made of these names for the first call; null: nothing yet. */
  note: string | null;
}

/** One place that takes calls. `meta` is what discovery knows of it beyond the address. */
export interface Address {
  /** An IP literal; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Share of traffic relative to the other addresses of the set; 1 unless discovery says. */
  readonly weight: number;
  /** `authority`: the Host header that the endpoint wants; `nodeName`, ... */
  readonly meta?: Readonly<Record<string, string>>;
}

export interface Unidentified {
  readonly unidentified: string;
  /** The request says its name, and says it badly: no further identifier gives it another. */
  readonly isFinal?: true;
}

/** Names a request, or says why it has no name. Synchronous: it may look at the head only. */
export type Identifier<Req> = (request: Req) => Path | Unidentified;

/** What an answer, or its absence, means for retries and for the endpoint's health. */
export type Verdict = "success" | "failure" | "retryable" | "ignorable";

/** `response` is null when the call failed before its head came. */
export type Classifier<Req, Res> = (
  request: Req,
  response: Res | null,
  failure: Failure | null,
) => Verdict;

/** Counts one ended call in the protocol's own terms, such as `status/200` and `time/2XX`. */
export type ResponseCounter<Res> = (
  response: Res | null,
  failure: Failure | null,
  latencyMs: number,
) => void;

export interface IdentifierDeps {
  /** The router's `dstPrefix`. */
  readonly prefix: Path;
}
export type IdentifierPlugin<Req> = Plugin<GenericSchema, IdentifierDeps, Identifier<Req>>;
export type ClassifierPlugin<Req, Res> = Plugin<GenericSchema, void, Classifier<Req, Res>>;

/** What every part of a protocol gets from the outside. */
export interface ProtocolDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The router's label: for log lines and the `Forwarded` header. */
  readonly label: string;
  /** The router's scope, `rt/<label>`. */
  readonly stats: Stats;
  /**
   * How a name is resolved at this moment, one step a line: for diagnostic answers, and for
   * people only. Absent where nobody can tell.
   */
  explain?(dst: Path, localDtab: Dtab): string;
}

/** What a configuration file may say of a protocol: read before any of its code runs. */
export interface ProtocolSchema<Req extends Call, Res> {
  readonly name: string;
  readonly defaultPort: number;
  readonly identifiers: readonly IdentifierPlugin<Req>[];
  /** Kinds that are tried when the configuration names none. */
  readonly defaultIdentifier: string;
  readonly classifiers: readonly ClassifierPlugin<Req, Res>[];
  readonly defaultClassifier: string;
  readonly routerKeys: ObjectEntries;
  readonly serverKeys: ObjectEntries;
  readonly clientKeys: ObjectEntries;
  readonly serviceKeys: ObjectEntries;
}

/**
 * A protocol adapter. Knows no dtab, no balancer, no configuration file: `routerKeys`,
 * `serverKeys`, `clientKeys` and `serviceKeys` are the schemas of the keys it adds to those
 * sections, and the parsed objects come back in as `config`.
 */
export interface Protocol<Req extends Call, Res> extends ProtocolSchema<Req, Res> {
  /** Made once for a router: what its servers and wires share (access log, error texts). */
  open(
    routerConfig: Readonly<Record<string, unknown>>,
    deps: ProtocolDeps,
  ): ProtocolRouter<Req, Res>;
}

/** One router's share of a protocol. Owned by assemble.ts, which closes it last. */
export interface ProtocolRouter<Req extends Call, Res> {
  /** The counter of answers for one scope; looked up once per scope. */
  responseCounter(stats: Stats): ResponseCounter<Res>;
  /**
   * Tells the caller what its answer was taken for (`l5d-success-class`). Called by the path, with
   * the verdict of the service's classifier, on the head that goes to the caller, before it goes.
   */
  mark(response: Res, verdict: Verdict): void;
  /**
   * The same request again, to be sent beside the first: what one of them writes on its way the
   * other does not see. null: this one cannot be; absent: none can. Only asked for idempotent
   * requests that are replayable.
   */
  copy?(request: Req): Req | null;
  /**
   * The endpoint lives, and says that it has no room for this call (429, a nack in an answer).
   * Asked only where the configuration makes a difference of it; absent: no answer says so.
   */
  pushesBack?(response: Res): boolean;
  /**
   * What the protocol puts around all tries of a call, outermost first: `config` are its keys of the
   * service (`serviceKeys`). Absent: nothing.
   */
  serviceFilters?(config: Readonly<Record<string, unknown>>): readonly Filter<Req, Res>[];
  /**
   * Nobody gets this answer: the call is tried again. Its body is drained when that is little, else
   * its connection closes; either way the try ends. Absent: answers come whole.
   */
  discard?(response: Res): void;
  /** How a server counts what it answered: by the mark, else by the protocol's own rule. */
  readonly serverClassifier: Classifier<Req, Res>;
  /**
   * What the protocol reads from each call of a server and adds to it (context, loop guards),
   * outermost first; they stand between the server's statistics and the router.
   */
  serverFilters(options: ListenOptions): readonly Filter<Req, Res>[];
  /** Accepts connections, decodes requests, hands each to `service`, writes answers and failures. */
  listen(options: ListenOptions, service: Service<Req, Res>, stats: Stats): Promise<Listener>;
  /** The wire to one address. Owns its sockets; dials when first used; may reply synchronously. */
  dial(address: Address, options: DialOptions, stats: WireStats): Wire<Req, Res>;
  /** Flushes and closes what the router owns itself, such as its access log. */
  close(): Promise<void>;
}

export interface Wire<Req, Res> {
  readonly service: Service<Req, Res>;
  readonly status: "open" | "busy" | "closed";
  /** Closes idle sockets at once, busy ones when their call ends or `graceMs` has passed. */
  close(graceMs: number): void;
}

export interface Listener {
  readonly host: string;
  /** The port that was bound: the real one when 0 was asked for. */
  readonly port: number;
  /** Stops accepting at once; resolves when the last call has ended or `graceMs` has passed. */
  close(graceMs: number): Promise<void>;
}

/** Counts the connections of callers, on all servers together. */
export interface ConnectionGate {
  /** false: one too many, close it at once; it was not counted. */
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
  /** A connection without a call in progress is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed after the call in progress. */
  readonly lifeTimeMs: number;
  /** Request N+1 is refused at once, retryable. */
  readonly maxConcurrentRequests: number;
  /** Throw away context that callers sent (dtabs, deadlines, traces). */
  readonly clearContext: boolean;
  /** Total time for a request as the server sees it; Infinity unless configured. */
  readonly timeoutMs: number;
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
  readonly connectTimeoutMs: number;
  readonly socket: SocketOptions;
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
  /** Dials that nobody wanted any more before they came about. */
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
