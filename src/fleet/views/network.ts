// The time between two sides: what the callers measured, less what the callees did.
import type { FoundEdge } from "./topology.ts";
import type { Edge } from "./shapes.ts";

/** How far the two sides' counts may be apart: beyond that, somebody else calls the callees, too. */
const tolerance = 0.2;
const minCalls = 5;

/**
 * Means can be subtracted, percentiles cannot; and only those of the same calls. So clients are looked at
 * together with all others that call the same servers, and left out if the counts do not agree.
 */
export function networkMs(edges: readonly FoundEdge[]): (edge: Edge) => number | null {
  const groups = new Map<string, Group>();
  for (const found of edges) {
    const key = keyOf(found.edge);
    const group = groups.get(key) ?? { callers: new Map(), callees: new Map(), isWhole: true };
    group.callers.set(`${found.edge.from} ${found.edge.router}`, found.recent);
    for (const { follower, router, server } of found.callees) {
      const recent = router.calls.server.get(server)?.recent() ?? nothing;
      group.callees.set(`${follower.target.host} ${server}`, recent);
    }
    // One endpoint that is not in the fleet, and the client's figures are not of the same calls.
    if (found.callees.length < found.edge.endpoints.length) group.isWhole = false;
    groups.set(key, group);
  }
  return (edge) => differenceOf(groups.get(keyOf(edge)));
}

interface Sum {
  readonly count: number;
  readonly sumMs: number;
}

interface Group {
  readonly callers: Map<string, Sum>;
  readonly callees: Map<string, Sum>;
  isWhole: boolean;
}

const nothing: Sum = { count: 0, sumMs: 0 };

function keyOf({ protocol, client }: Edge): string {
  return `${protocol} ${client}`;
}

function differenceOf(group: Group | undefined): number | null {
  if (group === undefined || !group.isWhole) return null;
  const [caller, callee] = [totalOf(group.callers), totalOf(group.callees)];
  if (caller.count < minCalls || callee.count < minCalls) return null;
  if (Math.abs(caller.count - callee.count) > tolerance * caller.count) return null;
  return Math.max(0, caller.sumMs / caller.count - callee.sumMs / callee.count);
}

function totalOf(sums: ReadonlyMap<string, Sum>): Sum {
  let [count, sumMs] = [0, 0];
  for (const each of sums.values()) {
    count += each.count;
    sumMs += each.sumMs;
  }
  return { count, sumMs };
}
