// Who calls whom: the endpoints of one instance's clients are the servers of others.
import type { Fleet } from "../fleet.ts";
import { idOf, nameOf } from "../fleet.ts";
import { noFigures } from "../model/call-series.ts";
import type { RouterModel } from "../model/instance.ts";
import type { Follower } from "../scrape/follower.ts";
import { isUp, keyOfEndpoint, Listeners } from "./listeners.ts";
import type { Listening } from "./listeners.ts";
import { networkMs } from "./network.ts";
import { stateOf } from "./states.ts";
import type { Figures, EndpointFacts, Node, Edge, Topology } from "./shapes.ts";

export function topologyOf(fleet: Fleet): Topology {
  const nowMs = fleet.wallMs();
  const followers = fleet.followers();
  const listeners = new Listeners(followers);
  const found = followers.filter(isUp).flatMap((caller) => edgesOf(caller, listeners, nowMs));
  const network = networkMs(found);
  const now = found.map(({ edge }) => ({ ...edge, networkMs: network(edge) }));
  const edges = fleet.edges.withGone(now, nowMs);
  const known = new Set(followers.map(idOf));
  // What a dead instance called is gone with it; what called it is what one wants to see.
  const up = new Set(followers.filter(isUp).map(idOf));
  const outside = outsideNodes(edges.filter(({ to, from }) => !known.has(to) && up.has(from)));
  return {
    at: new Date(nowMs).toISOString(),
    nodes: [...followers.map((follower) => instanceNode(follower, nowMs)), ...outside],
    edges: edges.filter(({ from, goneMs }) => known.has(from) && (goneMs === null || up.has(from))),
  };
}

/** An edge, and who counts the same calls on the other side. */
export interface FoundEdge {
  readonly edge: Edge;
  readonly recent: { readonly count: number; readonly sumMs: number };
  readonly callees: readonly Listening[];
}

function edgesOf(caller: Follower, listeners: Listeners, nowMs: number): FoundEdge[] {
  return [...caller.model.routers.values()].flatMap((router) =>
    [...router.endpoints.byClient()].flatMap(([client, endpoints]) =>
      edgesOfClient({ caller, router, client, endpoints }, listeners, nowMs),
    ),
  );
}

interface ClientOfRouter {
  readonly caller: Follower;
  readonly router: RouterModel;
  readonly client: string;
  readonly endpoints: readonly EndpointFacts[];
}

function edgesOfClient(of: ClientOfRouter, listeners: Listeners, nowMs: number): FoundEdge[] {
  const groups = new Map<string, { facts: EndpointFacts[]; callees: Listening[] }>();
  for (const facts of of.endpoints) {
    const callee = listeners.find(of.caller, facts.address);
    const to = callee === undefined ? outsideId(of, facts.address) : idOf(callee.follower);
    const group = groups.get(to) ?? { facts: [], callees: [] };
    group.facts.push(facts);
    if (callee !== undefined) group.callees.push(callee);
    groups.set(to, group);
  }
  const series = of.router.calls.client.get(of.client);
  const figures = series?.figures(nowMs) ?? noFigures;
  const recent = series?.recent() ?? { count: 0, sumMs: 0 };
  return [...groups].map(([to, { facts, callees }]) => {
    const isOnly = groups.size === 1;
    const edge = edgeOf(of, to, facts, figures, isOnly);
    return { edge: { ...edge, calleeP99Ms: p99Of(callees, nowMs) }, recent, callees };
  });
}

/** All endpoints of a client outside the fleet are one node: the client's name says more than they do. */
function outsideId({ caller, client, router }: ClientOfRouter, address: string): string {
  const isOwn = keyOfEndpoint(caller, address) !== address;
  return `${isOwn ? idOf(caller) : "outside"} ${router.protocol} ${client}`;
}

function edgeOf(
  { caller, router, client }: ClientOfRouter,
  to: string,
  endpoints: readonly EndpointFacts[],
  figures: Figures,
  isOnly: boolean,
): Edge {
  const from = idOf(caller);
  const counted = minuteOf(endpoints, caller);
  return {
    id: `${from} ${router.label} ${client} ${to}`,
    from,
    to,
    router: router.label,
    protocol: router.protocol,
    client,
    endpoints,
    perSecond: isOnly ? figures.perSecond : (counted?.perSecond ?? null),
    successRate: isOnly ? figures.successRate : (counted?.successRate ?? null),
    latencyMs: meanOf(endpoints.map(({ latencyMs }) => latencyMs)) ?? figures.meanMs,
    callerP99Ms: figures.p99Ms,
    calleeP99Ms: null,
    networkMs: null,
    state: worstState(endpoints),
    lastError: endpoints.find(({ lastError }) => lastError !== null)?.lastError?.text ?? null,
    goneMs: null,
  };
}

/** null: the instance does not count by endpoint. */
function minuteOf(endpoints: readonly EndpointFacts[], { model }: Follower) {
  const minutes = endpoints.flatMap(({ lastMinute }) => (lastMinute === null ? [] : [lastMinute]));
  if (minutes.length === 0) return null;
  const requests = minutes.reduce((sum, each) => sum + each.requests, 0);
  const good = minutes.reduce((sum, each) => sum + each.requests * (each.successRate ?? 1), 0);
  const upMs = model.facts === null ? 60_000 : model.facts.at - model.facts.startedAt;
  const overSeconds = Math.min(60, Math.max(1, upMs / 1_000));
  return {
    perSecond: requests / overSeconds,
    successRate: requests === 0 ? null : good / requests,
  };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0) / known.length;
}

const goodStates: ReadonlySet<string> = new Set(["open", "connecting"]);

function worstState(endpoints: readonly EndpointFacts[]): string {
  return (
    endpoints.find(({ state }) => !goodStates.has(state))?.state ?? endpoints[0]?.state ?? "open"
  );
}

function p99Of(callees: readonly Listening[], nowMs: number): number | null {
  const known = callees.flatMap(({ router, server }) => {
    const figures = router.calls.server.get(server)?.figures(nowMs);
    const p99Ms = figures?.p99Ms ?? null;
    return p99Ms === null ? [] : [p99Ms];
  });
  return known.length === 0 ? null : Math.max(...known);
}

function instanceNode(follower: Follower, nowMs: number): Node {
  const { name: state, text } = stateOf(follower, nowMs);
  return {
    id: idOf(follower),
    kind: "instance",
    name: nameOf(follower),
    state,
    stateText: text,
    behind: null,
    incoming: incomingOf(follower, nowMs),
  };
}

/**
 * What came in from outside of it. Where some routers lead to its own service, those are its way in, and the
 * calls of the others come from that service.
 */
export function incomingOf(follower: Follower, nowMs: number): Figures {
  const { model, state } = follower;
  if (state.name === "down") return noFigures;
  const routers = [...model.routers.values()];
  const inward = routers.filter((router) => isInward(follower, router));
  const all = (inward.length > 0 ? inward : routers).flatMap(({ calls }) =>
    [...calls.server.values()].map((series) => series.figures(nowMs)),
  );
  const perSecond = all.reduce((sum, each) => sum + each.perSecond, 0);
  const weighted = all.filter(({ successRate }) => successRate !== null);
  const weight = weighted.reduce((sum, each) => sum + each.perSecond, 0);
  const good = weighted.reduce((sum, each) => sum + each.perSecond * (each.successRate ?? 1), 0);
  const slowest = Math.max(-1, ...all.map(({ p99Ms }) => p99Ms ?? -1));
  return {
    ...noFigures,
    perSecond,
    successRate: weight === 0 ? null : good / weight,
    p99Ms: slowest < 0 ? null : slowest,
  };
}

/** Whether it leads to a service beside the instance: by an address that is written in its dtab. */
function isInward(follower: Follower, router: RouterModel): boolean {
  for (const [client, endpoints] of router.endpoints.byClient()) {
    const isOwn = endpoints.some(({ address }) => keyOfEndpoint(follower, address) !== address);
    if (isOwn && client.startsWith("/$/inet/")) return true;
  }
  return false;
}

function outsideNodes(edges: readonly Edge[]): Node[] {
  const callers = new Map<string, { edge: Edge; from: Set<string> }>();
  for (const edge of edges) {
    const known = callers.get(edge.to) ?? { edge, from: new Set<string>() };
    known.from.add(edge.from);
    callers.set(edge.to, known);
  }
  return [...callers].map(([id, { edge, from }]) => {
    const [only = null] = from.size === 1 ? from : [];
    const [first] = edge.endpoints;
    const name = edge.endpoints.length === 1 && first !== undefined ? first.address : edge.client;
    return {
      id,
      kind: "outside",
      name,
      state: "unknown",
      stateText: "not an instance of this fleet",
      behind: only,
      incoming: noFigures,
    };
  });
}
