// The health of endpoints as people see it: state, since when, the last error in words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import { cell, ok } from "../../src/core/live.ts";
import type { AddressSet } from "../../src/core/naming.ts";
import type { EndpointView } from "../../src/routing/cluster-view.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import { successRate } from "../../src/routing/accruals/success-rate.ts";
import { seeded } from "../support/random.ts";
import {
  accrualOf,
  address,
  addresses,
  fails,
  holding,
  refused,
  responds,
  testCall,
  testRouter,
} from "../support/routing.ts";
import type { HeldCall, TestRouter } from "../support/routing.ts";
import { send } from "../support/outcome.ts";

function endpointAt(router: TestRouter, port: number): EndpointView {
  const found = router
    .clusters()[0]
    ?.endpoints.find(({ address: at }) => at === `10.0.0.1:${port}`);
  if (found === undefined) assert.fail(`no endpoint ${port}`);
  return found;
}

function calls(router: TestRouter, count: number): void {
  for (let i = 0; i < count; i++) send(router.service, testCall());
}

test("an endpoint that responds is open since it joined, with its calls of the last minute", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 10);
  router.clock.advance(2_000);
  const view = endpointAt(router, 1);
  assert.equal(view.state, "open");
  assert.equal(view.sinceMs, 2_000);
  assert.equal(view.lastError, null);
  assert.equal(view.nextProbeMs, null);
  assert.deepEqual(view.lastMinute, { requests: 10, failures: 0 });
  router.clock.advance(61_000);
  assert.deepEqual(endpointAt(router, 1).lastMinute, { requests: 0, failures: 0 });
});

test("an endpoint that fails five calls is ejected, and says why, until its probe succeeds", () => {
  let status = 500;
  const router = testRouter({
    client: { accrual: accrualOf(consecutiveFailures, { holdBack: false }, seeded(1)) },
    serve:
      ({ port }) =>
      (request, reply) =>
        responds(port === 1 ? status : 200)(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  calls(router, 40);
  router.clock.advance(1_000);
  const out = endpointAt(router, 1);
  assert.equal(out.state, "ejected");
  assert.equal(out.sinceMs, 1_000);
  assert.equal(out.nextProbeMs, 4_000);
  assert.equal(out.lastError?.text, "5 failures in a row, the last: responded 500");
  assert.deepEqual(out.lastMinute, { requests: 5, failures: 5 });
  assert.equal(router.gauge("client", "#/fs/users", "endpoints", "ejected"), 1);
  router.clock.advance(4_000);
  calls(router, 40); // a failed probe: it is out as before
  assert.equal(endpointAt(router, 1).sinceMs, 5_000);
  status = 200;
  router.clock.advance(600_000);
  calls(router, 40);
  const back = endpointAt(router, 1);
  assert.equal(back.state, "open");
  assert.equal(back.sinceMs, 0);
  assert.equal(back.lastError?.text, "responded 500");
  const logged = router.events.filter(({ event }) => event.startsWith("endpoint"));
  assert.deepEqual(
    logged.map(({ event }) => event),
    ["endpoint ejected", "endpoint still ejected", "endpoint back"],
  );
  assert.equal(logged[2]?.["outForMs"], 605_000);
});

test("one refused connection takes an endpoint out, and the next that succeeds brings it back", () => {
  let isUp = false;
  const router = testRouter({
    serve: () => (request, reply) => (isUp ? responds(200) : fails(refused))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 1);
  const out = endpointAt(router, 1);
  assert.equal(out.state, "ejected");
  assert.equal(out.lastError?.text, "connection refused");
  assert.ok((out.nextProbeMs ?? 0) > 0);
  assert.equal(router.clientState()["/#/fs/users"]?.state, "unavailable");
  isUp = true;
  router.clock.advance(60_000);
  calls(router, 1);
  assert.equal(endpointAt(router, 1).state, "open");
  assert.deepEqual(router.clientState()["/#/fs/users"], {
    state: "bound",
    addresses: ["10.0.0.1:1"],
  });
});

test("a success rate below its limit is the reason when failures are scattered", () => {
  let call = 0;
  const router = testRouter({
    serve: () => (request, reply) => responds(call++ % 3 === 0 ? 503 : 200)(request, reply),
    client: {
      accrual: accrualOf(successRate, { successRate: 0.9, requests: 10 }, seeded(1)),
    },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 40);
  const text = String(router.events.find(({ event }) => event === "endpoint ejected")?.["reason"]);
  assert.match(text, /^\d+ of \d+ calls failed within a minute, the last: responded 503$/);
});

test("the last error names its endpoint no second time", () => {
  const router = testRouter({
    serve: () => fails(failure("closed", "10.0.0.1:1 closed the connection", "if-idempotent")),
    client: { accrual: null },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 1);
  const { state, lastError } = endpointAt(router, 1);
  assert.equal(state, "open"); // nothing is ejected without accrual
  assert.equal(lastError?.text, "closed the connection");
});

test("a probe in progress shows as such", () => {
  const held: HeldCall[] = [];
  let isHolding = false;
  const router = testRouter({
    serve: () => (request, reply) => (isHolding ? holding(held) : responds(500))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 5);
  isHolding = true;
  router.clock.advance(10_000);
  calls(router, 1);
  router.clock.advance(70);
  const { state, sinceMs, pending } = endpointAt(router, 1);
  assert.deepEqual([state, sinceMs, pending], ["probing", 70, 1]);
  held[0]?.respond();
  assert.equal(endpointAt(router, 1).state, "open");
});

test("an address that has left drains until its last call has ended", () => {
  const held: HeldCall[] = [];
  const set = cell<AddressSet>(ok([address(1)]));
  const router = testRouter({ serve: () => holding(held) });
  router.bind("/svc/users", "/#/fs/users", set);
  calls(router, 1);
  set.set(ok([address(2)]));
  assert.equal(endpointAt(router, 1).state, "draining");
  assert.equal(router.gauge("client", "#/fs/users", "endpoints", "draining"), 1);
  assert.deepEqual(router.clientState()["/#/fs/users"]?.addresses, ["10.0.0.1:2"]);
  held[0]?.respond();
  assert.equal(router.gauge("client", "#/fs/users", "endpoints", "draining"), 0);
  const [cluster] = router.clusters();
  assert.deepEqual(
    cluster?.endpoints.map(({ address: at }) => at),
    ["10.0.0.1:2"],
  );
});

test("an endpoint whose first connection takes long is connecting since the call began", () => {
  const held: HeldCall[] = [];
  const router = testRouter({ serve: () => holding(held) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  calls(router, 1);
  const [wire] = router.wires;
  assert.ok(wire);
  Object.assign(wire, { connections: 0 });
  router.clock.advance(300);
  const { state, sinceMs, connections } = endpointAt(router, 1);
  assert.deepEqual([state, sinceMs, connections], ["connecting", 300, 0]);
  Object.assign(wire, { connections: 1 });
  assert.equal(endpointAt(router, 1).state, "open");
  held[0]?.respond();
});
