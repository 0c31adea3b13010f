// Service discovery with Consul: the instances of a service, kept current by blocking queries.
//
//     namers:
//     - kind: io.l5d.consul
//       prefix: /io.l5d.consul    # the default, as all that follows
//       host: localhost           # of the agent
//       port: 8500
//       includeTag: false         # true: /<dc>/<tag>/<service>
//       useHealthCheck: false     # true: only instances with one of healthStatuses
//       healthStatuses: [passing] # of passing, warning, critical, maintenance
//       setHost: false            # true: calls get <service>.service.<dc>.<domain> as Host
//       consistencyMode: default  # or stale, consistent
//       preferServiceAddress: true
//       weights: []               # such as [{ tag: large, weight: 2.5 }]
//       transferMetadata: false
//       resyncIntervalMs: 300000  # how often everything is queried from scratch
//
// `/#/io.l5d.consul/dc1/users/x` is the service `users` in the data centre `dc1`, `/x` is left
// over; `.local` is the agent's own data centre. No instance: no such name. See docs/consul.md.
import { showAddress } from "../../core/address.ts";
import * as v from "valibot";
import { decimal, path, truth } from "../../core/schema.ts";
import { constant, late, map, ok, softlyFailed } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type {
  Bound,
  NamerDeps,
  NamerPlugin,
  RunningNamer,
  SourceTrouble,
} from "../../core/naming.ts";
import { pathOfShown, segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Failure } from "../../core/failure.ts";
import { plugin } from "../../core/plugin.ts";
import type { Client, Query } from "../consul/api.ts";
import { querySlotsOf, maxBlocking } from "../consul/query-slots.ts";
import type { QuerySlots } from "../consul/query-slots.ts";
import { agentEntries, clientOf, consistency, watchEntries } from "../consul/schema.ts";
import type { WatchDeps, WatchReport } from "../consul/watch-spec.ts";
import { Watch } from "../consul/watch.ts";
import { agentInfo } from "../consul/agent-info.ts";
import type { AgentInfo } from "../consul/agent-info.ts";
import { healthStatuses, readInstances } from "../consul/instances.ts";
import type { ReadOptions } from "../consul/instances.ts";
import { adviceOn, watchTroubles } from "../consul/troubles.ts";
import { isSameInstances } from "../discovery/instance.ts";
import type { Instance } from "../discovery/instance.ts";
import { Service as WatchedService } from "../discovery/service.ts";
import { serviceToJson } from "../consul/watch-json.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.consul"),
  prefix: v.optional(path(), "/io.l5d.consul"),
  ...agentEntries(),
  ...watchEntries(),
  includeTag: v.optional(truth(), false),
  useHealthCheck: v.optional(truth(), false),
  healthStatuses: v.optional(
    v.pipe(
      v.array(v.picklist(healthStatuses, `expected one of ${healthStatuses.join(", ")}`)),
      v.nonEmpty("expected at least one status"),
    ),
    ["passing"],
  ),
  setHost: v.optional(truth(), false),
  consistencyMode: v.optional(consistency(), "default"),
  preferServiceAddress: v.optional(truth(), true),
  weights: v.optional(
    v.array(
      v.strictObject({
        tag: v.pipe(v.string("expected a tag"), v.nonEmpty("expected a tag")),
        weight: decimal(0, 1e6),
      }),
    ),
    [],
  ),
  transferMetadata: v.optional(truth(), false),
});

type Config = v.InferOutput<typeof schema>;

export const consul: NamerPlugin = plugin({
  kind: "io.l5d.consul",
  schema,
  create: (config, deps: NamerDeps): RunningNamer => new ConsulNamer(config, deps),
});

/** Unwatched names are remembered, for times when Consul is away. */
const maxRemembered = 1_000;
const backoff = { minMs: 10, maxMs: 5_000 };
/** Stands for the data centre of the agent. */
const localDatacenter = ".local";

type Service = WatchedService<WatchReport>;

/** The service that a path names. `key` is the same for all paths of one service. */
interface ServiceName {
  readonly key: string;
  readonly datacenter: string | null;
  readonly tag: string | null;
  readonly service: string;
  readonly id: Path;
  readonly residual: Path;
}

class ConsulNamer implements RunningNamer {
  readonly #config: Config;
  readonly #deps: NamerDeps;
  readonly #client: Client;
  readonly #slots: QuerySlots;
  readonly #watchDeps: WatchDeps;
  readonly #self: Watch<AgentInfo> | null;
  readonly #readOptions: ReadOptions;
  readonly #services = new Map<string, Service>();

  constructor(config: Config, deps: NamerDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#client = clientOf(config, deps.hosts);
    const agent = showAddress(config);
    this.#slots = querySlotsOf(agent, deps.hosts);
    const { clock, random, log, stats } = deps;
    this.#watchDeps = {
      client: this.#client,
      slots: this.#slots,
      agent,
      resyncIntervalMs: config.resyncIntervalMs,
      backoff,
      clock,
      random,
      log,
      counts: {
        updates: stats.counter("service", "updates"),
        errors: stats.counter("service", "errors"),
      },
    };
    this.#self = config.setHost ? agentInfo(this.#watchDeps) : null;
    this.#readOptions = readOptionsOf(config);
    stats.gauge(() => this.#staleMs, "stale_ms");
    stats.gauge(() => this.#countOf("blocking"), "watches", "blocking");
    stats.gauge(() => this.#countOf("polled"), "watches", "polled");
  }

  lookup(name: Path): Live<NameTree<Bound>> {
    this.#deps.stats.counter("lookups").value += 1;
    const named = this.#serviceNameOf(name);
    if (named === null) return constant(ok(neg));
    return this.#service(named).tree(named.id, named.residual);
  }

  /** Null when the path has too few segments to name a service. */
  #serviceNameOf(name: Path): ServiceName | null {
    const segments = segmentsOf(name);
    const used = this.#config.includeTag ? 3 : 2;
    if (segments.length < used) return null;
    const [datacenter = "", ...rest] = segments.slice(0, used).map(segmentText);
    const [service = "", tag = null] = rest.toReversed().map(lowerCase);
    return {
      key: JSON.stringify([datacenter, tag, service]),
      datacenter: datacenter === localDatacenter ? null : datacenter,
      tag,
      service,
      id: pathOfShown([...segmentsOf(this.#deps.id), ...segments.slice(0, used)]),
      residual: pathOfShown(segments.slice(used)),
    };
  }

  #service(named: ServiceName): Service {
    const known = this.#services.get(named.key);
    const { stats } = this.#deps;
    if (known !== undefined) {
      stats.counter("service", "cached").value += 1;
      return known;
    }
    stats.counter("service", "opens").value += 1;
    this.#forget();
    const watch = this.#watch(named);
    const service = new WatchedService(watch, this.#authorityOf(named), this.#deps);
    this.#services.set(named.key, service);
    return service;
  }

  /** Forgets unwatched services: first those that never had an instance, then the oldest. */
  #forget(): void {
    if (this.#services.size < maxRemembered) return;
    const idle = [...this.#services].filter(([, { report }]) => !report.isRunning);
    const empty = idle.filter(([, { instances }]) => instances.length === 0);
    for (const [key] of empty.length > 0 ? empty : idle.slice(0, maxRemembered / 10)) {
      this.#services.delete(key);
      this.#deps.stats.counter("service", "closes").value += 1;
    }
  }

  #watch({ datacenter, tag, service }: ServiceName): Watch<readonly Instance[]> {
    const { useHealthCheck, consistencyMode } = this.#config;
    const { statuses } = this.#readOptions;
    const query: Query = {
      kind: useHealthCheck ? "health" : "catalog",
      service,
      tag,
      datacenter,
      consistency: consistencyMode,
      isPassingOnly: statuses?.size === 1 && statuses.has("passing"),
    };
    return new Watch(
      {
        name: nameOf(datacenter, tag, service),
        query,
        read: (body) => readInstances(body, this.#readOptions),
        isSame: isSameInstances,
        absent: [],
        mayBeMissing: false,
        isBlocking: true,
        late: (problem) => late(`Consul at ${problem}`),
        unknown: (problem) => softlyFailed(this.#unreachable(problem)),
      },
      this.#watchDeps,
    );
  }

  /** Nothing was ever known of the service. */
  #unreachable(problem: string): Failure {
    const { id } = this.#deps;
    const detail = `Consul at ${this.#watchDeps.agent} cannot be asked: ${problem}`;
    return {
      kind: "unresolved",
      retry: "safe",
      detail,
      advice: adviceOn(problem, `the namer ${id}`),
    };
  }

  #authorityOf({ datacenter, tag, service }: ServiceName): Live<string> | null {
    if (this.#self === null) return null;
    const name = tag === null ? service : `${tag}.${service}`;
    return map(this.#self.live, (self) => {
      const labels = [name, "service", datacenter ?? self.datacenter, self.domain];
      return labels.filter((label) => label !== null).join(".");
    });
  }

  get #staleMs(): number {
    let worst = 0;
    for (const { report } of this.#services.values()) {
      if (report.isRunning) worst = Math.max(worst, report.staleMs);
    }
    return Math.round(worst);
  }

  #countOf(mode: "blocking" | "polled"): number {
    let count = 0;
    for (const { report } of this.#services.values()) {
      if (report.isRunning && report.mode === mode) count += 1;
    }
    return count;
  }

  troubles(): readonly SourceTrouble[] {
    const { agent } = this.#watchDeps;
    return watchTroubles(this.#deps.id, agent, this.#services.values());
  }

  watchState(): Readonly<Record<string, unknown>> {
    const services = Array.from(this.#services, ([key, service]) => {
      const [datacenter, tag, name] = JSON.parse(key) as [string, string | null, string];
      return [nameOf(datacenter, tag, name), serviceToJson(service)] as const;
    });
    return {
      agent: this.#watchDeps.agent,
      staleMs: this.#staleMs,
      watches: {
        blocking: this.#slots.blocking,
        blockingAtMost: maxBlocking,
        polled: this.#slots.polled,
      },
      ...Object.fromEntries(services),
    };
  }

  close(): void {
    for (const service of this.#services.values()) service.close();
    this.#self?.close();
    this.#client.close();
  }
}

/**
 * Consul's names are lower case; the id keeps the case of the path. Letter by letter, as Consul's own
 * language does: JavaScript makes two letters of `İ`, and looks at what follows a `Σ`.
 */
function lowerCase(text: string): string {
  return Array.from(text, (letter) => (letter === "İ" ? "i" : letter.toLowerCase())).join("");
}

function nameOf(datacenter: string | null, tag: string | null, service: string): string {
  const segments = [datacenter ?? localDatacenter, ...(tag === null ? [] : [tag]), service];
  return `/${segments.join("/")}`;
}

function readOptionsOf(config: Config): ReadOptions {
  const weightByTag = new Map<string, number>();
  for (const { tag, weight } of config.weights) {
    weightByTag.set(tag, Math.max(weight, weightByTag.get(tag) ?? 0));
  }
  return {
    statuses: config.useHealthCheck ? new Set(config.healthStatuses) : null,
    prefersServiceAddress: config.preferServiceAddress,
    weightByTag,
    transfersMetadata: config.transferMetadata,
  };
}
