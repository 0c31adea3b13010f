// Configuration -> running proxy: the only file that connects things.
import { openAdmin } from "./admin/server.ts";
import { Announcing } from "./assemble/announcing.ts";
import { proxyViews } from "./assemble/views.ts";
import { explainWith, openNaming } from "./assemble/naming.ts";
import { pluginOf } from "./assemble/router.ts";
import type { OpenRouter } from "./assemble/router.ts";
import type { Config, RouterConfig } from "./config/config.ts";
import type { Clock, Random } from "./core/clock.ts";
import type { Interpreter } from "./core/naming.ts";
import { accruals, announcers, balancers, protocols, telemeters } from "./plugins.ts";
import type { Logs } from "./telemetry/log.ts";
import { openMetrics } from "./telemetry/metrics.ts";
import { countProcess } from "./telemetry/process-metrics.ts";
import type { Telemeter } from "./telemetry/telemeter.ts";

/** What the process lends: time, chance, its log, its end. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: Logs;
  /** null: calls are taken; otherwise why not. */
  notReady(): string | null;
  /** `/admin/shutdown`; null: with the configured grace. */
  shutdown(graceMs: number | null): void;
}

export interface RunningProxy {
  /** The servers as they listen, by router, in the order of the file. */
  readonly routers: readonly OpenRouter[];
  readonly admin: { readonly host: string; readonly port: number };
  /** Closes routers, then telemeters, namers, and the admin server last. Idempotent. */
  close(graceMs: number): Promise<void>;
}

/** A router and how it resolves names. */
export interface RunningRouter {
  readonly config: RouterConfig;
  readonly interpreter: Interpreter;
  readonly open: OpenRouter;
}

/** Rejects with a text for people when something cannot be opened; then nothing is left open. */
export async function startProxy(config: Config, around: Surroundings): Promise<RunningProxy> {
  const { clock, random, logs } = around;
  const metrics = openMetrics(clock);
  const stats = metrics.stats;
  const log = (name: string) => logs.log(name);
  const naming = openNaming(config, { clock, random, log, stats });
  const open: Telemeter[] = [];
  const routers: RunningRouter[] = [];
  const closers: ((graceMs: number) => Promise<void> | void)[] = [];
  const close = async (graceMs: number): Promise<void> => {
    for (const each of closers.splice(0).toReversed()) await each(graceMs);
  };
  closers.push(() => metrics.close(), countProcess(stats, clock));
  try {
    const views = proxyViews({ config, around, metrics, naming, routers, telemeters: open });
    const { host, port, shutdownGraceMs: _, ...rest } = config.admin;
    const admin = await openAdmin({ host, port, security: null, ...rest }, views, {
      clock,
      log: log("admin"),
    });
    closers.push(
      (graceMs) => admin.close(graceMs),
      () => naming.close(),
    );
    for (const each of telemetersOf(config)) {
      const telemeter = pluginOf(telemeters, each).create(each, {
        metrics: metrics.root,
        clock,
        log: log(each.kind),
      });
      open.push(telemeter);
      closers.push(() => telemeter.close());
    }
    closers.push(async (graceMs) => {
      await Promise.all(routers.map((router) => router.open.close(graceMs)));
      for (const { interpreter } of routers) interpreter.close();
    });
    for (const each of config.routers) {
      const interpreter = naming.interpreterOf(each);
      const protocol = protocols.find(({ name }) => name === each.protocol);
      if (protocol === undefined) throw new Error(`bug: unchecked protocol ${each.protocol}`);
      const lent = { clock, random, log: log(each.label) };
      const router = await protocol.open(each, {
        ...lent,
        stats: stats.scope("rt", each.label),
        interpreter,
        explain: explainWith(interpreter, each.dtab),
        balancers,
        accruals,
        announcing: new Announcing(each, announcers, { ...lent, admin }),
      });
      routers.push({ config: each, interpreter, open: router });
    }
    return { routers: routers.map((router) => router.open), admin, close };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** Prometheus can always read the metrics; a section of its own only changes where. */
function telemetersOf({ telemetry }: Config): Config["telemetry"] {
  const kind = "io.l5d.prometheus";
  if (telemetry.some((each) => each.kind === kind)) return telemetry;
  return [...telemetry, { kind, path: "/admin/metrics/prometheus", prefix: "" }];
}
