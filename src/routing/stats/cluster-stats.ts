// The metrics of one cluster: everything below `client/<id>`.
import type { WireStats } from "../../core/transport.ts";
import { wireStats } from "./wire-stats.ts";
import type { Counter, Stats } from "../../core/stats.ts";
import type { AccrualCounters } from "../accrual.ts";
import type { Status } from "../balancers/balancer.ts";
import type { EndpointState } from "../cluster-view.ts";
import { CallStats } from "./call-stats.ts";
import { RequeueStats } from "../filters/requeue.ts";

/** What the gauges read: see `ClusterView` for the words. */
export interface ClusterNumbers {
  pending(): number;
  /** Requeues that could be made now. */
  requeueBudget(): number;
  endpoints(): {
    readonly size: number;
    readonly meanWeight: number;
    count(status: Status): number;
    countIn(state: EndpointState): number;
  };
}

export interface ClusterStats {
  readonly scope: Stats;
  readonly attempts: CallStats;
  readonly requeues: RequeueStats;
  readonly wire: WireStats;
  readonly accrual: AccrualCounters;
  readonly balancer: {
    readonly adds: Counter;
    readonly removes: Counter;
    readonly updates: Counter;
    readonly rebuilds: Counter;
    readonly maxEffortExhausted: Counter;
    readonly panics: Counter;
  };
}

/** Finagle's names of the balancers, by kind. */
const algorithms: Readonly<Record<string, string>> = {
  p2c: "p2c_least_loaded",
  ewma: "p2c_peak_ewma",
  aperture: "aperture_least_loaded",
  heap: "heap_least_loaded",
  roundRobin: "round_robin",
};

/** Those that `loadbalancer` does not tell apart. Per endpoint there is `/endpoints.json`, and no series. */
const countedStates = ["ejected", "probing", "connecting", "draining"] as const;

/** `balancerKind` is shown as the gauge `loadbalancer/algorithm/<name>`. */
export function clusterStats(
  scope: Stats,
  balancerKind: string,
  numbers: ClusterNumbers,
): ClusterStats {
  const balancer = scope.scope("loadbalancer");
  const accrual = scope.scope("failure_accrual");
  balancer.gauge(() => numbers.endpoints().size, "size");
  balancer.gauge(() => numbers.endpoints().count("open"), "available");
  balancer.gauge(() => numbers.endpoints().count("busy"), "busy");
  balancer.gauge(() => numbers.endpoints().count("closed"), "closed");
  balancer.gauge(() => numbers.pending(), "load");
  balancer.gauge(() => numbers.endpoints().meanWeight, "meanweight");
  balancer.gauge(() => 1, "algorithm", algorithms[balancerKind] ?? balancerKind);
  for (const state of countedStates) {
    scope.gauge(() => numbers.endpoints().countIn(state), "endpoints", state);
  }
  const retries = scope.scope("retries");
  retries.gauge(() => numbers.requeueBudget(), "budget");
  scope.gauge(() => (numbers.endpoints().count("open") > 0 ? 1 : 0), "available");
  return {
    scope,
    attempts: new CallStats(scope),
    requeues: new RequeueStats(retries),
    wire: wireStats(scope),
    accrual: {
      removals: accrual.counter("removals"),
      revivals: accrual.counter("revivals"),
      probes: accrual.counter("probes"),
      removedForMs: accrual.counter("removed_for_ms"),
      spared: accrual.counter("spared"),
      silent: accrual.counter("silent"),
      held: accrual.counter("held_back"),
      moved: accrual.counter("moved_calls"),
    },
    balancer: {
      adds: balancer.counter("adds"),
      removes: balancer.counter("removes"),
      updates: balancer.counter("updates"),
      rebuilds: balancer.counter("rebuilds"),
      maxEffortExhausted: balancer.counter("max_effort_exhausted"),
      panics: balancer.counter("panicked"),
    },
  };
}
