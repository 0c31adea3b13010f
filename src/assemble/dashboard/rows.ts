// The rows of the dashboard's tables: one for each server, service and client of a router.
import type { ScopeRow } from "../../admin/dashboard/shapes.ts";
import type { RunningRouter } from "../../assemble.ts";
import type { Path } from "../../core/names/path.ts";
import type { EndpointView } from "../../routing/cluster-view.ts";
import { inChunks } from "../../telemetry/chunked-work.ts";
import type { History, Scope } from "../../telemetry/history/history.ts";
import { countsOf, latencyOf, valueOf } from "../../telemetry/history/track.ts";

/** What routers know of their services and clients, read once for all rows. */
export interface Bindings {
  /** By router and logical name. */
  readonly services: ReadonlyMap<string, Bound>;
  /** By router and id. */
  readonly clients: ReadonlyMap<string, Required<ScopeRow>["endpoints"]>;
}

interface Bound {
  readonly to: Required<ScopeRow>["to"];
  readonly detail: string;
}

/** `client`: only that one's endpoints; null: all. */
export async function bindingsOf(
  routers: readonly RunningRouter[],
  client: string | null = null,
): Promise<Bindings> {
  const services = new Map<string, Bound>();
  const clients = new Map<string, Required<ScopeRow>["endpoints"]>();
  for (const { config, open } of routers) {
    const within = (name: Path | string) => `${config.label} ${name}`;
    await inChunks(open.destinations(), ({ logicalName, localDtab, bound, state, detail }) => {
      if (localDtab !== "") return;
      const to = bound.map(({ id, share }) => ({ id: String(id), share }));
      services.set(within(logicalName), { to, detail: state === "bound" ? "" : detail });
    });
    await inChunks(open.eachCluster(client), ({ id, endpoints }) => {
      clients.set(within(id), openOf(endpoints));
    });
  }
  return { services, clients };
}

/** Endpoints that take calls, of all that discovery knows. */
function openOf(endpoints: readonly EndpointView[]): Required<ScopeRow>["endpoints"] {
  const present = endpoints.filter(({ state }) => state !== "draining");
  const out = present.filter(({ state }) => state === "ejected" || state === "probing");
  return { open: present.length - out.length, total: present.length };
}

/** Scopes are named without the slash that begins a path; `(other)` and the like are no paths. */
function nameOf({ kind, name }: Pick<Scope, "kind" | "name">): string {
  return kind === "server" || name.startsWith("(") ? name : `/${name}`;
}

export function keyOf(scope: Pick<Scope, "router" | "kind" | "name">): string {
  return `${scope.router} ${scope.kind} ${nameOf(scope)}`;
}

export function rowOf(scope: Scope, history: History, bindings: Bindings, nowMs: number): ScopeRow {
  const { router, kind, node } = scope;
  const track = history.trackOf(node);
  const latency = latencyOf(node)?.summary();
  const at = (index: number) =>
    latency === undefined || latency.count === 0 ? null : (latency.atPercentile[index] ?? null);
  return {
    key: keyOf(scope),
    router,
    kind,
    name: nameOf(scope),
    calls: countsOf(node, nowMs).calls,
    perSecond: round(track.callsPerSecond(nowMs)),
    success: round4(track.successRate(history.sample, nowMs)),
    p50: at(0),
    p99: at(3),
    pending: valueOf(node, "pending"),
    ...bindingOf(scope, bindings),
  };
}

function bindingOf(scope: Scope, bindings: Bindings): Partial<ScopeRow> {
  const { router, kind } = scope;
  const key = `${router} ${nameOf(scope)}`;
  if (kind === "client") {
    const endpoints = bindings.clients.get(key);
    return endpoints === undefined ? {} : { endpoints };
  }
  const bound = kind === "service" ? bindings.services.get(key) : undefined;
  if (bound === undefined) return {};
  return bound.detail === "" ? { to: bound.to } : bound;
}

/** Three digits are enough for people, and keep the stream short. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** Of a share: 99.99 % is not 100 %. */
function round4(value: number | null): number | null {
  return value === null ? null : Math.floor(value * 10_000) / 10_000;
}
