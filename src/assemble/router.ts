// One router of the configuration, running: identifiers, policy, servers, each with its statistics.
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "../config/config.ts";
import type { RouterCalls } from "../core/calls/hub.ts";
import type { Clock, Random } from "../core/clock.ts";
import { firstOf } from "../core/identifier.ts";
import type { Identifier } from "../core/identifier.ts";
import type { Log } from "../core/log.ts";
import type { Explain, Interpreter, IsBound } from "../core/naming.ts";
import type { Sampler } from "../core/tracing/sampler.ts";
import type { Path } from "../core/names/path.ts";
import { pluginOf } from "../core/plugin.ts";
import type { Request } from "../core/request.ts";
import type { Listener, ListenOptions } from "../core/transport.ts";
import type { Protocol, ProtocolRouter } from "../core/protocol.ts";
import type { Stats } from "../core/stats.ts";
import type { ProcessLimits } from "../runtime/process-limits.ts";
import type { AccrualPlugin } from "../routing/accrual.ts";
import { backoffOf } from "../core/pacing/backoff.ts";
import { withFailFast } from "../routing/accruals/fail-fast.ts";
import { guardOf } from "../routing/allow.ts";
import type { BalancerPlugin } from "../routing/balancers/balancer.ts";
import type { ClientOptions, ServiceOptions } from "../routing/options.ts";
import type { LimiterPlugin } from "../routing/limiters/limiter.ts";
import { createRouter } from "../routing/router.ts";
import type { Router } from "../routing/router.ts";
import { serverStack } from "../routing/stacks.ts";
import type { TlsStore } from "../net/tls/tls-store.ts";
import type { Announcing } from "./announcing.ts";
import { identifying } from "./identifying.ts";
import type { Identify } from "./identifying.ts";
import { clientTlsOf, serverTlsOf } from "./tls.ts";
import type { OwnListeners } from "./own-listeners.ts";

export interface RouterParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `rt/<label>`. */
  readonly stats: Stats;
  readonly sampler: Sampler;
  readonly interpreter: Interpreter;
  readonly explain: Explain;
  readonly isBound: IsBound;
  readonly adminUrl: string;
  /** Of this router. */
  readonly calls: RouterCalls;
  /** Closed by the router. */
  readonly announcing: Announcing;
  readonly ownListeners: OwnListeners;
  readonly balancers: readonly BalancerPlugin[];
  readonly accruals: readonly AccrualPlugin[];
  readonly limiters: readonly LimiterPlugin[];
  /** Of the process. */
  readonly limits: Pick<ProcessLimits, "connections" | "refusal">;
  /** null: the configuration has no TLS. */
  readonly tls: TlsStore | null;
}

/** A router as the rest of the process sees it, whatever its protocol. */
export interface OpenRouter extends Pick<
  Router<Request, unknown>,
  | "destinations"
  | "clusters"
  | "eachCluster"
  | "troubledClusters"
  | "troubledNames"
  | "sizes"
  | "clientState"
  | "faults"
> {
  readonly label: string;
  readonly listeners: readonly Listener[];
  /** What it would name a request with this head; null: the protocol has no such heads. */
  readonly identify: Identify | null;
  /** What is announced of its servers, and how that goes. */
  announced(): readonly Readonly<Record<string, unknown>>[];
  /** Withdraws what was announced, stops listening, lets calls end within `graceMs`, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

export async function openRouter<Req extends Request, Res>(
  protocol: Protocol<Req, Res>,
  config: RouterConfig,
  parts: RouterParts,
): Promise<OpenRouter> {
  const { log, stats } = parts;
  const { label } = config;
  const protocolRouter = protocol.open(config.config, { ...parts, label });
  const router = routerOf(protocol, protocolRouter, config, parts);
  if (config.originator) stats.gauge(() => 1, "originator");
  const listeners: Listener[] = [];
  const close = async (graceMs: number): Promise<void> => {
    // A server that takes no calls must not stay announced.
    await parts.announcing.close();
    await Promise.all(listeners.map((listener) => listener.close(graceMs)));
    // Callers have their responses, or have left: what is still pending has no caller.
    await router.close(0);
    await protocolRouter.close();
    stats.prune();
  };
  // Before the first call, which may name any of them.
  for (const options of config.servers) parts.ownListeners.add(options, label);
  try {
    for (const options of config.servers) {
      const listener = await listen(protocolRouter, options, router, parts);
      listeners.push(listener);
      const { host, port } = listener;
      if (options.port === 0) parts.ownListeners.add(listener, label);
      parts.announcing.announce(options, listener);
      log.info({ event: "listening", router: label, protocol: protocol.name, host, port });
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    label,
    listeners,
    destinations: () => router.destinations(),
    clusters: () => router.clusters(),
    eachCluster: (id) => router.eachCluster(id),
    troubledClusters: () => router.troubledClusters(),
    troubledNames: () => router.troubledNames(),
    sizes: () => router.sizes(),
    clientState: () => router.clientState(),
    identify: identifying(protocolRouter, identifierOf(protocol, config), config),
    announced: () => parts.announcing.states(),
    faults: router.faults,
    close,
  };
}

function routerOf<Req extends Request, Res>(
  protocol: Protocol<Req, Res>,
  protocolRouter: ProtocolRouter<Req, Res>,
  config: RouterConfig,
  parts: RouterParts,
): Router<Req, Res> {
  const { service, client } = config;
  return createRouter<Req, Res>({
    ...parts,
    identify: identifierOf(protocol, config),
    dtab: config.dtab,
    bindingTimeoutMs: config.bindingTimeoutMs,
    bindingCache: config.bindingCache,
    // A name in the cache has its scope; names beyond, which only one-shot paths have, share one.
    maxServiceNames: config.bindingCache.paths,
    protocol: protocolRouter,
    serviceOptions: onceFor(
      (dst: Path) => service.of(dst),
      (options) => serviceOptionsOf(protocol, protocolRouter, options, parts),
    ),
    clientOptions: (id) => ({
      ...clientOptionsOf(client.of(id), parts),
      dial: { ...client.of(id).dial, tls: clientTlsOf(config, id, parts.tls) },
    }),
  });
}

function identifierOf<Req extends Request, Res>(
  { identifiers }: Protocol<Req, Res>,
  { identifiers: configured, dstPrefix: prefix }: RouterConfig,
): Identifier<Req> {
  return firstOf(configured.map((each) => pluginOf(identifiers, each).create(each, { prefix })));
}

/** What `make` gives for what `find` finds: the same again for the same. */
function onceFor<Key, Found extends object, Made>(
  find: (key: Key) => Found,
  make: (found: Found) => Made,
): (key: Key) => Made {
  const known = new WeakMap<Found, Made>();
  return (key) => {
    const found = find(key);
    let made = known.get(found);
    if (made === undefined) known.set(found, (made = make(found)));
    return made;
  };
}

function serviceOptionsOf<Req extends Request, Res>(
  protocol: Protocol<Req, Res>,
  protocolRouter: ProtocolRouter<Req, Res>,
  service: ServiceConfig,
  { random }: RouterParts,
): ServiceOptions<Req, Res> {
  const { responseClassifier, retries } = service;
  return {
    classifier: pluginOf(protocol.classifiers, responseClassifier).create(
      responseClassifier,
      undefined,
    ),
    totalTimeoutMs: service.totalTimeoutMs,
    retries: { ...retries, backoff: () => backoffOf(retries.backoff, random) },
    filters: protocolRouter.serviceFilters?.(service.config) ?? [],
    rateLimit: service.rateLimit,
  };
}

function clientOptionsOf(client: ClientConfig, parts: RouterParts): Omit<ClientOptions, "dial"> {
  const { loadBalancer, failureAccrual } = client;
  const { concurrency } = client.filters;
  const accrual = pluginOf(parts.accruals, failureAccrual).create(failureAccrual, parts);
  return {
    balancing: pluginOf(parts.balancers, loadBalancer).create(loadBalancer, parts),
    accrual: client.filters.failFast ? withFailFast(accrual, parts.random) : accrual,
    filters: {
      ...client.filters,
      concurrency:
        concurrency === null
          ? null
          : pluginOf(parts.limiters, concurrency).create(concurrency, undefined),
    },
    attemptTimeoutMs: client.requestAttemptTimeoutMs,
    requeueBudget: client.requeueBudget,
  };
}

async function listen<Req extends Request, Res>(
  protocol: ProtocolRouter<Req, Res>,
  { tls: tlsConfig, ...rest }: ServerConfig,
  router: Router<Req, Res>,
  { clock, stats: routerStats, limits, tls: store, calls }: RouterParts,
): Promise<Listener> {
  const stats = routerStats.scope("server", `${rest.host}/${rest.port}`);
  const { refusal, connections: gate } = limits;
  const { allow } = rest;
  const setting = `allow of the server at port ${rest.port}`;
  const route =
    allow === null
      ? router.service
      : router.guarded(guardOf(allow, setting, stats.counter("allow", "refused")));
  // Port 0 lets the system choose; calls come when it has.
  let bound: Pick<Listener, "host" | "port"> = rest;
  const options: ListenOptions = {
    ...rest,
    gate,
    tls: serverTlsOf(tlsConfig, store, stats),
    calls: calls.server(() => bound),
  };
  const { callerDtab } = rest;
  const service = serverStack({ clock, stats, options, callerDtab, refusal, protocol }, route);
  const listener = await protocol.listen(options, service, stats);
  bound = listener;
  // No call has come yet: the metrics tell which port it was.
  if (options.port === 0) stats.rename(`${options.host}/${listener.port}`);
  return listener;
}
