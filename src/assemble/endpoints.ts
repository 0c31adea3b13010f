// The endpoints of all clients as `/endpoints.json` shows them.
import type { Json } from "../admin/views.ts";
import type { RunningRouter } from "../assemble.ts";
import type { Clock } from "../core/clock.ts";
import { clientState } from "../routing/cluster-view.ts";
import type { ClusterView, EndpointView } from "../routing/cluster-view.ts";

/** null: of all routers, all clients. */
export function* endpointsOf(
  routers: readonly RunningRouter[],
  router: string | null,
  client: string | null,
  clock: Clock,
): Iterable<Json> {
  for (const { config, open } of routers) {
    if (router !== null && config.label !== router) continue;
    for (const cluster of open.eachCluster(client)) {
      yield clientJson(config.label, cluster, clock.wallMs());
    }
  }
}

function clientJson(router: string, cluster: ClusterView, wallMs: number): Json {
  const { ageMs, problem } = cluster.source;
  return {
    router,
    client: cluster.id,
    state: clientState(cluster).state,
    source: { ageMs: ageMs === null ? null : rounded(ageMs), problem },
    endpoints: cluster.endpoints.map((endpoint) => endpointJson(endpoint, wallMs)),
  };
}

function endpointJson(endpoint: EndpointView, wallMs: number): Json {
  const { lastError, lastMinute, nextProbeMs, latencyMs } = endpoint;
  const { requests, failures } = lastMinute;
  const at = (agoMs: number) => new Date(wallMs - agoMs).toISOString();
  return {
    address: endpoint.address,
    state: endpoint.state,
    since: at(endpoint.sinceMs),
    sinceMs: rounded(endpoint.sinceMs),
    lastError: lastError === null ? null : { at: at(lastError.agoMs), text: lastError.text },
    nextProbeMs: nextProbeMs === null ? null : Math.ceil(nextProbeMs),
    weight: endpoint.weight,
    load: rounded(endpoint.load),
    pending: endpoint.pending,
    connections: endpoint.connections,
    latencyMs: latencyMs === null ? null : rounded(latencyMs),
    lastMinute: { requests, successRate: requests === 0 ? null : 1 - failures / requests },
  };
}

/** To a thousandth. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
