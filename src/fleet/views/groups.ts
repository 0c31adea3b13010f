// A topology that can be drawn: of many instances, those that are called by the same name are one node.
import { noFigures } from "../model/call-series.ts";
import type { Node, Edge, Topology, GroupedNode, GroupedTopology } from "./shapes.ts";

/** With more nodes than this, a drawing is a ball of wool. */
const maxNodes = 24;
/** The busiest, and those that fail. */
const maxEdges = 300;

export function grouped(topology: Topology): GroupedTopology {
  const isGrouped = topology.nodes.filter(({ kind }) => kind === "instance").length > maxNodes;
  const groupOf = isGrouped ? groupsOf(topology) : (id: string) => id;
  const nodes = nodesOf(topology.nodes, groupOf);
  const edges = isGrouped ? edgesOf(topology.edges, groupOf) : topology.edges;
  const sorted = edges.toSorted((a, b) => weightOf(b) - weightOf(a));
  const shown = sorted.slice(0, maxEdges);
  return { at: topology.at, isGrouped, nodes, edges: shown, leftOut: edges.length - shown.length };
}

function weightOf({ perSecond, successRate, state }: Edge): number {
  const failing = successRate !== null && successRate < 1 ? 1e9 : 0;
  return (perSecond ?? 0) + failing + (state === "open" ? 0 : 1e8);
}

/** Instances of one service share the client by which others call them; the rest share their name's stem. */
function groupsOf({ nodes, edges }: Topology): (id: string) => string {
  const clients = new Map<string, Map<string, number>>();
  for (const { to, client, perSecond } of edges) {
    const counts = clients.get(to) ?? new Map<string, number>();
    counts.set(client, (counts.get(client) ?? 0) + (perSecond ?? 0) + 1e-9);
    clients.set(to, counts);
  }
  const names = new Map<string, string>();
  for (const { id, kind, name } of nodes) {
    const counts = [...(clients.get(id) ?? [])].sort((a, b) => b[1] - a[1]);
    const [most] = counts;
    const stem = name.replace(/[-.:_]?\d+$/, "");
    names.set(id, kind === "outside" ? id : (most?.[0] ?? `${stem}*`));
  }
  return (id) => names.get(id) ?? id;
}

function nodesOf(nodes: readonly Node[], groupOf: (id: string) => string): GroupedNode[] {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const key = groupOf(node.id);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  return [...groups].map(([id, members]) =>
    members.length === 1 ? alone(id, members[0]!) : group(id, members),
  );
}

function alone(id: string, node: Node): GroupedNode {
  return { ...node, id, members: [node.id] };
}

const worstFirst = ["down", "not ready", "not asked yet", "left", "ready", "unknown"] as const;

function group(id: string, members: readonly Node[]): GroupedNode {
  const state = worstFirst.find((each) => members.some((node) => node.state === each)) ?? "unknown";
  const bad = members.filter((node) => node.state === state);
  const sum = (of: (node: Node) => number) => members.reduce((total, node) => total + of(node), 0);
  const perSecond = sum(({ incoming }) => incoming.perSecond);
  const good = sum(({ incoming }) => incoming.perSecond * (incoming.successRate ?? 1));
  const slowest = Math.max(-1, ...members.map(({ incoming }) => incoming.p99Ms ?? -1));
  return {
    id,
    kind: members[0]!.kind,
    name: nameOf(id, members),
    state,
    stateText:
      state === "ready" || state === "unknown"
        ? `all ${members.length} ready`
        : `${bad.length} of ${members.length}: ${bad[0]!.name} ${bad[0]!.stateText}`,
    behind: null,
    incoming: {
      ...noFigures,
      perSecond,
      successRate: perSecond === 0 ? null : good / perSecond,
      p99Ms: slowest < 0 ? null : slowest,
    },
    members: members.map((node) => node.id),
  };
}

/** The last segment of the name by which they are called, or what their names have in common. */
function nameOf(id: string, members: readonly Node[]): string {
  return `${id.startsWith("/") ? (id.split("/").at(-1) ?? id) : id.replace(/\*$/, "")} (${members.length})`;
}

function edgesOf(edges: readonly Edge[], groupOf: (id: string) => string): readonly Edge[] {
  const groups = new Map<string, Edge[]>();
  for (const edge of edges) {
    const id = `${groupOf(edge.from)} ${edge.router} ${edge.client} ${groupOf(edge.to)}`;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [edge]);
    else group.push(edge);
  }
  return [...groups].map(([id, [first, ...others]]) =>
    others.reduce(added, { ...first!, id, from: groupOf(first!.from), to: groupOf(first!.to) }),
  );
}

/** Endpoints of one edge that are shown. */
const maxEndpoints = 20;

function added(sum: Edge, edge: Edge): Edge {
  const [a, b] = [sum.perSecond ?? 0, edge.perSecond ?? 0];
  const rates = [
    [sum.successRate, a],
    [edge.successRate, b],
  ] as const;
  const known = rates.filter(([rate]) => rate !== null);
  const weight = known.reduce((total, [, each]) => total + each, 0);
  const good = known.reduce((total, [rate, each]) => total + (rate ?? 1) * each, 0);
  return {
    ...sum,
    endpoints: [...sum.endpoints, ...edge.endpoints].slice(0, maxEndpoints),
    perSecond: a + b,
    successRate: weight === 0 ? (sum.successRate ?? edge.successRate) : good / weight,
    callerP99Ms: maxOf(sum.callerP99Ms, edge.callerP99Ms),
    calleeP99Ms: maxOf(sum.calleeP99Ms, edge.calleeP99Ms),
    state: sum.state === "open" ? edge.state : sum.state,
    lastError: sum.lastError ?? edge.lastError,
    goneMs: sum.goneMs === null || edge.goneMs === null ? null : Math.min(sum.goneMs, edge.goneMs),
  };
}

function maxOf(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}
