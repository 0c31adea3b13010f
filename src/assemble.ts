// Configuration -> running proxy: the only file that connects things.
import { openAdminServers } from "./assemble/admin.ts";
import { Announcing } from "./assemble/announcing.ts";
import { proxyViews } from "./assemble/views.ts";
import { isBoundWith } from "./assemble/is-bound.ts";
import { openNameServer } from "./assemble/name-server.ts";
import type { NameServer } from "./assemble/name-server.ts";
import { OwnListeners } from "./assemble/own-listeners.ts";
import type { RunningFleet } from "./assemble/fleet.ts";
import { openTelemeters } from "./assemble/telemeters.ts";
import { openTls, serverTlsOf } from "./assemble/tls.ts";
import { explainWith, openNaming } from "./assemble/naming.ts";
import type { Naming } from "./assemble/naming.ts";
import { openProblems } from "./assemble/problems/open.ts";
import type { OpenRouter } from "./assemble/router.ts";
import type { Config, RouterConfig } from "./config/config.ts";
import { CallHub } from "./core/calls/hub.ts";
import { Sampler } from "./core/tracing/sampler.ts";
import type { Clock, Random } from "./core/clock.ts";
import type { Stats } from "./core/stats.ts";
import type { Interpreter } from "./core/naming.ts";
import { guardAddresses } from "./naming/binding/address-guard.ts";
import { defaultLimitBytes, heldMemory } from "./runtime/held-memory.ts";
import { maxAdminConnections, openFilesLimit } from "./runtime/open-files.ts";
import { ProcessLimits } from "./runtime/process-limits.ts";
import { accruals, announcers, balancers, limiters, protocols } from "./plugins.ts";
import type { TlsStore } from "./net/tls/tls-store.ts";
import type { Logs } from "./telemetry/log.ts";
import { keepHistory } from "./telemetry/history/history.ts";
import { openMetrics } from "./telemetry/metrics.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { countProcess } from "./telemetry/process-metrics.ts";
import { Tap } from "./telemetry/calls/tap.ts";
import type { Telemeter } from "./telemetry/telemeter.ts";

/** What the process lends: time, chance, its log, its end. */
export interface ProcessDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: Logs;
  /** The file of the configuration; null: it came from standard input. */
  readonly configFile: string | null;
  /** null: calls are taken; otherwise why not. */
  notReady(): string | null;
  /** `/admin/shutdown`; null: with the configured grace. */
  shutdown(graceMs: number | null): void;
}

export interface RunningProxy {
  /** The servers as they listen, by router, in the order of the file. */
  readonly routers: readonly OpenRouter[];
  /** null: this process is no name server. */
  readonly nameServer: NameServer | null;
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
export async function startProxy(config: Config, deps: ProcessDeps): Promise<RunningProxy> {
  const { clock, logs } = deps;
  const closing = new Closing(clock);
  const { metrics, history } = openCounts(clock, closing);
  const naming = openNaming(config, { ...partsOf(deps), stats: metrics.stats });
  const open: Telemeter[] = [];
  const routers: RunningRouter[] = [];
  const { calls, tap, sampler } = listenersOf(deps);
  let nameServer: NameServer | null = null;
  let running: RunningFleet | null = null;
  const limits = closing.own(limitsOf(config, { clock, stats: metrics.stats.scope("limits") }));
  try {
    const tls = await tlsOf(config, { deps, metrics, closing });
    const problems = closing.own(openProblems({ config, deps, metrics, naming, routers, tls }));
    const views = proxyViews({
      config,
      deps,
      metrics,
      history,
      naming,
      routers,
      telemeters: open,
      tap,
      problems,
      sampler,
      nameServer: () => nameServer,
      fleet: () => running?.views ?? null,
    });
    const admin = await openAdminServers(
      config.admin,
      serverTlsOf(config.admin.tls, tls, metrics.stats.scope("admin")),
      views,
      { clock, log: logs.log("admin"), maxConnections: maxAdminConnections },
    );
    closing.add((graceMs) => admin.close(graceMs));
    closing.add(() => tap.close()); // which its listeners would keep open
    const ownListeners = new OwnListeners();
    ownListeners.add(admin, null);
    closing.add(() => naming.close());
    running = await fleetOf(config, deps, naming, closing);
    await openTelemeters(config, { metrics, calls, sampler, naming, deps, open, closing });
    closing.add((graceMs) => closeRouters(routers, graceMs));
    const nameParts = { ...partsOf(deps), stats: metrics.stats, naming, tls };
    nameServer = await openNameServer(config.nameServer, nameParts);
    closing.add((graceMs) => nameServer?.close(graceMs));
    for (const each of config.routers) {
      const shared = { deps, metrics, naming, calls, sampler, admin, ownListeners, limits, tls };
      routers.push(await startRouter(each, shared));
    }
    closing.add(announceAdmin(config.admin, { ...partsOf(deps), naming, admin }));
    const close = (graceMs: number) => closing.close(graceMs);
    return { routers: routers.map((router) => router.open), nameServer, admin, close };
  } catch (error) {
    await closing.close(0);
    throw error;
  }
}

/** What may follow the calls of all routers. */
function listenersOf({ clock, random }: ProcessDeps) {
  const calls = new CallHub(clock);
  return { calls, tap: new Tap(calls, clock), sampler: new Sampler(random) };
}

interface TlsParts {
  readonly deps: ProcessDeps;
  readonly metrics: Metrics;
  readonly closing: Closing;
}

async function tlsOf(config: Config, { deps, metrics, closing }: TlsParts) {
  const { clock, logs } = deps;
  const parts = { clock, log: logs.log("tls"), stats: metrics.stats.scope("tls") };
  const tls = await openTls(config, parts);
  closing.add(() => tls?.close());
  return tls;
}

async function closeRouters(routers: readonly RunningRouter[], graceMs: number): Promise<void> {
  await Promise.all(routers.map((router) => router.open.close(graceMs)));
  for (const { interpreter } of routers) interpreter.close();
}

function limitsOf({ limits }: Config, parts: { clock: Clock; stats: Stats }): ProcessLimits {
  const maxBufferedBytes = limits.maxBufferedBytes ?? defaultLimitBytes();
  return new ProcessLimits({ ...limits, maxBufferedBytes }, { ...parts, memory: heldMemory });
}

function partsOf({ clock, random, logs }: ProcessDeps) {
  return { clock, random, log: (name: string) => logs.log(name) };
}

/** What the process counts, and the last ten minutes of it. */
function openCounts(clock: Clock, closing: Closing) {
  const metrics = openMetrics(clock);
  const history = keepHistory(metrics.root, clock);
  closing.add(() => metrics.close());
  closing.add(() => history.close());
  closing.add(countProcess(metrics.stats, clock, openFilesLimit));
  return { metrics, history };
}

interface StartedParts {
  readonly deps: ProcessDeps;
  readonly metrics: Metrics;
  readonly naming: Naming;
  readonly calls: CallHub;
  readonly sampler: Sampler;
  readonly admin: { readonly host: string; readonly port: number; readonly url: string };
  readonly ownListeners: OwnListeners;
  readonly limits: ProcessLimits;
  readonly tls: TlsStore | null;
}

async function startRouter(
  config: RouterConfig,
  { deps, metrics, naming, calls, sampler, admin, ownListeners, limits, tls }: StartedParts,
): Promise<RunningRouter> {
  const { label } = config;
  const protocol = protocols.find(({ name }) => name === config.protocol);
  if (protocol === undefined) throw new Error(`bug: unchecked protocol ${config.protocol}`);
  const interpreter = guardAddresses(naming.interpreterOf(config), (address) =>
    ownListeners.refusal(address, label, config.allowSelfCalls),
  );
  const shared = { ...partsOf(deps), log: deps.logs.log(label) };
  const open = await protocol.open(config, {
    ...shared,
    stats: metrics.stats.scope("rt", label),
    interpreter,
    sampler,
    calls: calls.router(label),
    explain: explainWith(interpreter, config.dtab),
    isBound: isBoundWith(interpreter, config.dtab, deps.clock),
    adminUrl: admin.url,
    balancers,
    accruals,
    limiters,
    limits,
    ownListeners,
    tls,
    announcing: new Announcing(config.announcers, announcers, {
      ...shared,
      hosts: naming.hosts,
      admin,
    }),
  });
  return { config, interpreter, open };
}

/** null: this process watches no others; then nothing of the fleet's code is loaded. */
async function fleetOf(
  { fleet }: Config,
  deps: ProcessDeps,
  naming: Naming,
  closing: Closing,
): Promise<RunningFleet | null> {
  if (fleet === null) return null;
  const { openFleet } = await import("./assemble/fleet.ts");
  const opened = openFleet(fleet, { ...deps, log: deps.logs.log("fleet"), naming });
  closing.add(() => opened.close());
  return opened;
}

/** The result withdraws it. */
function announceAdmin(
  config: Config["admin"],
  parts: ReturnType<typeof partsOf> & Pick<StartedParts, "naming" | "admin">,
): () => Promise<void> {
  const { naming, admin } = parts;
  const deps = { ...parts, log: parts.log("admin"), hosts: naming.hosts };
  const announcing = new Announcing(config.announcers, announcers, deps);
  announcing.announce(config, admin);
  return () => announcing.close();
}

/** What was opened, to be closed once, the last one first, all within one grace. */
class Closing {
  readonly #clock: Clock;
  readonly #parts: ((graceMs: number) => Promise<void> | void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(close: (graceMs: number) => Promise<void> | void): void {
    this.#parts.push(close);
  }

  own<Part extends { close(): void }>(part: Part): Part {
    this.add(() => part.close());
    return part;
  }

  async close(graceMs: number): Promise<void> {
    const endMs = this.#clock.nowMs() + graceMs;
    for (const close of this.#parts.splice(0).toReversed()) {
      await close(Math.max(0, endMs - this.#clock.nowMs()));
    }
  }
}
