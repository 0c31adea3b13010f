// What is sent again, how often, and where.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import type { Service } from "../../../src/core/service.ts";
import type { ServiceOptions } from "../../../src/routing/options.ts";
import { send } from "../../support/outcome.ts";
import type { HeldCall, TestCall, TestResponse, TestRouter } from "../../support/routing.ts";
import {
  addresses,
  responds,
  classifier,
  defaultBudget,
  fails,
  holding,
  refused,
  testCall,
  testRouter,
} from "../../support/routing.ts";

type TestService = Service<TestCall, TestResponse>;
type TestServiceOptions = ServiceOptions<TestCall, TestResponse>;

const cancelled = failure("cancelled", "the caller went away");

/** What is no success is worth another attempt, for any call. */
const retryable: typeof classifier = (request, response, why) =>
  classifier(request, response, why) === "success" ? "success" : "retryable";

const retries = {
  budget: defaultBudget,
  maxAttempts: 3,
  backoff: () => ({ nextMs: () => 0, reset: () => {} }),
};

interface Setup {
  readonly serve: (port: number) => TestService;
  readonly endpoints?: number;
  readonly service?: Partial<TestServiceOptions>;
  readonly retries?: Partial<typeof retries>;
}

function setUp({ serve, endpoints = 3, service, retries: changed }: Setup): TestRouter {
  const router = testRouter({
    serve: ({ port }) => serve(port),
    service: { classifier: retryable, retries: { ...retries, ...changed }, ...service },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(endpoints));
  return router;
}

const retryCount = (router: TestRouter, name: string) =>
  router.counter("service", "svc/users", "retries", name);

test("a retryable answer is discarded and the call goes to another endpoint", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const tried: number[] = [];
    const discarded: number[] = [];
    const router = testRouter({
      seed,
      service: { classifier: retryable, retries },
      serve:
        ({ port }) =>
        (request, reply) => {
          tried.push(port);
          return responds(tried.length === 1 ? 503 : 200)(request, reply);
        },
      discard: (response) => void discarded.push(response),
    });
    router.bind("/svc/users", "/#/fs/users", addresses(3));
    const { outcome } = send(router.service, testCall());
    assert.deepEqual(outcome, { response: 200, failure: null }, `seed ${seed}`);
    assert.deepEqual(discarded, [503]);
    assert.equal(new Set(tried).size, 2, `the same endpoint again, seed ${seed}`);
    assert.equal(retryCount(router, "total"), 1);
    assert.equal(router.counter("service", "svc/users", "requests"), 1);
    assert.equal(router.counter("service", "svc/users", "success"), 1);
    assert.equal(router.counter("client", "#/fs/users", "requests"), 2);
  }
});

test("the only endpoint there is gets the call again", () => {
  let attempts = 0;
  const router = setUp({
    endpoints: 1,
    serve: () => (request, reply) => responds(++attempts < 3 ? 500 : 200)(request, reply),
  });
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  assert.equal(attempts, 3);
});

test("after maxAttempts the caller gets the last response as it is", () => {
  let attempts = 0;
  const router = setUp({
    serve: () => (request, reply) => responds(500 + ++attempts)(request, reply),
  });
  assert.deepEqual(send(router.service, testCall()).outcome, { response: 503, failure: null });
  assert.equal(attempts, 3);
  assert.equal(retryCount(router, "request_limit"), 1);
});

test("a failure that was sent often enough says that no other layer should send it again", () => {
  const slow = failure("timeout", "too slow", "if-idempotent");
  const router = setUp({ serve: () => fails(slow) });
  const { outcome } = send(router.service, testCall());
  assert.equal(outcome?.failure?.kind, "timeout");
  assert.equal(outcome.failure.retry, "never");
  assert.equal(outcome.failure.isFinal, true);
});

test("what requeues gave up on is not retried as well", () => {
  let attempts = 0;
  const router = setUp({
    endpoints: 2,
    serve: () => (request, reply) => {
      attempts++;
      return fails(refused)(request, reply);
    },
  });
  const { outcome } = send(router.service, testCall());
  assert.equal(attempts, 3); // as many as endpoints, and one
  assert.equal(outcome?.failure?.isFinal, true);
  assert.equal(retryCount(router, "total"), 0);
});

test("a call that cannot be sent again is sent once", () => {
  for (const serve of [() => responds(500), () => fails(failure("closed", "reset"))]) {
    const router = setUp({ serve });
    send(router.service, testCall("/svc/users", { replayable: false }));
    assert.equal(router.counter("client", "#/fs/users", "requests"), 1);
    assert.equal(retryCount(router, "total"), 0);
  }
});

test("a cancelled call is not sent again, whatever its attempt ends with", () => {
  const held: HeldCall[] = [];
  const router = setUp({ serve: () => holding(held) });
  const asked = send(router.service, testCall());
  asked.cancel(cancelled);
  assert.equal(asked.outcome?.failure, cancelled);
  assert.equal(held.length, 1);
});

test("a cancel ends a call that waits for its next attempt, and no attempt follows", () => {
  const router = setUp({
    serve: () => responds(500),
    retries: { backoff: () => ({ nextMs: () => 100, reset: () => {} }) },
  });
  const asked = send(router.service, testCall());
  const timers = router.clock.waiting;
  assert.equal(asked.outcome, null);
  asked.cancel(cancelled);
  assert.deepEqual(asked.outcome, { response: null, failure: cancelled });
  assert.equal(router.clock.waiting, timers - 1);
  router.clock.advance(1_000);
  assert.equal(router.counter("client", "#/fs/users", "requests"), 1);
});

test("a cancel while the discarded response is drained ends the call when that has ended", () => {
  let end = () => {};
  const router = setUp({
    serve: () => (_, reply) => {
      end = () => reply.end(null);
      reply.start(503);
      return { cancel: () => end() };
    },
  });
  const asked = send(router.service, testCall());
  assert.equal(asked.outcome, null);
  asked.cancel(cancelled);
  assert.deepEqual(asked.outcome, { response: null, failure: cancelled });
  assert.equal(router.counter("client", "#/fs/users", "requests"), 1);
});

test("the next attempt begins when the discarded response has ended, not before", () => {
  const ends: (() => void)[] = [];
  const router = setUp({
    serve: () => (_, reply) => {
      ends.push(() => reply.end(ends.length === 1 ? failure("closed", "hung up") : null));
      reply.start(ends.length === 1 ? 503 : 200);
      return { cancel: () => {} };
    },
  });
  const asked = send(router.service, testCall());
  assert.equal(ends.length, 1);
  assert.equal(asked.response, null);
  ends[0]?.();
  assert.equal(ends.length, 2);
  assert.equal(asked.response, 200);
  ends[1]?.();
  assert.deepEqual(asked.outcome, { response: 200, failure: null });
});

test("a call whose head has gone to the caller is not sent again when its body breaks", () => {
  const reset = failure("closed", "reset in the middle");
  const router = setUp({
    serve: () => (_, reply) => {
      reply.start(200);
      reply.end(reset);
      return { cancel: () => {} };
    },
  });
  assert.deepEqual(send(router.service, testCall()).outcome, { response: 200, failure: reset });
  assert.equal(retryCount(router, "total"), 0);
});

test("waits as the backoff says, from its beginning for each call", () => {
  const waits = [10, 30];
  const startedMs: number[] = [];
  const router = setUp({
    serve: () => (request, reply) => {
      startedMs.push(router.clock.nowMs());
      return responds(500)(request, reply);
    },
    retries: {
      backoff: () => {
        let at = 0;
        return { nextMs: () => waits[at++] ?? 0, reset: () => {} };
      },
    },
  });
  for (let i = 0; i < 2; i++) {
    const asked = send(router.service, testCall());
    router.clock.advance(100);
    assert.equal(asked.outcome?.response, 500);
  }
  assert.deepEqual(startedMs, [0, 10, 40, 100, 110, 140]);
});

test("no attempt is begun that would begin after the deadline", () => {
  const router = setUp({
    serve: () => responds(503),
    service: { totalTimeoutMs: 100 },
    retries: { backoff: () => ({ nextMs: () => 100, reset: () => {} }) },
  });
  assert.equal(send(router.service, testCall()).outcome?.response, 503);
  assert.equal(retryCount(router, "total"), 0);
});

test("an empty budget leaves the response as it is, is counted and can be seen", () => {
  const budget = { ttlSecs: 10, minRetriesPerSec: 1, percentCanRetry: 0 };
  const router = setUp({ serve: () => responds(500), retries: { budget } });
  assert.equal(router.gauge("rt", "service"), undefined);
  for (let i = 0; i < 10; i++) send(router.service, testCall());
  assert.equal(retryCount(router, "total"), 10);
  assert.equal(retryCount(router, "budget_exhausted"), 5);
  assert.equal(router.gauge("service", "svc/users", "retries", "budget"), 0);
  router.clock.advance(10_000);
  assert.equal(router.gauge("service", "svc/users", "retries", "budget"), 10);
});

test("requeues have a budget of their own, of which one call takes a fifth at most", () => {
  const router = setUp({ endpoints: 100, serve: () => fails(refused) });
  const gauge = () => router.gauge("client", "#/fs/users", "retries", "budget");
  send(router.service, testCall());
  assert.equal(router.counter("client", "#/fs/users", "retries", "requeues"), 20);
  assert.equal(gauge(), 80);
  assert.equal(router.gauge("service", "svc/users", "retries", "budget"), 100);
  for (let i = 0; i < 30; i++) send(router.service, testCall());
  assert.equal(gauge(), 0);
  const { outcome } = send(router.service, testCall());
  assert.equal(outcome?.failure?.isFinal, true);
  assert.ok(router.counter("client", "#/fs/users", "retries", "budget_exhausted") >= 1);
  assert.equal(router.counter("client", "#/fs/users", "retries", "requeues"), 100);
});

test("only calls that succeeded pay for requeues", () => {
  const budget = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 1 };
  let serve = responds(500);
  const router = testRouter({
    serve: () => (request, reply) => serve(request, reply),
    client: { requeueBudget: budget },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const gauge = () => router.gauge("client", "#/fs/users", "retries", "budget");
  send(router.service, testCall());
  assert.equal(gauge(), 0);
  serve = responds(200);
  send(router.service, testCall());
  assert.equal(gauge(), 1);
});

test("a limit of 100 ms over attempts of 60 ms ends the call at 100 ms, in the second attempt", () => {
  const held: HeldCall[] = [];
  const router = testRouter({
    serve: () => holding(held),
    service: { classifier: retryable, retries, totalTimeoutMs: 100 },
    client: { attemptTimeoutMs: 60 },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const asked = send(router.service, testCall());
  router.clock.advance(99);
  assert.equal(router.pending, 1);
  assert.equal(held.length, 2);
  router.clock.advance(1);
  assert.deepEqual(
    [asked.outcome?.failure?.kind, asked.outcome?.failure?.retry],
    ["timeout", "never"],
  );
  router.clock.advance(1_000);
  assert.equal(held.length, 2);
});

test("a caller's deadline of 50 ms ends a call whose attempts may take a second", () => {
  const held: HeldCall[] = [];
  const router = testRouter({
    serve: () => holding(held),
    service: { classifier: retryable, retries },
    client: { attemptTimeoutMs: 1_000 },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const asked = send(router.service, testCall("/svc/users", { deadlineMs: 50 }));
  assert.equal(held[0]?.request.deadlineMs, 50, "what the endpoint gets");
  router.clock.advance(49);
  assert.equal(router.pending, 1);
  router.clock.advance(1);
  assert.match(asked.outcome?.failure?.detail ?? "", /left of the caller's deadline/);
  assert.equal(held.length, 1);
});

test("each attempt tells its endpoint the time it has, and the next one has its own", () => {
  const held: HeldCall[] = [];
  const seen: number[] = [];
  const hold = holding(held);
  const router = testRouter({
    serve: () => (request, reply) => {
      seen.push(request.deadlineMs);
      return hold(request, reply);
    },
    service: { classifier: retryable, retries, totalTimeoutMs: 150 },
    client: { attemptTimeoutMs: 60 },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  send(router.service, testCall());
  router.clock.advance(200);
  assert.deepEqual(seen, [60, 120, 150]);
});
