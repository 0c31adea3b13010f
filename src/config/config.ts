// A checked configuration as the rest of the program wants it: numbers in units, nothing optional.
import { emptyDtab } from "../core/names/dtab.ts";
import { join, pathLiteral } from "../core/names/path.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { ObjectEntries } from "../core/schema.ts";
import type { Path } from "../core/names/path.ts";
import type { DialOptions, ListenOptions, SocketOptions } from "../core/transport.ts";
import type { BackoffConfig, BudgetConfig } from "../core/retry-schema.ts";
import { policyOf } from "./policy.ts";
import type { Policy } from "./policy.ts";
import type { KindConfig, Kinds, ProtocolKind } from "./kinds.ts";
import type {
  CheckedClient,
  CheckedFile,
  CheckedRouter,
  CheckedServer,
  CheckedService,
} from "./schemas/file.ts";

/** Times are milliseconds unless their name says otherwise; Infinity means no limit. */
export interface Config {
  readonly admin: AdminConfig;
  readonly limits: LimitsConfig;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** In the order of the file. */
  readonly namers: readonly NamerConfig[];
  readonly routers: readonly RouterConfig[];
  /** Each is what its plugin's `create` takes. */
  readonly telemetry: readonly KindConfig[];
  /** The file as plain JSON, as it was written. Holds secrets: see `redact`. */
  readonly raw: Readonly<Record<string, unknown>>;
}

interface AdminConfig {
  readonly host: string;
  readonly port: number;
  readonly shutdownGraceMs: number;
  readonly socket: SocketOptions;
}

/** Of the whole process. */
interface LimitsConfig {
  readonly maxConnections: number;
  readonly maxBufferedBytes: number;
  readonly shedAboveLagMs: number;
}

interface NamerConfig {
  /** `/#` and its prefix, such as `/#/io.l5d.fs`. */
  readonly id: Path;
  /** What its plugin's `create` takes. */
  readonly config: KindConfig;
  readonly transformers: readonly TransformerConfig[];
}

/** What its plugin's `create` takes; `idPrefix` is the configured prefix below `/%`. */
export interface TransformerConfig {
  readonly idPrefix: Path;
  readonly config: KindConfig;
}

export interface RouterConfig {
  readonly protocol: string;
  readonly label: string;
  readonly dstPrefix: Path;
  readonly dtab: Dtab;
  readonly bindingTimeoutMs: number;
  readonly bindingCache: BindingCacheConfig;
  /** Names that get a metrics scope of their own. */
  readonly maxServiceNames: number;
  readonly interpreter: {
    readonly config: KindConfig;
    readonly transformers: readonly TransformerConfig[];
  };
  /** Tried in this order; never empty. */
  readonly identifiers: readonly KindConfig[];
  readonly originator: boolean;
  readonly servers: readonly ServerConfig[];
  readonly announcers: readonly AnnouncerConfig[];
  /** By logical name. */
  readonly service: Policy<ServiceConfig>;
  /** By the id of what a name is bound to. */
  readonly client: Policy<ClientConfig>;
  /** The protocol's own keys of the router (`routerKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Where a router listens, and what others are told of it. */
export interface ServerConfig extends ListenOptions {
  /** Such as `/#/io.l5d.consul/users`. */
  readonly announce: readonly Path[];
}

interface AnnouncerConfig {
  /** `/#` and its prefix, such as `/#/io.l5d.consul`. */
  readonly id: Path;
  /** What its plugin's `create` takes. */
  readonly config: KindConfig;
}

interface BindingCacheConfig {
  readonly paths: number;
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlSecs: number;
}

export interface ServiceConfig {
  readonly totalTimeoutMs: number;
  readonly responseClassifier: KindConfig;
  readonly retries: RetriesConfig;
  readonly rateLimit: RateLimitConfig | null;
  /** The protocol's own keys of the service (`serviceKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

interface RetriesConfig {
  readonly budget: BudgetConfig;
  readonly backoff: BackoffConfig;
  readonly maxAttempts: number;
}

interface RateLimitConfig {
  readonly perSec: number;
  readonly burst: number;
}

/** What stands around the calls of a client; null and false: nothing. */
interface ClientFilterConfig {
  readonly rateLimit: RateLimitConfig | null;
  readonly concurrency: KindConfig | null;
  readonly nackAdmission: { readonly windowMs: number; readonly threshold: number } | null;
  /** `maxExtraLoad` is a share, 0 to 1. */
  readonly hedge: { readonly percentile: number; readonly maxExtraLoad: number } | null;
  readonly failFast: boolean;
  readonly faults: FaultConfig | null;
}

interface FaultConfig {
  readonly isOn: boolean;
  readonly delayMs: number;
  readonly delayPercent: number;
  readonly abortPercent: number;
}

export interface ClientConfig {
  readonly loadBalancer: KindConfig;
  readonly failureAccrual: KindConfig;
  readonly requestAttemptTimeoutMs: number;
  readonly requeueBudget: BudgetConfig;
  readonly filters: ClientFilterConfig;
  readonly dial: DialOptions;
}

/** Takes what the schema of `kinds` has put out, and the file as it was written. */
export function configOf(checked: CheckedFile, raw: Record<string, unknown>, kinds: Kinds): Config {
  const { admin, log, limits, namers, telemetry } = checked;
  // The cast: the schema of each router holds these keys, beside those of its protocol.
  const { routers } = checked as { routers?: readonly CheckedRouter[] };
  return {
    admin: {
      host: admin.ip,
      port: admin.port,
      shutdownGraceMs: admin.shutdownGraceMs,
      socket: socketOf(admin.socketOptions),
    },
    limits: {
      maxConnections: limits.maxConnections ?? Infinity,
      maxBufferedBytes: (limits.maxBufferedMB ?? Infinity) * 1024 * 1024,
      shedAboveLagMs: limits.shedAboveLagMs ?? Infinity,
    },
    logLevel: log.level,
    namers: namers.map((config) => ({
      id: idOf(config),
      config,
      transformers: transformersOf(config),
    })),
    routers: (routers ?? []).map((router, i) => routerOf(router, mapIn(raw, "routers", i), kinds)),
    telemetry,
    raw,
  };
}

/** `raw` is the router as it was written. */
function routerOf(router: CheckedRouter, raw: Data, kinds: Kinds): RouterConfig {
  const protocol = kinds.protocols.find(({ name }) => name === router.protocol);
  if (protocol === undefined) throw new Error(`bug: unchecked protocol ${router.protocol}`);
  const { interpreter } = router;
  return {
    protocol: router.protocol,
    label: router.label,
    dstPrefix: router.dstPrefix,
    dtab: router.dtab ?? router.baseDtab ?? emptyDtab,
    identifiers: router.identifier,
    bindingTimeoutMs: router.bindingTimeoutMs,
    bindingCache: router.bindingCache,
    maxServiceNames: router.maxServiceNames,
    interpreter: { config: interpreter, transformers: transformersOf(interpreter) },
    originator: router.originator,
    servers: router.servers.map((server) => serverOf(server, protocol)),
    announcers: router.announcers.map((config) => ({ id: idOf(config), config })),
    service: policyOf<CheckedService, ServiceConfig>(
      router.service,
      mapIn(raw, "service"),
      (service) => serviceOf(service, protocol),
    ),
    client: policyOf<CheckedClient, ClientConfig>(router.client, mapIn(raw, "client"), (client) =>
      clientOf(client, router, protocol),
    ),
    config: only(router, protocol.routerKeys),
  };
}

function serverOf(server: CheckedServer, protocol: ProtocolKind): ServerConfig {
  const { idleTimeMs, lifeTimeMs } = server.serverSession;
  return {
    host: server.ip,
    port: server.port,
    socket: socketOf(server.socketOptions),
    gate: null, // the process's own: assemble knows it
    idleTimeMs: idleTimeMs ?? Infinity,
    lifeTimeMs: lifeTimeMs ?? Infinity,
    maxConcurrentRequests: server.maxConcurrentRequests ?? Infinity,
    clearContext: server.clearContext,
    timeoutMs: server.timeoutMs ?? Infinity,
    announce: server.announce,
    config: only(server, protocol.serverKeys),
  };
}

function serviceOf(service: CheckedService, protocol: ProtocolKind): ServiceConfig {
  return {
    totalTimeoutMs: limitOf(service.totalTimeoutMs),
    responseClassifier: service.responseClassifier,
    retries: service.retries,
    rateLimit: service.rateLimit ?? null,
    config: only(service, protocol.serviceKeys),
  };
}

function clientOf(
  client: CheckedClient,
  { bindingTimeoutMs }: CheckedRouter,
  protocol: ProtocolKind,
): ClientConfig {
  const { hostConnectionPool: pool, clientSession: session } = client;
  return {
    loadBalancer: client.loadBalancer,
    failureAccrual: client.failureAccrual,
    requestAttemptTimeoutMs: limitOf(client.requestAttemptTimeoutMs),
    requeueBudget: client.requeueBudget,
    filters: guardsOf(client),
    dial: {
      connectTimeoutMs: client.connectTimeoutMs,
      socket: socketOf(client.socketOptions),
      minConnections: pool.minSize,
      maxConnections: pool.maxSize ?? Infinity,
      maxWaiters: pool.maxWaiters,
      maxWaitMs: bindingTimeoutMs,
      poolIdleMs: pool.idleTimeMs,
      idleTimeMs: session.idleTimeMs ?? Infinity,
      lifeTimeMs: session.lifeTimeMs ?? Infinity,
      config: only(client, protocol.clientKeys),
    },
  };
}

function guardsOf(client: CheckedClient): ClientFilterConfig {
  const { rateLimit, concurrency, nackAdmission, hedge, failFast, faults } = client;
  return {
    rateLimit: rateLimit ?? null,
    concurrency: concurrency ?? null,
    nackAdmission: nackAdmission ?? null,
    hedge:
      hedge === undefined
        ? null
        : { percentile: hedge.percentile, maxExtraLoad: hedge.maxExtraLoadPercent / 100 },
    failFast,
    faults: faults === undefined ? null : faultsOf(faults),
  };
}

function faultsOf({ enabled, ...setting }: NonNullable<CheckedClient["faults"]>): FaultConfig {
  return { isOn: enabled, ...setting };
}

function socketOf(options: CheckedServer["socketOptions"]): SocketOptions {
  return {
    noDelay: options.noDelay,
    reusePort: options.reusePort,
    keepAlive: options.keepAlive ?? null,
    backlog: options.backlog ?? null,
    readTimeoutMs: options.readTimeoutMs ?? Infinity,
    writeTimeoutMs: options.writeTimeoutMs ?? Infinity,
  };
}

/** As in Linkerd: 0 and less switch a limit off. */
function limitOf(ms: number | undefined): number {
  return ms === undefined || ms <= 0 ? Infinity : ms;
}

function transformersOf(config: KindConfig): TransformerConfig[] {
  // The cast: `transformers` was checked by the schema that every namer and interpreter shares.
  const list = (config["transformers"] ?? []) as readonly KindConfig[];
  return list.map((transformer) => ({
    idPrefix: join(pathLiteral("/%"), prefixOf(transformer)),
    config: transformer,
  }));
}

/** The beginning of a namer's or an announcer's names. */
function idOf(config: KindConfig): Path {
  return join(pathLiteral("/#"), prefixOf(config));
}

/** A namer's or transformer's prefix; a kind with a `prefix` of its own may leave it out. */
function prefixOf({ kind, prefix }: KindConfig): Path {
  return typeof prefix === "string" ? pathLiteral(prefix) : pathLiteral(`/${kind}`);
}

function only(from: object, keys: ObjectEntries): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => Object.hasOwn(keys, key)));
}

type Data = Readonly<Record<string, unknown>>;

/** The map at that place of data as it was written; empty when there is none. */
function mapIn(data: Data, ...steps: readonly (string | number)[]): Data {
  let found: unknown = data;
  for (const step of steps) found = (found as Record<string | number, unknown> | null)?.[step];
  return (found ?? {}) as Data;
}
