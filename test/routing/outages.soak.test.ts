// What callers see while some of the endpoints are broken, with default settings: next to nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../../src/core/address.ts";
import { failure } from "../../src/core/failure.ts";
import type { Service } from "../../src/core/service.ts";
import { aperture } from "../../src/routing/balancers/aperture.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { heap } from "../../src/routing/balancers/heap.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../src/routing/balancers/round-robin.ts";
import { send } from "../support/outcome.ts";
import type { SentRequest } from "../support/outcome.ts";
import {
  addresses,
  fails,
  holding,
  refused,
  responds,
  testCall,
  testRouter,
} from "../support/routing.ts";
import type { HeldCall, TestCall, TestResponse, TestRouter } from "../support/routing.ts";

const balancers = [p2c, ewma, aperture, heap, roundRobin];
const scope = ["client", "#/fs/users"] as const;

/** 5 endpoints that respond after 2 ms; after a second of calls the first `broken` of them behave like `how`. */
function outage(
  broken: number,
  how: (router: () => TestRouter) => Service<TestCall, TestResponse>,
  options: Parameters<typeof testRouter>[0] = {},
): TestRouter {
  let hasBegun = false;
  const good = after(() => router, 2, responds(200));
  const bad = how(() => router);
  const router: TestRouter = testRouter({
    serve:
      ({ port }: Address) =>
      (request, reply) =>
        (hasBegun && port <= broken ? bad : good)(request, reply),
    ...options,
  });
  router.bind("/svc/users", "/#/fs/users", addresses(5));
  run(router, 1);
  hasBegun = true;
  return router;
}

function after(
  router: () => TestRouter,
  ms: number,
  service: Service<TestCall, TestResponse>,
): Service<TestCall, TestResponse> {
  return (request, reply) => {
    let isOver = false;
    const close = router().clock.after(ms, () => {
      isOver = true;
      service(request, reply);
    });
    return {
      cancel: (why) => {
        if (isOver) return;
        close();
        reply.end(why);
      },
    };
  };
}

/** A call each millisecond, for so many seconds. */
function run(
  router: TestRouter,
  seconds: number,
  fields: Partial<TestCall> = {},
): SentRequest<TestResponse>[] {
  const calls = Array.from({ length: Math.round(seconds * 1_000) }, () => {
    const sent = send(router.service, testCall("/svc/users", fields));
    router.clock.advance(1);
    return sent;
  });
  router.clock.advance(10);
  return calls;
}

const share = (calls: readonly SentRequest<TestResponse>[]) =>
  calls.filter(({ response }) => response === 200).length / calls.length;

const writes = { idempotent: false };

for (const balancer of balancers) {
  for (const broken of [1, 3, 4]) {
    test(`${balancer.kind}: ${broken} of 5 endpoints refuse connections, and no call fails`, () => {
      const router = outage(broken, () => fails(refused), { balancer });
      assert.equal(share(run(router, 20, writes)), 1);
    });

    test(`${balancer.kind}: ${broken} of 5 endpoints respond with 500, which costs two calls each and the tests`, () => {
      const router = outage(broken, (the) => after(the, 1, responds(500)), { balancer });
      // The first two calls of each, and one test after 0.5 s, 2 s, 8 s and every 15 s.
      const bad = run(router, 20, writes).filter(({ response }) => response !== 200).length;
      assert.ok(bad <= 2 * broken + 5, `${bad}`);
    });

    test(`${balancer.kind}: ${broken} of 5 endpoints reset connections, and next to no call fails that may be sent again`, () => {
      const reset = fails(failure("closed", "reset", "if-idempotent"));
      const router = outage(broken, (the) => after(the, 1, reset), { balancer });
      // A call may meet all the broken ones before any of them is known to be.
      assert.ok(share(run(router, 20)) >= 0.9995);
    });

    test(`${balancer.kind}: ${broken} of 5 endpoints respond to nothing, and no call is lost that may be sent again`, () => {
      const router = outage(broken, () => holding(), { balancer });
      const calls = run(router, 20);
      router.clock.advance(5_000);
      assert.equal(share(calls), 1);
    });
  }
}

test("an endpoint that refused is left out for a moment, so that each refusal costs one requeue", () => {
  const router = outage(3, () => fails(refused));
  run(router, 1, writes);
  const requeues = router.counter(...scope, "retries", "requeues");
  assert.ok(requeues <= 3 * 5, `${requeues}`);
});

test("two endpoints restart within seconds: the one that is back gets the calls", () => {
  let down: readonly number[] = [];
  const router = testRouter({
    serve: ({ port }) => {
      return (request, reply) =>
        (down.includes(port) ? fails(refused) : responds(200))(request, reply);
    },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  const calls = [];
  for (const ports of [[], [1], [], [2], [], [1], [2], []]) {
    down = ports;
    calls.push(...run(router, 1, writes));
  }
  assert.equal(share(calls), 1);
});

test("when every endpoint refuses, calls fail with what they met, and no more is sent than the budget allows", () => {
  const router = outage(5, () => fails(refused));
  const calls = run(router, 10, writes);
  assert.equal(share(calls), 0);
  assert.ok(calls.every(({ outcome }) => outcome?.failure?.kind === "connect"));
  const requeues = router.counter(...scope, "retries", "requeues");
  // The reserve, a fifth of the calls before, and ten a second.
  assert.ok(requeues <= 100 + 200 + 10 * 10, `${requeues}`);
});

test("when all respond with 500, calls do not crowd on one endpoint", () => {
  const seen = new Map<number, number>();
  const router = testRouter({
    serve: ({ port }) => {
      return (request, reply) => {
        seen.set(port, (seen.get(port) ?? 0) + 1);
        return after(() => router, 1, responds(500))(request, reply);
      };
    },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(5));
  run(router, 20, writes);
  for (const [port, calls] of seen) assert.ok(calls < 12_000, `${port}: ${calls} of 20,000`);
});

test("an endpoint that is silent gets no further calls, and those that may not be sent twice are left alone", () => {
  const held: HeldCall[] = [];
  const router = outage(1, () => holding(held));
  const calls = run(router, 10, writes);
  router.clock.advance(5_000);
  const hung = calls.filter(({ outcome }) => outcome === null);
  assert.ok(hung.length > 0 && hung.length < 10, `${hung.length}`);
  assert.ok(held.every(({ cancelledWith }) => cancelledWith === null));
  for (const call of held) call.respond();
  assert.equal(share(calls), 1);
});

test("a call that takes a minute is not moved, since its endpoint responds to others", () => {
  const router = testRouter({
    serve: () => (request, reply) =>
      after(() => router, request.name === "/svc/slow" ? 60_000 : 2, responds(200))(request, reply),
  });
  for (const name of ["users", "slow"]) router.bind(`/svc/${name}`, "/#/fs/users", addresses(2));
  const slow = Array.from({ length: 3 }, () => send(router.service, testCall("/svc/slow")));
  const quick = run(router, 59);
  assert.equal(share(quick), 1);
  router.clock.advance(2_000);
  assert.equal(share(slow), 1);
  assert.equal(router.counter(...scope, "failure_accrual", "moved_calls"), 0);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 0);
});

test("when all endpoints are silent, the service is slow: none is ejected, and no call is moved", () => {
  const held: HeldCall[] = [];
  const router = outage(5, () => holding(held));
  const calls = run(router, 5);
  router.clock.advance(60_000);
  assert.equal(held.length, calls.length);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 0);
  for (const call of held) call.respond();
  assert.equal(share(calls), 1);
});

test("a silent endpoint that wakes up is back after its probe", () => {
  const held: HeldCall[] = [];
  let isAsleep = true;
  const hold = holding(held);
  const router = outage(1, (the) => {
    return (request, reply) => (isAsleep ? hold : after(the, 2, responds(200)))(request, reply);
  });
  run(router, 3);
  assert.equal(router.gauge(...scope, "loadbalancer", "busy"), 1);
  isAsleep = false;
  run(router, 30);
  assert.equal(router.gauge(...scope, "loadbalancer", "busy"), 0);
});

test("an endpoint that pauses for 300 ms gets no calls meanwhile, and all of them right after", () => {
  const held: HeldCall[] = [];
  let isPaused = true;
  const hold = holding(held);
  const router = outage(1, (the) => {
    const good = after(the, 2, responds(200));
    return (request, reply) => (isPaused ? hold : good)(request, reply);
  });
  const first = run(router, 0.3, writes);
  const taken = held.length;
  assert.ok(taken > 0 && taken <= 20, `${taken}`);
  isPaused = false;
  for (const call of held) call.respond();
  assert.equal(share([...first, ...run(router, 1, writes)]), 1);
  assert.equal(router.gauge(...scope, "loadbalancer", "busy"), 0);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 0);
});

test("without calls that may be sent twice, a silent endpoint is ejected after three calls and three seconds", () => {
  const held: HeldCall[] = [];
  const router = outage(1, () => holding(held));
  run(router, 2, writes);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 0);
  run(router, 2, writes);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 1);
  assert.equal(router.counter(...scope, "failure_accrual", "moved_calls"), 0);
  assert.ok(held.length >= 3 && held.length <= 20, `${held.length}`);
});

test("a silent endpoint whose callers gave up is ejected, and not tried by the next of them", () => {
  const held: HeldCall[] = [];
  const router = outage(1, () => holding(held));
  const calls = run(router, 0.5, writes);
  for (const call of calls) call.cancel(failure("cancelled", "the caller left"));
  const before = held.length;
  run(router, 3, writes);
  assert.equal(router.counter(...scope, "failure_accrual", "silent"), 1);
  assert.equal(held.length, before);
});
