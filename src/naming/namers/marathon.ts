// Service discovery by Marathon's apps and tasks.
//
//     namers:
//     - kind: io.l5d.marathon
//       host: marathon.mesos
//       port: 80
//       uriPrefix: ""             # before /v2/apps
//       ttlMs: 5000               # between two questions
//       useHealthCheck: false     # true: running tasks that pass all health checks of their app
//
// `/#/io.l5d.marathon/group/web/x` is the app with the shortest id that the name begins with, such as `/group/web`; `/x` is left over.
// Not run against a real Marathon: DC/OS has ended, and none can be had.
import * as v from "valibot";
import { constant, flatMap, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, NamerDeps, NamerPlugin, RunningNamer } from "../../core/naming.ts";
import {
  drop,
  join,
  pathOfShown,
  segmentOf,
  segmentsOf,
  segmentText,
} from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { integer, path, port, truth } from "../../core/schema.ts";
import { clientTlsEntries } from "../../core/tls/schema.ts";
import { tlsOptions } from "../consul/schema.ts";
import { Polled } from "../discovery/polled.ts";
import { PolledServices } from "../discovery/services.ts";
import { lookupAhead } from "../hosts/lookup-ahead.ts";
import { marathonApi } from "../marathon/api.ts";
import type { MarathonApi } from "../marathon/api.ts";

const expectedDst = "expected /$/inet/HOST/PORT, which stands for host and port";

const schema = v.strictObject({
  kind: v.literal("io.l5d.marathon"),
  prefix: v.optional(path(), "/io.l5d.marathon"),
  host: v.optional(
    v.pipe(v.string("expected a host"), v.nonEmpty("expected a host")),
    "marathon.mesos",
  ),
  port: v.optional(port(), 80),
  dst: v.optional(
    v.pipe(v.string(expectedDst), v.regex(/^\/\$\/inet\/[^/]+\/\d{1,5}$/, expectedDst)),
  ),
  uriPrefix: v.optional(v.string("expected the beginning of a path, such as /marathon"), ""),
  ttlMs: v.optional(integer(1), 5_000),
  jitterMs: v.optional(integer(0), 50),
  useHealthCheck: v.optional(truth(), false),
  tls: v.optional(v.strictObject(clientTlsEntries())),
});

type Config = v.InferOutput<typeof schema>;

export const marathon: NamerPlugin = plugin({
  kind: "io.l5d.marathon",
  schema,
  create: (config, deps: NamerDeps): RunningNamer => new MarathonNamer(config, deps),
});

type AppIds = ReadonlySet<string>;

class MarathonNamer implements RunningNamer {
  readonly #config: Config;
  readonly #deps: NamerDeps;
  readonly #api: MarathonApi;
  readonly #closeLookup: () => void;
  readonly #apps: Polled<AppIds>;
  readonly #services: PolledServices;

  constructor(config: Config, deps: NamerDeps) {
    this.#config = config;
    this.#deps = deps;
    const { tls } = config;
    const { host, port: number } = placeOf(config);
    const { lookup, close } = lookupAhead(deps.hosts, host);
    this.#closeLookup = close;
    const secure = tls?.enabled === true ? tls : null;
    const connect = { lookup, ...(secure === null ? {} : tlsOptions(secure, host)) };
    const scheme = secure === null ? "http" : "https";
    const origin = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${number}`;
    this.#api = marathonApi(origin, connect, config);
    this.#services = new PolledServices(deps);
    const { clock, random, log, stats } = deps;
    const counts = {
      updates: stats.counter("apps", "updates"),
      errors: stats.counter("apps", "errors"),
    };
    this.#apps = new Polled(
      {
        what: "the list of apps",
        ...this.#polling,
        ask: (signal) => this.#api.apps(signal),
        isSame: (a: AppIds, b: AppIds) => a.size === b.size && [...a].every((id) => b.has(id)),
      },
      { clock, random, log, counts },
    );
  }

  lookup(name: Path): Live<NameTree<Bound>> {
    const segments = segmentsOf(name).map((segment) => segmentText(segment).toLowerCase());
    if (segments.length === 0) return constant(ok(neg));
    const ids = segments.map((_, i) => `/${segments.slice(0, i + 1).join("/")}`);
    return flatMap(this.#apps.live, (apps): Live<NameTree<Bound>> => {
      const id = ids.find((each) => apps.has(each));
      if (id === undefined) return constant(ok(neg));
      const used = ids.indexOf(id) + 1;
      const own = pathOfShown(segments.slice(0, used).map(segmentOf));
      return this.#service(id).tree(join(this.#deps.id, own), drop(name, used));
    });
  }

  watchState(): Readonly<Record<string, unknown>> {
    return { apps: this.#apps.report, ...this.#services.reports() };
  }

  close(): void {
    this.#apps.close();
    this.#services.close();
    this.#api.close();
    this.#closeLookup();
  }

  get #polling() {
    const { ttlMs: everyMs, jitterMs } = this.#config;
    const { host, port: number } = placeOf(this.#config);
    return { whom: `Marathon at ${host}:${number}`, everyMs, jitterMs };
  }

  #service(id: string) {
    return this.#services.get(id, {
      what: `the tasks of ${id}`,
      ...this.#polling,
      ask: (signal) => this.#api.instances(id, signal),
    });
  }
}

/** `dst` stands for both. */
function placeOf({ dst, host, port: number }: Config): {
  readonly host: string;
  readonly port: number;
} {
  const [, , , inHost, inPort] = dst?.split("/") ?? [];
  if (inHost === undefined || inPort === undefined) return { host, port: number };
  return { host: inHost, port: Number(inPort) };
}
