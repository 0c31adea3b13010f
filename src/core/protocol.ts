// A protocol, as the core sees it: bytes on its side, calls on ours.
import type { ObjectEntries } from "./schema.ts";
import type { Address } from "./address.ts";
import type { Classifier, ClassifierPlugin, ResponseCounter, Verdict } from "./classifier.ts";
import type { Clock, Random } from "./clock.ts";
import type { IdentifierPlugin } from "./identifier.ts";
import type { Log } from "./log.ts";
import type { Explain, IsBound } from "./naming.ts";
import type { Request } from "./request.ts";
import type { Filter, Service } from "./service.ts";
import type { Stats } from "./stats.ts";
import type { Sampler } from "./tracing/sampler.ts";
import type { DialOptions, Listener, ListenOptions, Wire, WireStats } from "./transport.ts";

/** What every part of a protocol gets from the outside. */
export interface ProtocolDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The router's label: for log lines and the `Forwarded` header. */
  readonly label: string;
  /** Decides which traces are recorded. Absent: no spans are exported. */
  readonly sampler?: Sampler;
  /** The router's scope, `rt/<label>`. */
  readonly stats: Stats;
  /**
   * How a name is resolved at this moment, one step a line: for diagnostic responses, and for
   * people only. Absent where it is not known.
   */
  readonly explain?: Explain;
  /** Of the process's admin server, for people on this host; absent: there is none. */
  readonly adminUrl?: string | undefined;
  /** Whether a name is bound, as a hint for people. Absent where no name can be looked up. */
  readonly isBound?: IsBound;
}

/** What a configuration file may say of a protocol: read before any of its code runs. */
export interface ProtocolSchema<Req extends Request, Res> {
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
export interface Protocol<Req extends Request, Res> extends ProtocolSchema<Req, Res> {
  /** Made once for a router: what its servers and wires share (access log, error texts). */
  open(
    routerConfig: Readonly<Record<string, unknown>>,
    deps: ProtocolDeps,
  ): ProtocolRouter<Req, Res>;
}

/** One router's share of a protocol. Owned by assemble.ts, which closes it last. */
export interface ProtocolRouter<Req extends Request, Res> {
  /** The counter of responses for one scope; looked up once per scope. */
  responseCounter(stats: Stats): ResponseCounter<Res>;
  /**
   * Marks a response with its verdict for the caller (`l5d-success-class`). Called by the destination, with
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
   * The endpoint lives, and says that it has no room for this call (429, a nack in a response).
   * Asked only where the configuration makes use of it; absent: no response says so.
   */
  pushesBack?(response: Res): boolean;
  /** How a response ended, as the access log has it: `503`, `declared_exception`. Made for failed calls only. */
  statusOf(response: Res): string;
  /**
   * The protocol's filters around all attempts of a call, outermost first: `config` are its keys of the
   * service (`serviceKeys`). Absent: nothing.
   */
  serviceFilters?(config: Readonly<Record<string, unknown>>): readonly Filter<Req, Res>[];
  /**
   * This response goes nowhere: the call is sent again. Its body is drained when that is little,
   * otherwise its connection closes; either way the attempt ends. Absent: responses come whole.
   */
  discard?(response: Res): void;
  /** How a server counts its responses: by the mark, else by the protocol's own rule. */
  readonly serverClassifier: Classifier<Req, Res>;
  /**
   * What the protocol reads from each call of a server and adds to it (context, loop guards),
   * outermost first; they stand between the server's statistics and the router.
   */
  serverFilters(options: ListenOptions): readonly Filter<Req, Res>[];
  /** The request that a head begins, or why it is none: to be named, not sent. Absent: not HTTP. */
  requestOf?(head: Buffer): Req | string;
  /** Accepts connections, decodes requests, hands each to `service`, writes responses and failures. */
  listen(options: ListenOptions, service: Service<Req, Res>, stats: Stats): Promise<Listener>;
  /** The wire to one address. Owns its sockets; dials when first used; may reply synchronously. */
  dial(address: Address, options: DialOptions, stats: WireStats): Wire<Req, Res>;
  /** Flushes and closes what the router owns itself, such as its access log. */
  close(): Promise<void>;
}
