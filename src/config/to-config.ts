// Turns what the schemas put out into a Config.
import { isLoopback } from "../core/address.ts";
import { emptyDtab } from "../core/names/dtab.ts";
import { join, pathLiteral } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";
import type { ObjectEntries } from "../core/schema.ts";
import { clientTlsOf, serverTlsOf } from "../core/tls/schema.ts";
import type { ClientTlsConfig } from "../core/tls/tls.ts";
import type { SocketOptions } from "../core/transport.ts";
import type {
  AnnouncerConfig,
  ClientConfig,
  ClientFilterConfig,
  Config,
  FaultConfig,
  NameServerConfig,
  RouterConfig,
  ServerConfig,
  ServiceConfig,
  TransformerConfig,
} from "./config.ts";
import type { KindConfig, Kinds, ProtocolKind } from "./kinds.ts";
import { policyOf } from "./policy.ts";
import type {
  CheckedClient,
  CheckedFile,
  CheckedRouter,
  CheckedServer,
  CheckedService,
} from "./schemas/file.ts";

/** `checked` is the output of the schema of `kinds`; `raw` is the file as it was written. */
export function toConfig(
  checked: CheckedFile,
  raw: Record<string, unknown>,
  kinds: Kinds,
  placeOf: PlaceOf,
): Omit<Config, "document"> {
  const { admin, log, limits, namers, telemetry, fleet } = checked;
  // Safe cast: the schema of every router has these keys beside the keys of its protocol.
  const { routers } = checked as { routers?: readonly CheckedRouter[] };
  return {
    admin: {
      host: admin.ip,
      port: admin.port,
      shutdownGraceMs: admin.shutdownGraceMs,
      security: admin.security ?? null,
      tls: admin.tls === undefined ? null : serverTlsOf(admin.tls),
      tokenPath: admin.token ?? null,
      isReadOnly: admin.readOnly,
      httpIdentifierPort: admin.httpIdentifierPort ?? null,
      socket: toSocketOptions(admin.socketOptions),
      announce: admin.announce,
      announcers: admin.announcers.map(toAnnouncer),
    },
    fleet: fleet ?? null,
    limits: {
      maxConnections: limits.maxConnections ?? Infinity,
      maxBufferedBytes:
        limits.maxBufferedMB === undefined ? null : limits.maxBufferedMB * 1024 * 1024,
      shedAboveLagMs: limits.shedAboveLagMs ?? Infinity,
    },
    logLevel: log.level,
    namers: namers.map((config) => ({
      id: idOf(config),
      config,
      transformers: toTransformers(config),
    })),
    routers: (routers ?? []).map((router, i) => {
      const tlsPlaces = tlsPlacesOf(router, (steps) => placeOf(["routers", i, ...steps]));
      return { ...toRouter(router, mapIn(raw, "routers", i), kinds), tlsPlaces };
    }),
    nameServer: toNameServer(checked),
    telemetry,
    raw,
  };
}

/** A rule of the file says that there are both sections or none. */
function toNameServer({ storage, interfaces }: CheckedFile): NameServerConfig | null {
  if (storage === undefined || interfaces === undefined) return null;
  return {
    storage,
    interfaces: interfaces.map((config) => {
      // Safe cast: the schema of every interface has this key.
      const { tls } = config as { readonly tls?: CheckedServer["tls"] };
      return { config, tls: tls === undefined ? null : serverTlsOf(tls) };
    }),
  };
}

/** For people: the file and the line of a key. */
export type PlaceOf = (steps: readonly (string | number)[]) => string;

function tlsPlacesOf({ client }: CheckedRouter, placeOf: PlaceOf): ReadonlyMap<string, string> {
  const places = (client.configs ?? []).flatMap(({ tls }, i): [string, string][] => {
    const steps = ["client", "configs", i, "tls"];
    return tls === undefined ? [] : [[`configs[${i}]`, placeOf(steps)]];
  });
  if (client.tls !== undefined) places.push(["", placeOf(["client", "tls"])]);
  return new Map(places);
}

/** `raw` is the router as it was written. */
function toRouter(router: CheckedRouter, raw: Data, kinds: Kinds): Omit<RouterConfig, "tlsPlaces"> {
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
    interpreter: { config: interpreter, transformers: toTransformers(interpreter) },
    originator: router.originator,
    allowSelfCalls: router.allowSelfCalls,
    servers: router.servers.map((server) => toServer(server, router, protocol)),
    announcers: router.announcers.map(toAnnouncer),
    service: policyOf<CheckedService, ServiceConfig>(
      router.service,
      mapIn(raw, "service"),
      (service) => toService(service, protocol),
    ),
    client: policyOf<CheckedClient, ClientConfig>(router.client, mapIn(raw, "client"), (client) =>
      toClient(client, router, protocol),
    ),
    clientTls: everyClientTls(router.client),
    config: pick(router, protocol.routerKeys),
  };
}

function toServer(
  server: CheckedServer,
  { callerDtab, callerDtabLimits }: CheckedRouter,
  protocol: ProtocolKind,
): ServerConfig {
  const { idleTimeMs, lifeTimeMs } = server.serverSession;
  // A dtab would lead a call that is permitted by its name to where it is not.
  const mode = server.allow !== undefined ? "none" : isLoopback(server.ip) ? "all" : "names";
  return {
    host: server.ip,
    port: server.port,
    socket: toSocketOptions(server.socketOptions),
    tls: server.tls === undefined ? null : serverTlsOf(server.tls),
    gate: null, // belongs to the process and is filled in by assemble
    idleTimeMs: idleTimeMs ?? Infinity,
    lifeTimeMs: lifeTimeMs ?? Infinity,
    maxConcurrentRequests: server.maxConcurrentRequests ?? Infinity,
    clearContext: server.clearContext,
    callerDtabLimits,
    halfCloseGraceMs: server.halfCloseGraceMs,
    callerDtab: {
      mode: callerDtab.mode ?? mode,
      allow: callerDtab.allow,
    },
    timeoutMs: server.timeoutMs ?? Infinity,
    allow: server.allow?.map(({ san, paths = null }) => ({ san, paths })) ?? null,
    announce: server.announce,
    config: pick(server, protocol.serverKeys),
  };
}

function toService(service: CheckedService, protocol: ProtocolKind): ServiceConfig {
  return {
    totalTimeoutMs: limitOf(service.totalTimeoutMs),
    responseClassifier: service.responseClassifier,
    retries: service.retries,
    rateLimit: service.rateLimit ?? null,
    config: pick(service, protocol.serviceKeys),
  };
}

function toClient(
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
    filters: toClientFilters(client),
    tls: clientTlsOf(client.tls),
    dial: {
      connectTimeoutMs: client.connectTimeoutMs,
      socket: toSocketOptions(client.socketOptions),
      minConnections: pool.minSize,
      maxConnections: pool.maxSize ?? Infinity,
      maxWaiters: pool.maxWaiters,
      maxWaitMs: bindingTimeoutMs,
      poolIdleMs: pool.idleTimeMs,
      idleTimeMs: session.idleTimeMs ?? Infinity,
      lifeTimeMs: session.lifeTimeMs ?? Infinity,
      config: pick(client, protocol.clientKeys),
    },
  };
}

function everyClientTls(section: CheckedRouter["client"]): ClientTlsConfig[] {
  return [section, ...(section.configs ?? [])]
    .map(({ tls }) => clientTlsOf(tls))
    .filter((tls) => tls !== null);
}

function toClientFilters(client: CheckedClient): ClientFilterConfig {
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
    faults: faults === undefined ? null : toFaults(faults),
  };
}

function toFaults({ enabled, ...setting }: NonNullable<CheckedClient["faults"]>): FaultConfig {
  return { isOn: enabled, ...setting };
}

function toSocketOptions(options: CheckedServer["socketOptions"]): SocketOptions {
  return {
    noDelay: options.noDelay,
    reusePort: options.reusePort,
    keepAlive: options.keepAlive ?? null,
    backlog: options.backlog ?? null,
    readTimeoutMs: options.readTimeoutMs ?? Infinity,
    writeTimeoutMs: options.writeTimeoutMs ?? Infinity,
  };
}

/** As in Linkerd, 0 and negative values switch a limit off. */
function limitOf(ms: number | undefined): number {
  return ms === undefined || ms <= 0 ? Infinity : ms;
}

function toTransformers(config: KindConfig): TransformerConfig[] {
  // Safe cast: the schema shared by all namers and interpreters has checked `transformers`.
  const list = (config["transformers"] ?? []) as readonly KindConfig[];
  return list.map((transformer) => ({
    idPrefix: join(pathLiteral("/%"), prefixOf(transformer)),
    config: transformer,
  }));
}

function toAnnouncer(config: KindConfig): AnnouncerConfig {
  return { id: idOf(config), config };
}

/** The prefix of all names of a namer or announcer. */
function idOf(config: KindConfig): Path {
  return join(pathLiteral("/#"), prefixOf(config));
}

/** A kind that defines `prefix` itself may leave it out; the kind's name is then the prefix. */
function prefixOf({ kind, prefix }: KindConfig): Path {
  return typeof prefix === "string" ? pathLiteral(prefix) : pathLiteral(`/${kind}`);
}

function pick(from: object, keys: ObjectEntries): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => Object.hasOwn(keys, key)));
}

type Data = Readonly<Record<string, unknown>>;

/** The map found by following `steps` through the written data; empty when it does not exist. */
function mapIn(data: Data, ...steps: readonly (string | number)[]): Data {
  let found: unknown = data;
  for (const step of steps) found = (found as Record<string | number, unknown> | null)?.[step];
  return (found ?? {}) as Data;
}
