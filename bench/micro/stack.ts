// Measures the whole stack, from naming a call to the endpoint and back, on in-memory wires:
//   node dist/bench/micro/stack.js
import { performance } from "node:perf_hooks";
import * as v from "valibot";
import type { Clock } from "../../src/core/clock.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import { constant, ok, pending } from "../../src/core/live.ts";
import type { AddressSet } from "../../src/core/naming.ts";
import { leaf } from "../../src/core/names/nametree.ts";
import type { Path } from "../../src/core/names/path.ts";
import { pathLiteral, root } from "../../src/core/names/path.ts";
import type { Request } from "../../src/core/request.ts";
import type { DialOptions } from "../../src/core/transport.ts";
import type { Reply } from "../../src/core/service.ts";
import { ended } from "../../src/core/service.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import type { BalancerPlugin } from "../../src/routing/balancers/balancer.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { noClientFilters } from "../../src/routing/options.ts";
import { createRouter } from "../../src/routing/router.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";

const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: () => () => {},
};
const random = Math.random;

interface BenchCall extends Request {
  host: string;
}

const wire = {
  service: (_: BenchCall, reply: Reply<number>) => {
    reply.start(200);
    reply.end(null);
    return ended;
  },
  status: "open" as const,
  connections: 1,
  close: () => {},
};

const addresses: AddressSet = Array.from({ length: 10 }, (_, i) => ({
  host: "10.0.0.1",
  port: 1 + i,
  weight: 1,
}));
const bound = constant(
  ok(leaf({ id: pathLiteral("/#/fs/web"), residual: root, addresses: constant(ok(addresses)) })),
);
const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const budget = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
const dialOptions = { config: {} } as unknown as DialOptions;

function routerWith(plugin: BalancerPlugin) {
  const balancing = plugin.create(v.parse(plugin.schema, { kind: plugin.kind }), { clock, random });
  const accrualConfig = v.parse(consecutiveFailures.schema, { kind: consecutiveFailures.kind });
  const accrual = consecutiveFailures.create(accrualConfig, { random });
  return createRouter<BenchCall, number>({
    clock,
    random,
    log,
    stats: openMetrics(clock).stats,
    identify: ({ host }) => `/svc/${host}` as Path,
    interpreter: { bind: () => bound, delegate: () => constant(pending), close: nothing },
    dtab: emptyDtab,
    bindingTimeoutMs: 10_000,
    bindingCache: { paths: 1_000, trees: 1_000, bounds: 1_000, clients: 1_000, idleTtlSecs: 600 },
    maxServiceNames: 1_000,
    protocol: {
      dial: () => wire,
      responseCounter: () => nothing,
      statusOf: String,
      mark: nothing,
    },
    serviceOptions: () => ({
      classifier: (_, response, why) =>
        why !== null || response === null || response >= 500 ? "failure" : "success",
      totalTimeoutMs: Infinity,
      rateLimit: null,
      retries: { budget, maxAttempts: 3, backoff: () => ({ nextMs: () => 0, reset: nothing }) },
      filters: [],
    }),
    clientOptions: () => ({
      balancing,
      accrual,
      attemptTimeoutMs: Infinity,
      filters: noClientFilters,
      requeueBudget: budget,
      dial: dialOptions,
    }),
    explain: () => "",
  });
}

function callTo(host: string): BenchCall {
  return {
    host,
    deadlineMs: Infinity,
    localDtab: emptyDtab,
    replayable: true,
    idempotent: true,
    logicalName: null,
    bound: null,
    endpoint: null,
    destination: null,
    clusterHandle: null,
    lastAttempt: null,
    waits: null,
  };
}

/** The best of five rounds, to reduce noise from other load. */
function nsPerCall(plugin: BalancerPlugin, hosts: number): number {
  const { service } = routerWith(plugin);
  const calls = Array.from({ length: hosts }, (_, i) => callTo(`host-${i}.example`));
  const reply: Reply<number> = { start: nothing, end: nothing };
  const rounds = 200_000;
  let best = Infinity;
  for (let round = 0; round < 6; round++) {
    const startedMs = performance.now();
    for (let i = 0; i < rounds; i++) {
      const call = calls[i % hosts] as BenchCall;
      call.endpoint = null; // a new call has neither an endpoint yet nor attempts
      call.lastAttempt = null;
      service(call, reply);
    }
    if (round > 0) best = Math.min(best, performance.now() - startedMs);
  }
  return (best / rounds) * 1e6;
}

for (const plugin of [p2c, ewma]) {
  for (const hosts of [1, 1_000]) {
    const ns = nsPerCall(plugin, hosts);
    console.log(
      `${plugin.kind.padEnd(5)} ${String(hosts).padStart(4)} names  ${ns.toFixed(0)} ns/call`,
    );
  }
}
