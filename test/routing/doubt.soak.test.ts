// Endpoints in doubt: calls go elsewhere soon, come back soon, and never crowd where they should not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import type { Service } from "../../src/core/service.ts";
import { aperture } from "../../src/routing/balancers/aperture.ts";
import type { BalancerPlugin } from "../../src/routing/balancers/balancer.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { heap } from "../../src/routing/balancers/heap.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../src/routing/balancers/round-robin.ts";
import { Doubt, Doubts } from "../../src/routing/health/doubt.ts";
import { seeded } from "../support/random.ts";
import { addresses, fails, responds, testCall, testRouter } from "../support/routing.ts";
import type { TestCall, TestResponse, TestRouter } from "../support/routing.ts";

const balancers: readonly BalancerPlugin[] = [p2c, ewma, aperture, heap, roundRobin];
const scope = ["client", "#/fs/users"] as const;
const endpoints = 5;

/** Five endpoints that take 2 ms; what port 1 to 5 responds is the test's to say. */
class Cluster {
  readonly router: TestRouter;
  readonly seen = new Map<number, number>();
  failed = 0;

  constructor(balancer: BalancerPlugin, how: (port: number) => Service<TestCall, TestResponse>) {
    this.router = testRouter({
      balancer,
      serve:
        ({ port }) =>
        (request, reply) => {
          this.seen.set(port, this.seenAt(port) + 1);
          this.router.clock.after(2, () => void how(port)(request, reply));
          return { cancel: () => {} };
        },
    });
    this.router.bind("/svc/users", "/#/fs/users", addresses(endpoints));
  }

  /** So many calls, one each millisecond; what was counted before is forgotten. */
  run(calls: number): void {
    this.seen.clear();
    this.failed = 0;
    const { router } = this;
    for (let i = 0; i < calls; i++) {
      router.service(testCall("/svc/users", { idempotent: false }), {
        start: (status) => void (status === 200 || this.failed++),
        end: (why) => void (why === null || this.failed++),
      });
      router.clock.advance(1);
    }
    router.clock.advance(10);
  }

  seenAt(port: number): number {
    return this.seen.get(port) ?? 0;
  }

  get held(): number {
    return this.router.counter(...scope, "failure_accrual", "held_back");
  }
}

/** An aperture of one endpoint or two has no shares to compare, and ewma takes failures for slowness. */
const hasShares = (balancer: BalancerPlugin) => balancer !== aperture && balancer !== ewma;

const good = responds(200);
const bad = responds(500);
const reset = fails(failure("closed", "reset", "if-idempotent"));

for (const balancer of balancers) {
  test(`${balancer.kind}: an endpoint that fails 1 % of its calls keeps its share`, () => {
    const random = seeded(3);
    const cluster = new Cluster(balancer, (port) => (port === 1 && random() < 0.01 ? bad : good));
    cluster.run(10_000);
    cluster.run(100_000);
    const others = [2, 3, 4, 5].map((port) => cluster.seenAt(port));
    const mean = others.reduce((a, b) => a + b) / others.length;
    if (!hasShares(balancer)) assert.ok(cluster.held <= 3, `${cluster.held}`);
    else assert.ok(cluster.seenAt(1) >= 0.95 * mean, `${cluster.seenAt(1)} beside ${mean}`);
  });

  test(`${balancer.kind}: when every endpoint fails 10 % of its calls, none is held back for long`, () => {
    const random = seeded(4);
    const cluster = new Cluster(balancer, () => (random() < 0.1 ? bad : good));
    cluster.run(5_000);
    const before = cluster.held;
    cluster.run(50_000);
    assert.ok(cluster.held - before <= 3, `${cluster.held - before}`);
    const counts = [1, 2, 3, 4, 5].map((port) => cluster.seenAt(port));
    if (balancer !== aperture) {
      assert.ok(Math.min(...counts) >= 0.75 * Math.max(...counts), counts.join(" "));
    }
  });

  test(`${balancer.kind}: all endpoints fail for 8 ms, and a second later all have their share again`, () => {
    let mood = good;
    const cluster = new Cluster(balancer, () => mood);
    cluster.run(2_000);
    mood = reset;
    cluster.run(8);
    mood = good;
    cluster.run(1_000);
    cluster.run(2_000);
    assert.equal(cluster.failed, 0);
    const counts = [1, 2, 3, 4, 5].map((port) => cluster.seenAt(port));
    if (hasShares(balancer)) assert.ok(Math.min(...counts) >= 250, counts.join(" "));
  });

  test(`${balancer.kind}: three of five endpoints fail, come back together, and have their share again after a test`, () => {
    let mood = good;
    const cluster = new Cluster(balancer, (port) => (port <= 3 ? mood : good));
    cluster.run(2_000);
    mood = bad;
    cluster.run(20_000);
    assert.ok(cluster.failed <= 3 * 3 + 4, `${cluster.failed}`);
    mood = good;
    cluster.run(16_000);
    assert.equal(cluster.failed, 0);
    cluster.run(5_000);
    const counts = [1, 2, 3, 4, 5].map((port) => cluster.seenAt(port));
    if (hasShares(balancer)) assert.ok(Math.min(...counts) >= 750, counts.join(" "));
    assert.equal(cluster.router.gauge(...scope, "loadbalancer", "busy"), 0);
  });
}

test("a lone endpoint that fails is not held back: there is nowhere else to go", () => {
  let mood = good;
  const router = testRouter({ serve: () => (request, reply) => mood(request, reply) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  const call = () => void router.service(testCall(), { start() {}, end() {} });
  mood = bad;
  for (let i = 0; i < 4; i++) call();
  assert.equal(router.counter(...scope, "failure_accrual", "held_back"), 0);
  assert.equal(router.gauge(...scope, "loadbalancer", "busy"), 0);
});

test("calls that fail together count as one failure: one broken connection is no proof", () => {
  const pending: (() => void)[] = [];
  let isHolding = true;
  const router = testRouter({
    balancer: roundRobin,
    serve:
      ({ port }) =>
      (request, reply) => {
        if (port === 1 && isHolding) {
          pending.push(() => void reset(request, reply));
          return { cancel: () => {} };
        }
        return good(request, reply);
      },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  const call = () =>
    void router.service(testCall("/svc/users", { idempotent: false }), { start() {}, end() {} });
  for (let i = 0; i < 200; i++) call();
  assert.ok(pending.length > 1, `${pending.length}`);
  isHolding = false;
  for (const end of pending) end();
  assert.equal(router.counter(...scope, "failure_accrual", "held_back"), 0);
});

test("calls that time out, or are refused politely, put no endpoint in doubt", () => {
  const slow = fails(failure("timeout", "too late", "if-idempotent"));
  let isSlow = false;
  const cluster = new Cluster(p2c, (port) => (port === 1 && isSlow ? slow : good));
  cluster.run(1_000);
  isSlow = true;
  cluster.run(10);
  assert.equal(cluster.held, 0);
});

test("a good response that was on its way when the endpoint failed does not clear it", () => {
  const pending: ((how: Service<TestCall, TestResponse>) => void)[] = [];
  const router = testRouter({
    balancer: roundRobin,
    serve:
      ({ port }) =>
      (request, reply) => {
        if (port !== 1) return good(request, reply);
        pending.push((how) => void how(request, reply));
        return { cancel: () => {} };
      },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  const call = () =>
    void router.service(testCall("/svc/users", { idempotent: false }), { start() {}, end() {} });
  const next = (how: Service<TestCall, TestResponse>) => {
    const end = pending.shift();
    assert.ok(end !== undefined, "the endpoint has a call");
    end(how);
  };
  for (let i = 0; i < 6; i++) call();
  next(reset);
  next(good);
  for (let i = 0; i < 4; i++) call();
  assert.equal(pending.length, 2, "one from before, and one as a test");
  next(good);
  next(reset);
  assert.equal(router.counter(...scope, "failure_accrual", "held_back"), 1);
});

test("while all endpoints fail, not every failure looks through all of them", () => {
  let looks = 0;
  const doubts = new Doubts({
    held: { value: 0 },
    hasGoodBeside: () => {
      looks++;
      return false;
    },
    changed() {},
  });
  const doubt = new Doubt("10.0.0.1:1", doubts);
  for (let nowMs = 0; nowMs < 1_000; nowMs++) {
    doubt.began(nowMs);
    doubt.failed(true, nowMs);
  }
  assert.equal(looks, 10);
});
