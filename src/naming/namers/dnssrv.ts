// Service discovery by DNS SRV records (RFC 2782).
//
//     namers:
//     - kind: io.l5d.dnssrv
//       refreshIntervalSeconds: 5
//       dnsHosts: []              # servers such as 10.0.0.2 or 10.0.0.2:8600; none: those of the system
//
// `/#/io.l5d.dnssrv/_web._tcp.example/x` are the targets of that name, `/x` is left over. The records with the lowest
// priority count; their weights are those of the addresses. No records: no such name.
import * as dns from "node:dns";
import { isIP } from "node:net";
import * as v from "valibot";
import { constant, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, NamerDeps, NamerPlugin, RunningNamer } from "../../core/naming.ts";
import { append, pathOfShown, segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { integer, path } from "../../core/schema.ts";
import type { Instance } from "../discovery/instance.ts";
import { PolledServices } from "../discovery/services.ts";

const expectedServer = "expected the IP address of a DNS server, with or without a port";

const schema = v.strictObject({
  kind: v.literal("io.l5d.dnssrv"),
  prefix: v.optional(path(), "/io.l5d.dnssrv"),
  refreshIntervalSeconds: v.optional(integer(1), 5),
  dnsHosts: v.optional(
    v.array(v.pipe(v.string(expectedServer), v.check(isServer, expectedServer))),
    [],
  ),
});

type Config = v.InferOutput<typeof schema>;

export const dnssrv: NamerPlugin = plugin({
  kind: "io.l5d.dnssrv",
  schema,
  create: (config, deps: NamerDeps): RunningNamer => new DnsSrvNamer(config, deps),
});

/** Each attempt of a query, of which there are two. */
const queryTimeoutMs = 2_000;

/** Targets beyond so many are looked up by the system. */
const maxTargets = 200;

class DnsSrvNamer implements RunningNamer {
  readonly #config: Config;
  readonly #deps: NamerDeps;
  readonly #services: PolledServices;
  readonly #resolver: dns.promises.Resolver;

  constructor(config: Config, deps: NamerDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#services = new PolledServices(deps);
    this.#resolver = new dns.promises.Resolver({ timeout: queryTimeoutMs, tries: 2 });
    if (config.dnsHosts.length > 0) this.#resolver.setServers(config.dnsHosts);
  }

  lookup(name: Path): Live<NameTree<Bound>> {
    const [first, ...rest] = segmentsOf(name);
    if (first === undefined) return constant(ok(neg));
    const srv = segmentText(first).toLowerCase();
    const service = this.#services.get(srv, {
      what: `the SRV records of ${srv}`,
      whom: this.#whom,
      everyMs: this.#config.refreshIntervalSeconds * 1_000,
      jitterMs: this.#config.refreshIntervalSeconds * 100,
      ask: () => this.#ask(srv),
    });
    return service.tree(append(this.#deps.id, first), pathOfShown(rest));
  }

  watchState(): Readonly<Record<string, unknown>> {
    return this.#services.reports();
  }

  close(): void {
    this.#services.close();
    this.#resolver.cancel();
  }

  get #whom(): string {
    const servers = this.#resolver.getServers();
    return servers.length === 0 ? "DNS" : `DNS at ${servers.join(", ")}`;
  }

  async #ask(srv: string): Promise<readonly Instance[]> {
    const { stats } = this.#deps;
    try {
      const records = await this.#resolver.resolveSrv(srv);
      stats.counter("lookup_successes_total").value += 1;
      if (records.length === 0) stats.counter("lookup_zero_results_total").value += 1;
      return await this.#withAddresses(instancesOf(records));
    } catch (error) {
      // The server has answered: there is no such name, or it has no such records.
      if (["ENOTFOUND", "ENODATA"].includes((error as NodeJS.ErrnoException).code ?? "")) {
        stats.counter("lookup_zero_results_total").value += 1;
        return [];
      }
      stats.counter("lookup_failures_total").value += 1;
      throw error;
    }
  }

  /**
   * The same servers know the targets, whose names may mean nothing elsewhere, as those of Consul. What they do not
   * know stays a name, for the system to look up.
   */
  async #withAddresses(instances: readonly Instance[]): Promise<readonly Instance[]> {
    const hosts = [...new Set(instances.map(({ host }) => host))];
    const found = await Promise.all(
      hosts.slice(0, maxTargets).map((host) => this.#addressesOf(host)),
    );
    const known = new Map(hosts.map((host, i) => [host, found[i] ?? []]));
    return instances.flatMap((instance) => {
      const addresses = known.get(instance.host) ?? [];
      if (addresses.length === 0) return [instance];
      return addresses.map((host) => ({ ...instance, host }));
    });
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    const resolver = this.#resolver;
    for (const resolve of [() => resolver.resolve4(host), () => resolver.resolve6(host)]) {
      try {
        return (await resolve()).toSorted();
      } catch {
        // the other family, or the system, may know it
      }
    }
    this.#deps.stats.counter("unknown_srv_hosts_results_total").value += 1;
    return [];
  }
}

/** Of the lowest priority. Zero is the weight of all when it is the weight of one: then all count alike. */
function instancesOf(records: readonly dns.SrvRecord[]): readonly Instance[] {
  const lowest = Math.min(...records.map(({ priority }) => priority));
  const used = records.filter(({ priority, name }) => priority === lowest && name !== "");
  const hasWeights = used.some(({ weight }) => weight > 0);
  return used
    .map(({ name, port, weight }) => ({ host: name, port, weight: hasWeights ? weight : 1 }))
    .sort((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1));
}

function isServer(text: string): boolean {
  if (isIP(text) > 0) return true;
  const [, ip = "", port = ""] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(text) ?? [];
  return isIP(ip) > 0 && Number(port) > 0 && Number(port) < 65_536;
}
