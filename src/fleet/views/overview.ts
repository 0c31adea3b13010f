// The fleet on one page: its instances, and how each stands.
import type { Fleet } from "../fleet.ts";
import { idOf, nameOf } from "../fleet.ts";
import type { Follower } from "../scrape/follower.ts";
import { problemsOf } from "./problems.ts";
import { stateOf } from "./states.ts";
import { incomingOf } from "./topology.ts";
import type { FleetProblem, InstanceView, Overview, Topology } from "./shapes.ts";

export function overviewOf(fleet: Fleet, topology: () => Topology): Overview {
  const nowMs = fleet.wallMs();
  const problems = problemsOf(fleet, topology);
  const { config, budget } = fleet;
  return {
    at: new Date(nowMs).toISOString(),
    title: config.title,
    intervalMs: config.intervalMs,
    sources: fleet.listings().map(({ text, listing }) => ({
      text,
      count: listing?.targets?.length ?? 0,
      problem: listing?.problem ?? null,
    })),
    instances: fleet.followers().map((follower) => viewOf(follower, nowMs, problems, fleet)),
    problems,
    kept: {
      by: config.prometheus === null ? "fleet" : "prometheus",
      series: budget.used,
      maxSeries: budget.max,
    },
  };
}

function viewOf(
  follower: Follower,
  nowMs: number,
  problems: readonly FleetProblem[],
  { config }: Fleet,
): InstanceView {
  const { model } = follower;
  const state = stateOf(follower, nowMs);
  const id = idOf(follower);
  const own = problems.filter(({ instances }) => instances.includes(id));
  const count = (severity: FleetProblem["severity"]) =>
    own.filter((each) => each.severity === severity).length;
  return {
    id,
    name: nameOf(follower),
    url: `${config.credentials.tls === null ? "http" : "https"}://${id}/`,
    state: state.name,
    text: state.text,
    since: isoOf(state.sinceMs),
    lastSeen: isoOf(model.lastSeenMs === 0 ? null : model.lastSeenMs),
    startedAt: isoOf(model.facts?.startedAt ?? null),
    version: model.facts?.version ?? null,
    configHash: model.facts?.configHash ?? null,
    configFile: model.facts?.configFile ?? null,
    routers: (model.facts?.routers ?? []).map(({ label, protocol, servers }) => {
      return { label, protocol, servers };
    }),
    incoming: incomingOf(follower, nowMs),
    problems: { critical: count("critical"), warning: count("warning"), notice: count("notice") },
  };
}

/** An instance may send any number. */
function isoOf(wallMs: number | null): string | null {
  return wallMs === null || !(wallMs <= 8.64e15) ? null : new Date(wallMs).toISOString();
}
