// Services over all instances, with percentiles of all their calls.
import type { Fleet } from "../fleet.ts";
import { idOf, nameOf } from "../fleet.ts";
import type { CallSeries } from "../model/call-series.ts";
import type { Follower } from "../scrape/follower.ts";
import type { Figures, Point, ServiceView, ServiceDetail } from "./shapes.ts";

interface Part {
  readonly follower: Follower;
  readonly protocol: string;
  readonly series: CallSeries;
}

interface Group {
  readonly router: string;
  readonly name: string;
  readonly parts: Part[];
}

/** Of routers of the same label: `outgoing` and `incoming` count the same calls twice. */
function groupsOf(fleet: Fleet): Group[] {
  const groups = new Map<string, Group>();
  for (const follower of fleet.followers()) {
    if (follower.state.name === "down") continue;
    for (const { label, protocol, calls } of follower.model.routers.values()) {
      for (const [name, series] of calls.service) {
        const key = `${label} ${name}`;
        const group = groups.get(key) ?? { router: label, name, parts: [] };
        group.parts.push({ follower, protocol, series });
        groups.set(key, group);
      }
    }
  }
  return [...groups.values()];
}

/** The busiest first. */
export function servicesOf(fleet: Fleet): readonly ServiceView[] {
  if (fleet.prometheus !== null) return fleet.prometheus.services();
  return groupsOf(fleet)
    .map((group) => viewOf(fleet, group))
    .sort((a, b) => b.perSecond - a.perSecond || (a.name < b.name ? -1 : 1));
}

function viewOf(fleet: Fleet, { router, name, parts }: Group): ServiceView {
  const nowMs = fleet.wallMs();
  const figures = parts.map(({ series }) => series.figures(nowMs));
  return {
    router,
    protocol: parts[0]?.protocol ?? "?",
    name,
    instances: parts.length,
    ...totalOf(figures),
    latency: fleet.services.find(router, name)?.lastMinute(nowMs) ?? null,
  };
}

function totalOf(figures: readonly Figures[]) {
  const perSecond = figures.reduce((sum, each) => sum + each.perSecond, 0);
  const known = figures.filter(({ successRate }) => successRate !== null);
  // Without a rate, such as in the first seconds, all count alike.
  const weightOf = (each: Figures) => (perSecond > 0 ? each.perSecond : 1);
  const weight = known.reduce((sum, each) => sum + weightOf(each), 0);
  const good = known.reduce((sum, each) => sum + weightOf(each) * (each.successRate ?? 1), 0);
  return { perSecond, successRate: weight > 0 ? good / weight : null };
}

/** null: no instance has had calls of that name; a text: Prometheus cannot say. */
export async function serviceOf(
  fleet: Fleet,
  router: string,
  name: string,
): Promise<ServiceDetail | null | string> {
  const group = groupsOf(fleet).find((each) => each.router === router && each.name === name);
  if (fleet.prometheus === null) return group === undefined ? null : detailOf(fleet, group);
  const found = await fleet.prometheus.service(router, name);
  if (found === null || typeof found === "string") return found;
  return { ...found, byInstance: group === undefined ? [] : byInstance(fleet, group) };
}

function byInstance(fleet: Fleet, { parts }: Group): ServiceDetail["byInstance"] {
  const nowMs = fleet.wallMs();
  return parts.map(({ follower, series }) => ({
    id: idOf(follower),
    name: nameOf(follower),
    ...series.figures(nowMs),
  }));
}

function detailOf(fleet: Fleet, group: Group): ServiceDetail {
  const { router, name } = group;
  const nowMs = fleet.wallMs();
  const merged = fleet.services.find(router, name);
  const hour = sumOf(group.parts.map(({ series }) => series.hour(nowMs)));
  const latencies = merged?.hour(nowMs) ?? [];
  return {
    ...viewOf(fleet, group),
    lastHour: merged?.lastHour(nowMs) ?? null,
    byInstance: byInstance(fleet, group),
    tenMinutes: sumOf(group.parts.map(({ series }) => series.tenMinutes(nowMs))),
    hour: hour.map((point, at) => ({ ...point, latency: latencies[at]?.latency ?? null })),
  };
}

function sumOf(lists: readonly (readonly Point[])[]) {
  const [first = [], ...others] = lists;
  return first.map(({ atMs, requests, failures }, at) => ({
    atMs,
    requests: others.reduce((sum, points) => sum + (points[at]?.requests ?? 0), requests),
    failures: others.reduce((sum, points) => sum + (points[at]?.failures ?? 0), failures),
  }));
}
