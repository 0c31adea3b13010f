// Calls in, calls out: names each call, finds the path of that name, and owns all below it.
import type { Guard } from "./allow.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { showDtab } from "../core/names/dtab.ts";
import { failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { Bound, Explain, Interpreter } from "../core/naming.ts";
import type { Path } from "../core/names/path.ts";
import type { Request } from "../core/request.ts";
import type { Identifier } from "../core/identifier.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Service } from "../core/service.ts";
import { ended } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import { clientState } from "./cluster-view.ts";
import type { ClientState, ClusterView } from "./cluster-view.ts";
import { Cluster } from "./cluster.ts";
import { traceLimiter } from "./trace-limiter.ts";
import type { Trace } from "./trace-limiter.ts";
import { FaultSwitches } from "./filters/fault-switches.ts";
import { IdleCache } from "./idle-cache.ts";
import { ClusterHandle } from "./cluster-handle.ts";
import type { BindingCacheOptions, ClientOptions, ServiceOptions } from "./options.ts";
import type { DestinationView, NameTrouble } from "./destination.ts";
import { Destination } from "./destination.ts";
import { destinationStack } from "./stacks.ts";
import { ServiceScopes } from "./stats/service-scopes.ts";

export interface RouterDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `rt/<label>`. */
  readonly stats: Stats;
  readonly identify: Identifier<Req>;
  readonly interpreter: Interpreter;
  /** The router's own dtab; what a call brings with it comes after. */
  readonly dtab: Dtab;
  readonly bindingTimeoutMs: number;
  readonly bindingCache: BindingCacheOptions;
  /** Logical names with statistics of their own; more share one scope. */
  readonly maxServiceNames: number;
  readonly protocol: Pick<
    ProtocolRouter<Req, Res>,
    "dial" | "responseCounter" | "pushesBack" | "statusOf" | "copy" | "mark" | "discard"
  >;
  /** The same object for names whose options are the same. */
  serviceOptions(dst: Path): ServiceOptions<Req, Res>;
  clientOptions(id: Path): ClientOptions;
  readonly explain: Explain;
}

export interface Router<Req extends Request, Res> {
  readonly service: Service<Req, Res>;
  /** The same for a server that not everybody may call every name of. */
  guarded(guard: Guard): Service<Req, Res>;
  /** Calls begun and not ended. */
  readonly pending: number;
  /** The switches of fault injection of its clients. */
  readonly faults: FaultSwitches;
  destinations(): readonly DestinationView[];
  clusters(): readonly ClusterView[];
  /** The same, or the one with this id, made when they are read. Those that close meanwhile are left out. */
  eachCluster(id?: string | null): Iterable<ClusterView>;
  /** Those with something that people should know; null stands for each of the others. */
  troubledClusters(): Iterable<ClusterView | null>;
  /** Names whose calls find no address; null stands for each of the others. */
  troubledNames(): Iterable<NameTrouble | null>;
  sizes(): { readonly clients: number; readonly endpoints: number };
  /** As `/client_state.json` shows it: by bound id. */
  clientState(): Readonly<Record<string, ClientState>>;
  /** Resolves when all calls have ended, at the latest after `graceMs`, which breaks them. */
  close(graceMs: number): Promise<void>;
}

const resolvedElsewhere =
  "A name server resolves this name: change the dtab there (switchyard dtab edit), or register the service where it points to.";

export function createRouter<Req extends Request, Res>(
  deps: RouterDeps<Req, Res>,
): Router<Req, Res> {
  return new RunningRouter(deps);
}

class RunningRouter<Req extends Request, Res> implements Router<Req, Res> {
  readonly service: Service<Req, Res>;
  readonly faults = new FaultSwitches();
  readonly #deps: RouterDeps<Req, Res>;
  readonly #limitTrace: (trace: Trace) => Trace;
  readonly #paths: IdleCache<Destination<Req, Res>>;
  readonly #clusters: IdleCache<Cluster<Req, Res>>;
  readonly #serviceScopes: ServiceScopes;
  /** Those for which the caches had no room, by key: they close themselves after use. */
  readonly #oneShotPaths = new Map<string, Destination<Req, Res>>();
  readonly #oneShotClusters = new Map<Path, Cluster<Req, Res>>();
  /** Paths with the same options share the filters. */
  readonly #services = new WeakMap<ServiceOptions<Req, Res>, Service<Req, Res>>();
  readonly #pathTouched = (path: Destination<Req, Res>): void => {
    this.#paths.touch(path);
    if (this.#whenIdle !== null && this.pending === 0) this.#whenIdle();
  };
  #isClosed = false;
  /** Somebody waits for the last call to end. */
  #whenIdle: (() => void) | null = null;

  constructor(deps: RouterDeps<Req, Res>) {
    const { clock, stats, bindingCache, maxServiceNames } = deps;
    const idleTtlMs = Math.max(1, bindingCache.idleTtlSecs) * 1_000;
    const cacheStats = stats.scope("bindcache");
    this.#deps = deps;
    this.#limitTrace = traceLimiter(clock);
    this.#paths = new IdleCache({
      capacity: bindingCache.paths,
      idleTtlMs,
      clock,
      stats: cacheStats.scope("path"),
    });
    this.#clusters = new IdleCache({
      capacity: bindingCache.clients,
      idleTtlMs,
      clock,
      stats: cacheStats.scope("client"),
    });
    this.#serviceScopes = new ServiceScopes(stats, clock, maxServiceNames);
    this.service = this.#route(null);
  }

  guarded(guard: Guard): Service<Req, Res> {
    return this.#route(guard);
  }

  get pending(): number {
    let pending = 0;
    for (const path of this.#allPaths()) pending += path.pending;
    return pending;
  }

  destinations(): readonly DestinationView[] {
    return Array.from(this.#allPaths(), (path) => path.view());
  }

  clusters(): readonly ClusterView[] {
    return Array.from(this.#allClusters(), (cluster) => cluster.view());
  }

  *eachCluster(id: string | null = null): Iterable<ClusterView> {
    for (const cluster of Array.from(this.#allClusters())) {
      if (!cluster.isClosed && (id === null || cluster.id === id)) yield cluster.view();
    }
  }

  *troubledClusters(): Iterable<ClusterView | null> {
    for (const cluster of Array.from(this.#allClusters())) {
      yield !cluster.isClosed && cluster.isTroubled ? cluster.view() : null;
    }
  }

  *troubledNames(): Iterable<NameTrouble | null> {
    for (const path of Array.from(this.#allPaths())) yield path.trouble;
  }

  sizes(): { readonly clients: number; readonly endpoints: number } {
    let [clients, endpoints] = [0, 0];
    for (const { size } of this.#allClusters()) {
      clients++;
      endpoints += size;
    }
    return { clients, endpoints };
  }

  clientState(): Readonly<Record<string, ClientState>> {
    return Object.fromEntries(this.clusters().map((view) => [view.id, clientState(view)]));
  }

  async close(graceMs: number): Promise<void> {
    if (this.pending > 0 && graceMs > 0) await this.#idleWithin(graceMs);
    this.#isClosed = true;
    for (const path of this.#oneShotPaths.values()) path.close();
    for (const cluster of this.#oneShotClusters.values()) cluster.close();
    this.#paths.clear((path) => path.close());
    this.#clusters.clear((cluster) => cluster.close());
  }

  #idleWithin(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const closeTimer = this.#deps.clock.after(graceMs, resolve);
      this.#whenIdle = () => {
        closeTimer();
        resolve();
      };
    });
  }

  #route(guard: Guard | null): Service<Req, Res> {
    const { identify } = this.#deps;
    const paths = this.#paths;
    return (request, reply) => {
      const dst = identify(request);
      if (typeof dst !== "string") {
        reply.end(failure("unidentified", dst.unidentified));
        return ended;
      }
      request.logicalName = dst;
      if (guard !== null) {
        const why = guard(request);
        if (why !== null) {
          reply.end(why);
          return ended;
        }
      }
      const { localDtab } = request;
      const key = localDtab.length === 0 ? dst : `${dst} ${showDtab(localDtab)}`;
      const path = paths.get(key);
      if (path !== undefined) return path.serve(request, reply);
      if (!this.#isClosed) return this.#addPath(key, dst, localDtab).serve(request, reply);
      reply.end(failure("exhausted", "this router is shutting down", "safe"));
      return ended;
    };
  }

  #addPath(key: string, dst: Path, localDtab: Dtab): Destination<Req, Res> {
    const known = this.#oneShotPaths.get(key);
    if (known !== undefined) return known;
    return this.#paths.add(key, (isOneShot) => {
      const path = this.#makePath(key, dst, localDtab, isOneShot);
      if (isOneShot) this.#oneShotPaths.set(key, path);
      return path;
    });
  }

  #makePath(key: string, dst: Path, localDtab: Dtab, isOneShot: boolean): Destination<Req, Res> {
    const deps = this.#deps;
    const options = deps.serviceOptions(dst);
    const name = dst.slice(1);
    const scope = this.#serviceScopes.take(name);
    const trace = this.#limitTrace(() => deps.explain(dst, localDtab));
    const user = { scope, classifier: options.classifier, trace };
    return new Destination(dst, localDtab, isOneShot, {
      clock: deps.clock,
      random: deps.random,
      options,
      scope,
      service: this.#serviceFor(options),
      bindingTimeoutMs: deps.bindingTimeoutMs,
      baseDtab: deps.dtab,
      binding: deps.interpreter.bind(deps.dtab, dst, localDtab),
      openCluster: (bound) => new ClusterHandle(bound, user, (each) => this.#cluster(each)),
      trace,
      unboundAdvice: deps.interpreter.explain === undefined ? null : resolvedElsewhere,
      touched: this.#pathTouched,
      closed: () => {
        this.#serviceScopes.release(name);
        this.#oneShotPaths.delete(key);
      },
    });
  }

  #serviceFor(options: ServiceOptions<Req, Res>): Service<Req, Res> {
    let service = this.#services.get(options);
    if (service === undefined) {
      service = destinationStack({ ...this.#deps, options });
      this.#services.set(options, service);
    }
    return service;
  }

  #cluster(bound: Bound): Cluster<Req, Res> {
    const { id, addresses } = bound;
    const known = this.#clusters.get(id) ?? this.#oneShotClusters.get(id);
    if (known !== undefined) {
      known.follow(addresses);
      return known;
    }
    return this.#clusters.add(id, (isOneShot) => {
      const cluster = this.#makeCluster(bound, isOneShot);
      if (isOneShot) this.#oneShotClusters.set(id, cluster);
      return cluster;
    });
  }

  #makeCluster({ id, addresses }: Bound, isOneShot: boolean): Cluster<Req, Res> {
    const { clock, random, log, stats, protocol, bindingTimeoutMs } = this.#deps;
    return new Cluster(id, addresses, isOneShot, {
      clock,
      random,
      log,
      stats: stats.scope("client", id.slice(1)),
      options: this.#deps.clientOptions(id),
      protocol,
      bindingTimeoutMs,
      faults: this.faults,
      touched: (cluster) => this.#clusters.touch(cluster),
      closed: () => this.#oneShotClusters.delete(id),
    });
  }

  *#allPaths(): Iterable<Destination<Req, Res>> {
    yield* this.#paths.values();
    yield* this.#oneShotPaths.values();
  }

  *#allClusters(): Iterable<Cluster<Req, Res>> {
    yield* this.#clusters.values();
    yield* this.#oneShotClusters.values();
  }
}
