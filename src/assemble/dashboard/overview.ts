// The process at one moment, for the dashboard's first page and the head of all others.
import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import type {
  ConfigText,
  Instance,
  Overview,
  Problems,
  RouterInfo,
  ScopeDetail,
  ScopeKind,
  ScopeRow,
} from "../../admin/dashboard/shapes.ts";
import type { DashboardView } from "../../admin/views.ts";
import type { RunningRouter } from "../../assemble.ts";
import type { Clock } from "../../core/clock.ts";
import { showDtab } from "../../core/names/dtab.ts";
import { inChunks } from "../../telemetry/chunked-work.ts";
import { scopesIn, type History, type Scope } from "../../telemetry/history/history.ts";
import type { MetricsNode } from "../../telemetry/metrics.ts";
import { version } from "../../version.ts";
import { detailOf } from "./detail.ts";
import { bindingsOf, rowOf } from "./rows.ts";
import { samplesSince } from "./samples.ts";

/** Rows of one page; the busiest are kept. */
const maxRows = 2_000;

export interface DashboardParts {
  readonly root: MetricsNode;
  readonly history: History;
  readonly routers: readonly RunningRouter[];
  readonly clock: Clock;
  /** Of the configuration; null: it came from standard input. */
  readonly file: string | null;
  readonly text: string;
  problems(): Promise<Problems>;
  notReady(): string | null;
  hasFleet(): boolean;
}

export function dashboardView(parts: DashboardParts): DashboardView {
  const { root, history } = parts;
  let before = performance.eventLoopUtilization();
  const busy = () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return Math.round(utilization * 1_000) / 1_000;
  };
  return {
    overview: () => overviewOf(parts, busy),
    samples: (after) => samplesSince(root, history, after),
    lastSample: () => history.sample,
    scope: (router, kind, name) => scopeOf(parts, router, kind, name),
    configText: () => configTextOf(parts),
  };
}

async function overviewOf(parts: DashboardParts, busy: () => number): Promise<Overview> {
  const { root, history, routers, clock } = parts;
  const bindings = await bindingsOf(routers);
  const nowMs = clock.nowMs();
  const rows: ScopeRow[] = [];
  await inChunks(scopesIn(root), (scope) => {
    rows.push(rowOf(scope, history, bindings, nowMs));
  });
  return {
    at: new Date(clock.wallMs()).toISOString(),
    instance: instanceOf(parts, busy()),
    routers: routers.map(routerInfo),
    rows: busiest(rows),
    leftOut: Math.max(0, rows.length - maxRows),
    problems: await problemsOf(parts),
  };
}

/** Without the time of looking: what is the same as before is not sent again. */
async function problemsOf(parts: DashboardParts): Promise<Problems> {
  const { problems, more, looked } = await parts.problems();
  return { problems, more, looked };
}

/** What runs, whatever became of the file since. */
async function configTextOf({ file, text }: DashboardParts): Promise<ConfigText> {
  const { redactedLines } = await import("../../config/redacted-text.ts");
  return { file, lines: redactedLines(text) };
}

/** All rows in their order, unless there are too many. */
function busiest(rows: readonly ScopeRow[]): readonly ScopeRow[] {
  if (rows.length <= maxRows) return rows;
  return rows.toSorted((a, b) => b.perSecond - a.perSecond || b.calls - a.calls).slice(0, maxRows);
}

function routerInfo({ config, open }: RunningRouter): RouterInfo {
  return {
    label: config.label,
    protocol: config.protocol,
    dstPrefix: config.dstPrefix,
    interpreter: config.interpreter.config.kind,
    servers: open.listeners.map(({ host, port }) => `${host}:${port}`),
    dtab: showDtab(config.dtab),
  };
}

function instanceOf({ routers, file, notReady, hasFleet }: DashboardParts, busy: number): Instance {
  return {
    name: routers.map(({ config }) => config.label).join(", "),
    host: hostname(),
    version,
    file,
    pid: process.pid,
    node: process.version,
    uptimeMs: Math.round(process.uptime()) * 1_000,
    residentBytes: process.memoryUsage.rss(),
    busy,
    notReady: notReady(),
    hasFleet: hasFleet(),
  };
}

async function scopeOf(
  parts: DashboardParts,
  router: string,
  kind: ScopeKind,
  name: string,
): Promise<ScopeDetail | null> {
  const { root, history, routers, clock } = parts;
  const part = kind === "server" ? name : name.replace(/^\//, "");
  const scopes = root.children.get("rt")?.children.get(router)?.children.get(kind)?.children;
  const node = scopes?.get(part);
  if (node === undefined) return null;
  const scope: Scope = { router, kind, name: part, node };
  const bindings = await bindingsOf(routers, kind === "client" ? name : null);
  const row = rowOf(scope, history, bindings, clock.nowMs());
  return detailOf(scope, row, history, clock.wallMs());
}
