// What is wrong in the fleet, worst first: what its instances say, and what only a look at all of them shows.
import { maxInstances, nameOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { idOf } from "../fleet.ts";
import type { Follower } from "../scrape/follower.ts";
import { ago, stateOf, titleOf } from "./states.ts";
import type { ProblemFacts, Edge, Topology, FleetProblem } from "./shapes.ts";

const order = { critical: 0, warning: 1, notice: 2 } as const;
/** Of all that instances say; the rest is counted. */
const maxProblems = 500;

/** The topology of a large fleet is expensive: it is made only when an instance is down. */
export function problemsOf(fleet: Fleet, topology: () => Topology): readonly FleetProblem[] {
  const followers = fleet.followers();
  const found = [
    ...followers.flatMap((follower) => instanceProblems(follower, fleet, topology)),
    ...listProblems(fleet),
    ...limitProblems(fleet),
    ...prometheusProblem(fleet),
    ...versionProblem(followers),
    ...reported(followers),
  ];
  const sorted = found.toSorted((a, b) => order[a.severity] - order[b.severity]);
  return sorted.slice(0, maxProblems);
}

function problem(
  fields: Pick<FleetProblem, "id" | "severity" | "kind" | "text" | "advice"> &
    Partial<FleetProblem>,
): FleetProblem {
  return { since: null, where: null, subject: {}, instances: [], ...fields };
}

function instanceProblems(
  follower: Follower,
  fleet: Fleet,
  topology: () => Topology,
): readonly FleetProblem[] {
  const nowMs = fleet.wallMs();
  const { name } = stateOf(follower, nowMs);
  const id = idOf(follower);
  const its = { instances: [id], where: placeOf(follower.target.listed) };
  if (name === "down" || name === "left")
    return [downProblem(follower, nowMs, topology().edges, its)];
  const found: FleetProblem[] = [];
  if (name === "not ready") {
    const text = `${titleOf(follower)} takes no calls: ${follower.model.facts?.notReady ?? ""}.`;
    const advice = "wait for it to start or to end; its log says how far it is";
    found.push(
      problem({
        id: `not-ready ${id}`,
        severity: "warning",
        kind: "not-ready",
        text,
        advice,
        ...its,
      }),
    );
  }
  const { skewMs } = follower.model;
  if (Math.abs(skewMs) > maxSkewMs) {
    const which = skewMs > 0 ? "ahead of" : "behind";
    const text = `The clock of ${titleOf(follower)} is ${Math.round(Math.abs(skewMs) / 1_000)} s ${which} this machine's.`;
    const advice =
      "let NTP set the clocks: log lines and traces of different machines do not fit together";
    found.push(
      problem({ id: `clock ${id}`, severity: "notice", kind: "clock", text, advice, ...its }),
    );
  }
  return found;
}

const maxSkewMs = 5_000;

function downProblem(
  follower: Follower,
  nowMs: number,
  edges: readonly Edge[],
  its: Partial<FleetProblem>,
): FleetProblem {
  const { state, model, unlistedMs } = follower;
  const id = idOf(follower);
  const why = state.name === "down" ? state.why.text : "";
  const callers = edges.filter(
    ({ to, from, goneMs }) => to === id && from !== id && goneMs === null,
  );
  const names = [...new Set(callers.map(({ from }) => from))];
  const seen =
    model.lastSeenMs === 0
      ? "it has never responded"
      : `last seen ${ago(model.lastSeenMs, nowMs)} ago`;
  const left = unlistedMs === null ? "" : ` It left its list ${ago(unlistedMs, nowMs)} ago.`;
  const still =
    names.length === 0
      ? ""
      : ` Discovery still sends calls to it: ${names.length} ${names.length === 1 ? "instance has" : "instances have"} it as an endpoint.`;
  return problem({
    id: `instance-down ${id}`,
    severity: names.length > 0 ? "critical" : unlistedMs === null ? "warning" : "notice",
    kind: "instance-down",
    text: `${titleOf(follower)} ${why}; ${seen}.${left}${still}`,
    since: state.name === "down" ? new Date(state.sinceMs).toISOString() : null,
    advice: `look at its log and start it again, or take it off the list (${follower.target.listed})`,
    subject: { endpoint: id },
    ...its,
  });
}

/** `fleet.txt:4` is a place in a file; a name is not. */
function placeOf(listed: string): FleetProblem["where"] {
  const parts = /^(.+):(\d+)$/.exec(listed);
  return parts === null ? null : { file: parts[1]!, line: Number(parts[2]) };
}

function listProblems(fleet: Fleet): readonly FleetProblem[] {
  return fleet.listings().flatMap(({ text: source, listing }) => {
    if (listing === null || listing.problem === null) return [];
    const kept =
      listing.targets === null || listing.targets.length === 0
        ? ""
        : " What it said before counts.";
    return problem({
      id: `list ${source}`,
      severity: listing.targets === null || listing.targets.length === 0 ? "critical" : "warning",
      kind: "fleet-list",
      text: `The list of instances ${source} is not right: ${listing.problem}.${kept}`,
      advice: "see fleet in the configuration of this process, and docs/fleet.md",
    });
  });
}

function limitProblems({ leftOut, budget, services }: Fleet): readonly FleetProblem[] {
  const found: FleetProblem[] = [];
  const limit = (id: string, text: string, advice: string) =>
    void found.push(problem({ id, severity: "warning", kind: "fleet-limit", text, advice }));
  if (leftOut > 0) {
    limit(
      "limit instances",
      `${leftOut} listed instances are left out: one fleet has at most ${maxInstances}.`,
      "run one fleet for each part of the mesh",
    );
  }
  if (budget.refused > 0) {
    limit(
      "limit series",
      `Not all services and clients are kept: there are more than ${budget.max} over all instances.`,
      "raise fleet.maxSeries (2.1 kB of memory each), or keep the metrics in Prometheus (fleet.prometheus)",
    );
  }
  if (services.refused > 0) {
    limit(
      "limit services",
      "Not all services have merged percentiles: there are too many different names.",
      "see whether callers make names up: maxServiceNames of a router limits them",
    );
  }
  return found;
}

function prometheusProblem({ prometheus }: Fleet): readonly FleetProblem[] {
  if (prometheus === null || prometheus.problem === null) return [];
  const text = `Services are not current: ${prometheus.problem}.`;
  const advice = "see fleet.prometheus in the configuration of this process";
  return [problem({ id: "prometheus", severity: "warning", kind: "prometheus", text, advice })];
}

function versionProblem(followers: readonly Follower[]): readonly FleetProblem[] {
  const versions = new Map<string, number>();
  for (const { model, state } of followers) {
    if (state.name !== "up" || model.facts === null) continue;
    versions.set(model.facts.version, (versions.get(model.facts.version) ?? 0) + 1);
  }
  if (versions.size < 2) return [];
  const counts = [...versions].map(([version, count]) => `${version} (${count})`).join(", ");
  const text = `${versions.size} versions of switchyard run side by side: ${counts}.`;
  const advice = "finish the update, or undo it";
  return [problem({ id: "versions", severity: "notice", kind: "versions", text, advice })];
}

/** The same problem seen by many instances is one. */
function reported(followers: readonly Follower[]): readonly FleetProblem[] {
  const byId = new Map<string, { first: ProblemFacts; seenBy: Follower[] }>();
  for (const follower of followers) {
    if (follower.state.name !== "up") continue;
    for (const each of follower.model.problems) {
      const known = byId.get(each.id);
      if (known === undefined) byId.set(each.id, { first: each, seenBy: [follower] });
      else known.seenBy.push(follower);
    }
  }
  return [...byId.values()].map(({ first, seenBy }) => {
    const [only, ...others] = seenBy;
    const who = only === undefined ? "" : nameOf(only);
    const by = others.length === 0 ? who : `${seenBy.length} instances, such as ${who}`;
    return { ...first, text: `${by}: ${first.text}`, instances: seenBy.map(idOf) };
  });
}
