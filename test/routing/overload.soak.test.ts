// Properties of the whole path of a call, with a simulated clock: what bad endpoints and too many
// calls cost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pool } from "../../src/net/pool.ts";
import type { PoolMember } from "../../src/net/pool.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import type { BalancerPlugin } from "../../src/routing/balancers/balancer.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../src/routing/balancers/round-robin.ts";
import { send } from "../support/outcome.ts";
import { simulatedClock } from "../support/clock.ts";
import { wireStats } from "../support/http.ts";
import { seeded } from "../support/random.ts";
import { accrualOf, addresses, responds, testCall, testRouter } from "../support/routing.ts";
import { erlang4 } from "../support/simulator.ts";
import { arrivals } from "../support/workers.ts";

const id = "/#/fs/users";
const scope = ["client", "#/fs/users"] as const;

/** Ten endpoints, the first of which fails after 1 ms; the others respond after about 10 ms. */
function withOneBad(balancer: BalancerPlugin, perSecond: number, seconds: number) {
  const random = seeded(19);
  let bad = 0;
  const router = testRouter({
    seed: 19,
    balancer,
    serve:
      ({ port }) =>
      (request, reply) => {
        if (port === 1) bad++;
        const ms = port === 1 ? 1 : erlang4(10, random);
        router.clock.after(ms, () => responds(port === 1 ? 500 : 200)(request, reply));
        return { cancel: () => {} };
      },
  });
  router.bind("/svc/users", id, addresses(10));
  let [all, good] = [0, 0];
  arrivals(router.clock, random, perSecond, seconds, () => {
    all++;
    router.service(testCall(), { start: (status) => void (status === 200 && good++), end() {} });
  });
  router.clock.advance(1_000);
  return { bad, success: good / all };
}

for (const balancer of [p2c, ewma, roundRobin]) {
  test(`with ${balancer.kind} one endpoint of ten that fails costs 15 calls in two minutes`, () => {
    const { bad, success } = withOneBad(balancer, 1_000, 120);
    assert.ok(bad <= 15, `${bad}`);
    assert.ok(success >= 0.999, `${success}`);
  });
}

test("an endpoint that is dead for a quarter of an hour gets 14 calls of 180,000", () => {
  const { bad } = withOneBad(roundRobin, 200, 900);
  assert.ok(bad >= 10 && bad <= 14, `${bad}`);
});

test("while a probe is on its way no other call is sent there, and a good one brings it back", () => {
  let mode: "fails" | "holds" | "responds" = "fails";
  let seen = 0;
  const probes: (() => void)[] = [];
  const router = testRouter({
    client: { accrual: accrualOf(consecutiveFailures, { holdBack: false }, seeded(1)) },
    serve:
      ({ port }) =>
      (request, reply) => {
        if (port !== 1) return responds(200)(request, reply);
        seen++;
        if (mode === "fails") return responds(500)(request, reply);
        if (mode === "responds") return responds(200)(request, reply);
        probes.push(() => responds(200)(request, reply));
        return { cancel: () => {} };
      },
  });
  router.bind("/svc/users", id, addresses(4));
  const calls = (count: number) => {
    for (let i = 0; i < count; i++) send(router.service, testCall());
  };
  calls(200);
  assert.equal(router.counter(...scope, "failure_accrual", "removals"), 1);
  mode = "holds";
  router.clock.advance(5_000);
  calls(1_000);
  assert.equal(probes.length, 1);
  probes[0]?.();
  mode = "responds";
  seen = 0;
  calls(100);
  assert.ok(seen > 10);
  assert.equal(router.counter(...scope, "failure_accrual", "revivals"), 1);
});

class Connection implements PoolMember {
  calls = 0;
  openedMs = 0;
  idleSinceMs = 0;
  close(): void {}
}

/** Eight connections to an endpoint that takes 10 ms, at 1.2 times what they can carry. */
function queueing(maxWaiters: number, seconds: number) {
  const clock = simulatedClock();
  const random = seeded(29);
  const options = {
    name: "endpoint:80",
    minConnections: 0,
    maxConnections: 8,
    maxWaiters,
    maxWaitMs: Infinity,
    poolIdleMs: Infinity,
    idleTimeMs: Infinity,
    lifeTimeMs: Infinity,
  };
  const dialOne = (opened: (member: Connection) => void) =>
    clock.after(0, () => opened(new Connection()));
  const pool = new Pool<Connection>(options, dialOne, clock, wireStats());
  const latencies: number[] = [];
  arrivals(clock, random, 960, seconds, () => {
    const startedMs = clock.nowMs();
    const got = (connection: Connection) =>
      void clock.after(erlang4(10, random), () => {
        if (startedMs > 5_000) latencies.push(clock.nowMs() - startedMs);
        pool.give(connection);
      });
    const idle = pool.take();
    if (idle !== null) got(idle);
    else pool.wait({ got, failed() {} });
  });
  const inTime = latencies.filter((ms) => ms <= 500).length;
  latencies.sort((a, b) => a - b);
  return {
    goodput: inTime / (seconds - 5) / 800,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? NaN,
  };
}

test("with a queue of 100 nearly all that can be done is done in time; without end, next to nothing", () => {
  const { goodput, p99 } = queueing(100, 60);
  assert.ok(goodput >= 0.95, `${goodput}`);
  assert.ok(p99 <= 200, `${p99}`);
  const endless = queueing(Infinity, 60);
  assert.ok(endless.goodput < 0.2, `${endless.goodput}`);
});
