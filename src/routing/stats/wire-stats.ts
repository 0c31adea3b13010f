// The metrics of connections to endpoints, below one scope.
import type { Stats } from "../../core/stats.ts";
import type { WireStats } from "../../core/transport.ts";

export function wireStats(scope: Stats): WireStats {
  const stats: WireStats = {
    connects: scope.counter("connects"),
    closes: scope.counter("closes"),
    receivedBytes: scope.counter("received_bytes"),
    sentBytes: scope.counter("sent_bytes"),
    cancelledConnects: scope.counter("cancelled_connects"),
    waited: scope.counter("pool_num_waited"),
    tooManyWaiters: scope.counter("pool_num_too_many_waiters"),
    connectionRequests: scope.histogram("connection_requests"),
    closed: {
      durationMs: scope.histogram("connection_duration"),
      receivedBytes: scope.histogram("connection_received_bytes"),
      sentBytes: scope.histogram("connection_sent_bytes"),
    },
    connectLatencyMs: scope.histogram("connect_latency_ms"),
    failedConnectLatencyMs: scope.histogram("failed_connect_latency_ms"),
    connections: 0,
    pooled: 0,
    waiters: 0,
  };
  scope.gauge(() => stats.connections, "connections");
  scope.gauge(() => stats.connections, "pool_size");
  scope.gauge(() => stats.pooled, "pool_cached");
  scope.gauge(() => stats.waiters, "pool_waiters");
  return stats;
}
