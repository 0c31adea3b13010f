// Services and their history as a Prometheus has them, which scrapes the same instances.
import type { Clock, Close } from "../../core/clock.ts";
import type { Percentiles, ServiceDetail, ServiceView } from "../views/shapes.ts";
import type { PrometheusClient, Values } from "./client.ts";

/** `rate` needs two scrapes: Prometheus scrapes once a minute at the latest, unless it was told otherwise. */
const windowSeconds = 120;
const by = "sum by (rt, service)";
const rateOf = (metric: string) => `${by} (rate(rt:service:${metric}[${windowSeconds}s]))`;
const latency = "rt:service:request_latency_ms";

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 } as const;
type Quantile = keyof typeof quantiles;

const quantile = (share: number, window: string) =>
  `histogram_quantile(${share}, sum by (rt, service, le) (rate(${latency}_bucket[${window}])))`;

/** What is asked again and again. */
const queries = {
  requests: rateOf("requests"),
  failures: rateOf("failures"),
  instances: "count by (rt, service) (rt:service:requests)",
  calls: `${by} (increase(${latency}_count[${windowSeconds}s]))`,
  sum: `${by} (increase(${latency}_sum[${windowSeconds}s]))`,
} as const;
type QueryName = keyof typeof queries | Quantile;

const hourMs = 3_600_000;

/** Reads while it is open. Owns its client and one timer. */
export class PrometheusServices {
  /** Why the services are not current, in words; null: they are. */
  problem: string | null = null;
  #services: readonly ServiceView[] = [];
  readonly #client: PrometheusClient;
  readonly #clock: Clock;
  readonly #protocolOf: (router: string) => string;
  #cancel: Close = () => {};
  #isClosed = false;

  /** `protocolOf` a router's label. */
  constructor(client: PrometheusClient, clock: Clock, protocolOf: (router: string) => string) {
    this.#client = client;
    this.#clock = clock;
    this.#protocolOf = protocolOf;
  }

  /** `changed` after every round. */
  start(everyMs: number, changed: () => void): void {
    const round = async () => {
      await this.#read();
      if (this.#isClosed) return;
      changed();
      this.#cancel = this.#clock.after(everyMs, () => void round());
    };
    void round();
  }

  /** The busiest first. */
  services(): readonly ServiceView[] {
    return this.#services;
  }

  /** null: it has none of that name; a text: why it is not known. */
  async service(
    router: string,
    name: string,
  ): Promise<Omit<ServiceDetail, "byInstance"> | null | string> {
    const view = this.#services.find((each) => each.router === router && each.name === name);
    if (view === undefined) return this.problem;
    const to = Math.floor(this.#clock.wallMs() / 60_000) * 60_000;
    const only = `{rt=${quoted(router)},service=${quoted(name.slice(1))}}`;
    const counted = (metric: string, window: string) =>
      `${by} (increase(rt:service:${metric}${only}[${window}]))`;
    const range = (query: string, spanMs: number, stepMs: number) =>
      this.#client.range(query, to - spanMs + stepMs, to, stepMs);
    const of = (share: number) => quantile(share, "2m").replace("_bucket[", `_bucket${only}[`);
    const results = await Promise.all([
      range(counted("requests", "1m"), hourMs, 60_000),
      range(counted("failures", "1m"), hourMs, 60_000),
      range(of(0.5), hourMs, 60_000),
      range(of(0.95), hourMs, 60_000),
      range(of(0.99), hourMs, 60_000),
      range(counted("requests", "1m"), hourMs / 6, 10_000),
      range(counted("failures", "1m"), hourMs / 6, 10_000),
    ]);
    const wrong = results.find((result) => typeof result === "string");
    if (wrong !== undefined) return wrong as string;
    const series = results.map(
      (result) => new Map((result[0] as Values | undefined)?.points ?? []),
    );
    return { ...view, lastHour: null, ...historyOf(series, to) };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#client.close();
  }

  async #read(): Promise<void> {
    const found = new Map<string, Map<QueryName, number>>();
    const all: [QueryName, string][] = [
      ...(Object.entries(queries) as [QueryName, string][]),
      ...(Object.entries(quantiles) as [Quantile, number][]).map(
        ([name, share]): [QueryName, string] => {
          return [name, quantile(share, `${windowSeconds}s`)];
        },
      ),
    ];
    // All as of one moment: figures that are shown together belong together.
    const atMs = this.#clock.wallMs();
    for (const [name, query] of all) {
      const values = await this.#client.at(atMs, query);
      if (this.#isClosed) return;
      if (typeof values === "string") {
        this.problem = values;
        return;
      }
      for (const each of values) note(found, name, each);
    }
    this.problem = null;
    this.#services = [...found]
      .map(([key, numbers]) => this.#viewOf(key, numbers))
      .sort((a, b) => b.perSecond - a.perSecond || (a.name < b.name ? -1 : 1));
  }

  #viewOf(key: string, numbers: ReadonlyMap<QueryName, number>): ServiceView {
    const [router = "", name = ""] = key.split("\n");
    const at = (query: QueryName) => numbers.get(query) ?? 0;
    const perSecond = at("requests");
    return {
      router,
      protocol: this.#protocolOf(router),
      name,
      instances: at("instances"),
      perSecond,
      successRate: perSecond > 0 ? Math.max(0, 1 - at("failures") / perSecond) : null,
      latency: at("calls") > 0 ? percentilesOf(at) : null,
    };
  }
}

function note(found: Map<string, Map<QueryName, number>>, name: QueryName, values: Values): void {
  const key = `${values.router}\n${values.service}`;
  const [, value] = values.points.at(-1) ?? [];
  if (value === undefined) return;
  const numbers = found.get(key) ?? new Map<QueryName, number>();
  numbers.set(name, value);
  found.set(key, numbers);
}

/** Interpolated within Prometheus's buckets; it does not know the maximum. */
function percentilesOf(at: (query: QueryName) => number): Percentiles {
  const { p50, p90, p95, p99, p999 } = {
    p50: at("p50"),
    p90: at("p90"),
    p95: at("p95"),
    p99: at("p99"),
    p999: at("p999"),
  };
  const count = Math.round(at("calls"));
  return { count, meanMs: at("sum") / at("calls"), maxMs: p999, p50, p90, p95, p99, p999 };
}

/** `series`: requests, failures, p50, p95 and p99 by the minute, requests and failures by ten seconds. */
function historyOf(series: readonly ReadonlyMap<number, number>[], toMs: number) {
  const at = (which: number, atMs: number) => series[which]?.get(atMs) ?? 0;
  const hour = Array.from({ length: 60 }, (_, i) => {
    const atMs = toMs - (59 - i) * 60_000;
    const [requests, failures] = [at(0, atMs), at(1, atMs)];
    const [p50, p95, p99] = [at(2, atMs), at(3, atMs), at(4, atMs)];
    const found: Percentiles = {
      count: requests,
      meanMs: p50,
      maxMs: p99,
      p50,
      p90: p95,
      p95,
      p99,
      p999: p99,
    };
    return { atMs, requests, failures, latency: requests > 0 ? found : null };
  });
  const tenMinutes = Array.from({ length: 60 }, (_, i) => {
    const atMs = toMs - (59 - i) * 10_000;
    // Counted over a minute each, which is a sixth of it in ten seconds.
    return { atMs, requests: at(5, atMs) / 6, failures: at(6, atMs) / 6 };
  });
  return { hour, tenMinutes };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
