// The admin server's views, made from the running proxy.
import type {
  AdminViews,
  DashboardView,
  FleetViews,
  InterpreterState,
  PolicyView,
} from "../admin/views.ts";
import type { RunningRouter, ProcessDeps } from "../assemble.ts";
import type { Config } from "../config/config.ts";
import { dashboardView } from "./dashboard/overview.ts";
import { redact } from "../config/redact.ts";
import { defaultCallerDtabLimits, entriesIn, tooLarge } from "../core/names/caller-dtab-limits.ts";
import { emptyDtab, stripPrefix, showDtab } from "../core/names/dtab.ts";
import { map } from "../core/live.ts";
import type { Live } from "../core/live.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { parsePath, segmentsOf, segmentText } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";
import type { Sampler } from "../core/tracing/sampler.ts";
import { delegationToJson } from "../naming/binding/delegation.ts";
import type { History } from "../telemetry/history/history.ts";
import { metricsJson } from "../telemetry/metrics-json.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Tap } from "../telemetry/calls/tap.ts";
import type { Telemeter } from "../telemetry/telemeter.ts";
import { version } from "../version.ts";
import type { NameServer } from "./name-server.ts";
import type { Naming } from "./naming.ts";
import { endpointsOf } from "./endpoints.ts";
import { fleetPageOf } from "./fleet-page.ts";
import { problemsJson } from "./problems/board.ts";
import type { ProblemBoard } from "./problems/board.ts";
import { lintRules } from "./problems/lint.ts";
import { tracingViews } from "./tracing-views.ts";
import { policyJson } from "./policy.ts";

export interface ViewParts {
  readonly config: Config;
  readonly deps: ProcessDeps;
  readonly metrics: Metrics;
  readonly history: History;
  readonly naming: Naming;
  /** Still empty when the admin server starts; routers are added one by one. */
  readonly routers: readonly RunningRouter[];
  readonly telemeters: readonly Telemeter[];
  readonly tap: Tap;
  readonly problems: ProblemBoard;
  readonly sampler: Sampler;
  /** null: there is none, or it is not open yet. */
  nameServer(): NameServer | null;
  /** null: it watches no others, or not yet. */
  fleet(): FleetViews | null;
}

export function proxyViews(parts: ViewParts): AdminViews {
  const { config, deps, metrics, naming, routers, telemeters } = parts;
  return {
    build: { name: "switchyard", version, revision: null },
    dashboard: dashboardOf(parts),
    notReady: () => deps.notReady(),
    config: () => redact(config.raw),
    metricsJson: (query) => metricsJson(metrics.root, query),
    fleetPage: fleetPageOf(parts),
    fleet: () => parts.fleet(),
    exporters: () => telemeters.flatMap(({ pages }) => pages),
    delegate: (namespace, dtab, path) => delegated(parts, namespace, dtab, path),
    dtabProblem(namespace, text) {
      const router = routers.find(({ config: { label } }) => label === namespace);
      const own = router?.config.dtab ?? emptyDtab;
      const limits = router?.config.servers[0]?.callerDtabLimits ?? defaultCallerDtabLimits;
      // The dashboard sends the router's own dtab, perhaps with blanks in it or with an entry more.
      const bytes = Math.max(0, text.length - 2 * showDtab(own).length);
      return tooLarge(bytes, entriesIn(text) - own.length, limits);
    },
    endpoints: (label, client) => endpointsOf(routers, label, client, deps.clock),
    identify: (head) => Object.fromEntries(routers.flatMap(({ open }) => identified(open, head))),
    isNameServer: config.nameServer !== null,
    storage() {
      const server = parts.nameServer();
      if (server?.store.watchState === undefined) return null;
      return { name: server.storageName, state: () => server.store.watchState?.() };
    },
    tap: (filter, perSec, isForBrowsers) => parts.tap.open(filter, perSec, isForBrowsers),
    requests(filter, limit) {
      const recent = telemeters.find((each) => each.recent !== undefined)?.recent;
      return recent?.view(filter, limit) ?? { routers: [], requests: [] };
    },
    clientState: () => Object.assign({}, ...routers.map(({ open }) => open.clientState())),
    announced: () => routers.flatMap(({ open }) => open.announced()),
    boundNames: () => naming.namers.flatMap(({ namer }) => namer.boundNames?.() ?? []),
    namerStates: () => new Map(namerStates(naming)),
    interpreterStates: () => routers.flatMap(interpreterState),
    policies: () => routers.map(policyView),
    faults: () => routers.flatMap(faultsOf),
    setFaults(label, client, change) {
      const selected = routers.filter(({ config: { label: own } }) => [own, null].includes(label));
      if (label !== null && selected.length === 0) return null;
      const id = client === null ? null : parsePath(client);
      if (id !== null && !id.ok) return 0;
      return selected.reduce(
        (sum, { open }) => sum + open.faults.change(id?.value ?? null, change),
        0,
      );
    },
    problems: async () => problemsJson(await parts.problems.current()),
    lint: async () => lintRules(await parts.problems.current()),
    registry: () => registryOf(routers),
    logLevels: () => deps.logs.levels(),
    setLogLevel: (logger, level) => deps.logs.setLevel(logger, level),
    ...tracingViews(parts),
    shutdown: (graceMs) => deps.shutdown(graceMs),
  };
}

/** Nothing for routers of other protocols. */
function identified({ label, identify }: RunningRouter["open"], head: Buffer): [string, unknown][] {
  return identify === null ? [] : [[label, identify(head)]];
}

/** The delegation of a router, of a namespace, or with `/$/` names only; null: there is no such router. */
function delegated(
  parts: ViewParts,
  namespace: string | null,
  dtab: Dtab | null,
  path: Path,
): Live<unknown> | null {
  const { routers, naming } = parts;
  const router = routers.find((each) => each.config.label === namespace);
  if (namespace !== null && router === undefined) {
    return inNamespace(parts, namespace, dtab, path);
  }
  const interpreter = router?.interpreter ?? naming.builtIn;
  const own = router?.config.dtab ?? emptyDtab;
  if (dtab === null) return map(interpreter.delegate(own, path), delegationToJson);
  // What stands in the router's own dtab may fan out; the rest has the budget of a caller.
  const rest = stripPrefix(dtab, own);
  const base = rest === dtab ? emptyDtab : own;
  return map(interpreter.delegate(base, path, { local: rest }), delegationToJson);
}

/** A namespace of the name server stands for a router: `dtab` null means its own. */
function inNamespace(
  { nameServer }: ViewParts,
  namespace: string,
  dtab: Dtab | null,
  path: Path,
): Live<unknown> | null {
  const namespaces = nameServer()?.namespaces;
  if (namespaces === undefined) return null;
  const live =
    dtab === null
      ? namespaces.delegate(namespace, path, emptyDtab)
      : namespaces.delegate(null, path, dtab);
  return map(live, delegationToJson);
}

function dashboardOf(parts: ViewParts): DashboardView {
  const { config, deps, metrics, history, routers } = parts;
  return dashboardView({
    root: metrics.root,
    history,
    routers,
    clock: deps.clock,
    file: deps.configFile,
    text: config.document.text,
    notReady: () => deps.notReady(),
    hasFleet: () => config.fleet !== null,
    problems: async () => problemsJson(await parts.problems.current()),
  });
}

/** In Finagle's form: by role, protocol and label. */
function registryOf(routers: readonly RunningRouter[]): unknown {
  const byLabel = (valueOf: (router: RunningRouter) => unknown) =>
    Object.fromEntries(routers.map((router) => [router.config.label, valueOf(router)]));
  return {
    router: byLabel(({ config: { protocol, dstPrefix, interpreter, dtab } }) => {
      return { protocol, dstPrefix, interpreter: interpreter.config.kind, dtab: showDtab(dtab) };
    }),
    server: byLabel(({ open }) => open.listeners.map(({ host, port }) => `${host}:${port}`)),
    client: byLabel(({ open }) => open.clusters().map(({ id }) => id)),
  };
}

function faultsOf({ config, open }: RunningRouter): unknown[] {
  return open.faults.views().map(({ client, isOn, ...rest }) => ({
    router: config.label,
    client,
    enabled: isOn,
    ...rest,
  }));
}

/** The clients are those that the name is bound to now; it must have been called. */
function policyView({ config, open }: RunningRouter): PolicyView {
  const idsOf = (path: Path) => {
    const views = open.destinations().filter((view) => view.logicalName === path);
    return [...new Set(views.flatMap(({ bound }) => bound.map(({ id }) => id)))];
  };
  return { router: config.label, of: (path) => policyJson(config, path, idsOf(path)) };
}

function namerStates({ namers }: Naming): (readonly [string, () => unknown])[] {
  return namers.flatMap(({ id, namer }) => {
    const { watchState } = namer;
    if (watchState === undefined) return [];
    const prefix = segmentsOf(id).slice(1).map(segmentText).join("/");
    return [[prefix, () => watchState.call(namer)] as const];
  });
}

function interpreterState({ config, interpreter }: RunningRouter): InterpreterState[] {
  const { watchState } = interpreter;
  if (watchState === undefined) return [];
  const { kind } = config.interpreter.config;
  const name = interpreter.stateName === undefined ? kind : `${kind}/${interpreter.stateName}`;
  return [{ router: config.label, name, state: () => watchState.call(interpreter) }];
}
