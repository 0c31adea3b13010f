import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDtab } from "../../src/core/names/dtab.ts";
import { failure } from "../../src/core/failure.ts";
import { cell, failed, ok, pending } from "../../src/core/live.ts";
import type { AddressSet } from "../../src/core/naming.ts";
import { empty, leaf, neg } from "../../src/core/names/nametree.ts";
import { outcomeOf, send } from "../support/outcome.ts";
import type { HeldCall } from "../support/routing.ts";
import {
  address,
  addresses,
  responds,
  bound,
  fails,
  holding,
  refused,
  testCall,
  testRouter,
} from "../support/routing.ts";

const cancelled = failure("cancelled", "the caller went away");

test("a call reaches an endpoint of the id its name is bound to, and says where it went", async () => {
  const router = testRouter();
  router.binding("/svc/users").set(ok(leaf(bound("/#/fs/users", addresses(1), "/rest"))));
  const call = testCall();
  assert.deepEqual(await outcomeOf(router.service, call), { response: 200, failure: null });
  assert.equal(call.logicalName, "/svc/users");
  assert.equal(call.bound?.id, "/#/fs/users");
  assert.equal(call.bound?.residual, "/rest");
  assert.deepEqual(call.endpoint, address(1));
});

test("a call without a name is refused with the identifier's text", async () => {
  const router = testRouter();
  const { failure: why } = await outcomeOf(router.service, testCall("nonsense"));
  assert.equal(why?.kind, "unidentified");
  assert.equal(why.detail, "no name: nonsense");
});

test("calls wait for the first binding and for the first addresses", () => {
  const router = testRouter();
  const set = cell<AddressSet>();
  const asked = send(router.service, testCall());
  assert.equal(asked.outcome, null);
  router.bind("/svc/users", "/#/fs/users", set);
  assert.equal(asked.outcome, null);
  set.set(ok(addresses(2)));
  assert.deepEqual(asked.outcome, { response: 200, failure: null });
});

test("a name that is not resolved in time fails with Linkerd's words", () => {
  const router = testRouter();
  const asked = send(router.service, testCall("/svc/x"));
  router.clock.advance(9_999);
  assert.equal(router.pending, 1);
  router.clock.advance(1);
  assert.equal(asked.outcome?.failure?.kind, "unresolved");
  assert.equal(
    asked.outcome.failure.detail,
    "Exceeded 10 s binding timeout while resolving name: /svc/x",
  );
});

test("a call can be cancelled while it waits, and waits no more", () => {
  const router = testRouter();
  const asked = send(router.service, testCall());
  asked.cancel(cancelled);
  assert.equal(asked.outcome?.failure, cancelled);
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  assert.equal(router.wires.length, 0);
});

test("a name that cannot be resolved fails the calls that wait for it, and later ones immediately", () => {
  const router = testRouter();
  const asked = send(router.service, testCall());
  router.binding("/svc/users").set(failed(failure("unresolved", "consul is away")));
  assert.equal(asked.outcome?.failure?.kind, "unresolved");
  assert.match(asked.outcome.failure.detail, /consul is away/);
  assert.equal(send(router.service, testCall()).outcome?.failure?.kind, "unresolved");
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("a name that the dtab can never resolve is not worth another attempt", () => {
  const router = testRouter();
  router.binding("/svc/users").set(failed(failure("unbound", "round in circles")));
  const { failure: why } = send(router.service, testCall()).outcome ?? {};
  assert.equal(why?.kind, "unbound");
  assert.equal(why.retry, "never");
  assert.match(why.detail, /round in circles/);
});

test("a binding once good is kept when resolution fails or starts again", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  router.binding("/svc/users").set(failed(failure("unresolved", "consul is away")));
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  router.binding("/svc/users").set(pending);
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("a name bound to nothing fails immediately, with the dtabs and a trace", () => {
  const router = testRouter();
  for (const tree of [neg, empty]) {
    router.binding("/svc/users").set(ok(tree));
    const { outcome } = send(router.service, testCall());
    assert.equal(outcome?.failure?.kind, "unbound");
    assert.equal(
      outcome.failure.detail,
      "No hosts are available for /svc/users, Dtab.base=[], Dtab.local=[]",
    );
    assert.equal(outcome.failure.trace?.(), "trace of /svc/users with 0 entries");
  }
});

test("a name is explained at most once a second, however many calls fail", () => {
  let explained = 0;
  const router = testRouter({ router: { explain: () => `${++explained}` } });
  router.binding("/svc/users").set(ok(neg));
  const failAndShow = () => send(router.service, testCall()).outcome?.failure?.trace?.();
  for (let i = 0; i < 100; i++) send(router.service, testCall());
  assert.equal(explained, 0, "not made unless it is shown");
  for (let i = 0; i < 100; i++) failAndShow();
  assert.equal(explained, 1);
  router.clock.advance(1_000);
  router.bind("/svc/users", "/#/fs/users", []);
  for (let i = 0; i < 100; i++) failAndShow();
  assert.equal(explained, 2);
});

test("of many names that fail immediately only some are explained, and the others later", () => {
  let explained = 0;
  const router = testRouter({ router: { explain: () => `explained ${++explained}` } });
  const traces = (from: number) =>
    Array.from({ length: 50 }, (_, i) => {
      const name = `/svc/n${from + i}`;
      router.binding(name).set(ok(neg));
      return send(router.service, testCall(name)).outcome?.failure?.trace?.() ?? "";
    });
  assert.equal(traces(0).filter((trace) => trace.startsWith("explained")).length, 20);
  assert.equal(explained, 20);
  router.clock.advance(1_000);
  assert.equal(traces(50).filter((trace) => trace.startsWith("explained")).length, 20);
});

test("a call to an empty set of addresses fails immediately", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", []);
  const { outcome } = send(router.service, testCall());
  assert.equal(outcome?.failure?.kind, "unbound");
  assert.match(outcome.failure.detail, /^no addresses for \/#\/fs\/users/);
  assert.equal(router.wires.length, 0);
});

test("addresses once good are kept when the lookup fails; none are left when the name is gone", () => {
  const set = cell<AddressSet>(ok(addresses(3)));
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", set);
  const status = () => send(router.service, testCall()).outcome;
  assert.equal(status()?.response, 200);
  set.set(failed(failure("unresolved", "no leader")));
  assert.equal(status()?.response, 200);
  set.set(pending);
  assert.equal(status()?.response, 200);
  set.set(ok("neg"));
  assert.equal(status()?.failure?.kind, "unbound");
});

test("with probation, endpoints that discovery removed stay until they are found not open", () => {
  const set = cell<AddressSet>(ok(addresses(1)));
  let healthy = true;
  const router = testRouter({
    balancerConfig: { enableProbation: true },
    serve: () => (request, reply) => (healthy ? responds(200) : responds(500))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", set);
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  set.set(ok("neg"));
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  healthy = false;
  for (let i = 0; i < 5; i++) send(router.service, testCall());
  set.set(ok([]));
  assert.equal(send(router.service, testCall()).outcome?.failure?.kind, "unbound");
});

test("paths that are bound to one id share its endpoints", () => {
  const router = testRouter();
  for (const name of ["/svc/a", "/svc/b"]) router.bind(name, "/#/fs/users", addresses(1));
  send(router.service, testCall("/svc/a"));
  send(router.service, testCall("/svc/b"));
  assert.equal(router.wires.length, 1);
  assert.equal(router.counter("client", "#/fs/users", "requests"), 2);
  assert.equal(router.counter("client", "#/fs/users", "service", "svc/a", "requests"), 1);
  assert.equal(router.counter("service", "svc/b", "requests"), 1);
});

test("calls with overrides of their own have a path of their own, and share its statistics", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  const parsed = parseDtab("/svc => /other");
  assert.ok(parsed.ok);
  send(router.service, testCall());
  send(router.service, testCall("/svc/users", { localDtab: parsed.value }));
  assert.equal(router.destinations().length, 2);
  assert.equal(router.counter("service", "svc/users", "requests"), 2);
  assert.deepEqual(
    router.destinations().map(({ localDtab }) => localDtab),
    ["", "/svc=>/other"],
  );
});

test("a call that was refused is sent to another endpoint when one is open", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const router = testRouter({
      seed,
      serve: ({ port }) => (port === 1 ? fails(refused) : responds(200)),
    });
    router.bind("/svc/users", "/#/fs/users", addresses(2));
    for (let i = 0; i < 20; i++) {
      assert.equal(send(router.service, testCall()).outcome?.response, 200, `seed ${seed}`);
    }
    assert.ok(router.counter("client", "#/fs/users", "retries", "requeues") <= 5);
  }
});

test("a call is not sent more often than there are endpoints and one", () => {
  const router = testRouter({ serve: () => fails(refused) });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const { outcome } = send(router.service, testCall());
  assert.equal(outcome?.failure?.kind, "connect");
  assert.equal(outcome.failure.retry, "never");
  assert.equal(router.counter("client", "#/fs/users", "requests"), 4);
  assert.equal(router.counter("client", "#/fs/users", "retries", "request_limit"), 1);
});

test("what may have been acted on is not sent again, unless that does no harm", () => {
  const attempts = (fields: Parameters<typeof testCall>[1], retry: "if-idempotent" | "never") => {
    const router = testRouter({ serve: () => fails(failure("closed", "reset", retry)) });
    router.bind("/svc/users", "/#/fs/users", addresses(3));
    send(router.service, testCall("/svc/users", fields));
    return router.counter("client", "#/fs/users", "requests");
  };
  assert.equal(attempts({}, "never"), 1);
  assert.equal(attempts({ idempotent: false }, "if-idempotent"), 1);
  assert.equal(attempts({ replayable: false }, "if-idempotent"), 1);
  assert.equal(attempts({}, "if-idempotent"), 4);
});

test("nothing is requeued when no endpoint is open", () => {
  const router = testRouter({ serve: () => fails(refused) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 3; i++) send(router.service, testCall()); // two attempts each
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 0);
  const before = router.counter("client", "#/fs/users", "requests");
  send(router.service, testCall());
  assert.equal(router.counter("client", "#/fs/users", "requests"), before + 1);
  assert.ok(router.counter("client", "#/fs/users", "retries", "not_open") > 0);
});

test("the limit over all attempts ends a call, and cancels the attempt", () => {
  const held: HeldCall[] = [];
  const router = testRouter({ serve: () => holding(held), service: { totalTimeoutMs: 500 } });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  const call = testCall();
  const asked = send(router.service, call);
  assert.equal(call.deadlineMs, 500);
  router.clock.advance(500);
  assert.equal(asked.outcome?.failure?.kind, "timeout");
  assert.match(asked.outcome.failure.detail, /exceeded 500 ms to \/svc\/users/);
  assert.equal(held[0]?.cancelledWith?.kind, "timeout");
});

test("a caller's deadline ends a call when it is earlier than the limit, even while it waits", () => {
  const router = testRouter({ service: { totalTimeoutMs: 500 } });
  const asked = send(router.service, testCall("/svc/users", { deadlineMs: 50 }));
  router.clock.advance(50);
  assert.equal(asked.outcome?.failure?.kind, "timeout");
  assert.match(asked.outcome.failure.detail, /caller's deadline/);
});

test("a call whose deadline has passed is not sent", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  router.clock.advance(100);
  const asked = send(router.service, testCall("/svc/users", { deadlineMs: 100 }));
  assert.equal(asked.outcome?.failure?.kind, "timeout");
  assert.equal(router.wires.length, 0);
});

test("the limit for one attempt fails it, and the call is not requeued", () => {
  const held: HeldCall[] = [];
  const router = testRouter({ serve: () => holding(held), client: { attemptTimeoutMs: 100 } });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  const asked = send(router.service, testCall());
  router.clock.advance(100);
  assert.equal(asked.outcome?.failure?.kind, "timeout");
  assert.match(asked.outcome.failure.detail, /requestAttemptTimeoutMs/);
  assert.equal(held.length, 1);
});

test("no timer is left behind by calls that ended", () => {
  const router = testRouter({
    service: { totalTimeoutMs: 500 },
    client: { attemptTimeoutMs: 100 },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  send(router.service, testCall());
  const before = router.clock.waiting;
  for (let i = 0; i < 10; i++) send(router.service, testCall());
  assert.equal(router.clock.waiting, before);
});

test("calls that may be sent again are counted as restartable", () => {
  const router = testRouter({ serve: () => fails(refused) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  send(router.service, testCall());
  const client = ["client", "#/fs/users"];
  const attempts = router.counter(...client, "requests");
  assert.ok(attempts > 0);
  assert.equal(router.counter(...client, "failures", "restartable"), attempts);
  assert.equal(router.counter(...client, "failures", "connect"), attempts);
});

test("the balancer is named as Finagle names it", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  send(router.service, testCall());
  const algorithm = ["client", "#/fs/users", "loadbalancer", "algorithm", "p2c_least_loaded"];
  assert.equal(router.gauge(...algorithm), 1);
});

test("names that lead nowhere share one scope, however many there are", () => {
  const router = testRouter({ router: { maxServiceNames: 2 } });
  for (let i = 0; i < 100; i++) {
    router.binding(`/svc/nowhere-${i}`).set(ok(neg));
    send(router.service, testCall(`/svc/nowhere-${i}`));
  }
  const scopes = router.metrics.root.children.get("service")?.children;
  assert.deepEqual([...(scopes?.keys() ?? [])], ["(unbound)"]);
  assert.equal(router.counter("service", "(unbound)", "requests"), 100);
  assert.equal(router.counter("service", "(unbound)", "failures", "unbound"), 100);
  assert.equal(router.gauge("service", "(unbound)", "pending"), 0);
  // They take no place from names that lead somewhere.
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  send(router.service, testCall());
  assert.equal(router.counter("service", "svc/users", "requests"), 1);
  assert.equal(router.counter("service_names_overflow"), 0);
});

test("calls that waited for the binding are counted under their name when it comes", () => {
  const router = testRouter();
  const first = send(router.service, testCall());
  const second = send(router.service, testCall());
  second.cancel(failure("cancelled", "the caller left"));
  assert.equal(router.counter("service", "(unbound)", "cancelled"), 1);
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  assert.equal(first.outcome?.response, 200);
  send(router.service, testCall());
  assert.equal(router.counter("service", "svc/users", "requests"), 2);
  assert.equal(router.counter("service", "svc/users", "success"), 2);
  assert.equal(router.gauge("service", "svc/users", "pending"), 0);
  assert.equal(router.counter("service", "(unbound)", "requests"), 1);
});

test("names beyond the cap share one scope, and are counted", () => {
  const router = testRouter({ router: { maxServiceNames: 2 } });
  for (const name of ["/svc/a", "/svc/b", "/svc/c", "/svc/d"]) {
    router.bind(name, "/#/fs/users", addresses(1));
    send(router.service, testCall(name));
  }
  assert.equal(router.counter("service", "svc/a", "requests"), 1);
  assert.equal(router.counter("service", "(other)", "requests"), 2);
  assert.equal(router.counter("service_names_overflow"), 2);
});

test("closing waits for calls in flight, and at most the grace", async () => {
  const held: HeldCall[] = [];
  const router = testRouter({ serve: () => holding(held) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  const first = send(router.service, testCall());
  const closing = router.close(1_000);
  assert.deepEqual(router.wires[0]?.closes, []);
  held[0]?.respond();
  await closing;
  assert.equal(first.outcome?.response, 200);
  assert.deepEqual(router.wires[0]?.closes, [0]);
  assert.equal(router.metrics.root.children.get("client")?.children.size, 0);
});

test("a call that comes when the router has closed may be sent elsewhere", async () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  await router.close(0);
  const { outcome } = send(router.service, testCall());
  assert.equal(outcome?.failure?.kind, "exhausted");
  assert.equal(outcome.failure.retry, "safe");
});

test("a call in flight when the grace has passed is broken, and still gets its response", async () => {
  const held: HeldCall[] = [];
  const router = testRouter({
    serve: () => holding(held),
    closed: () => held.forEach((call) => call.fail(failure("closed", "the wire was closed"))),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  const asked = send(router.service, testCall());
  const closing = router.close(1_000);
  router.clock.advance(1_000);
  await closing;
  assert.equal(asked.outcome?.failure?.kind, "closed");
  assert.equal(router.pending, 0);
});

test("the state of clients is shown with their addresses", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(2));
  router.bind("/svc/slow", "/#/fs/slow", cell<AddressSet>());
  send(router.service, testCall());
  send(router.service, testCall("/svc/slow"));
  assert.deepEqual(router.clientState(), {
    "/#/fs/users": { state: "bound", addresses: ["10.0.0.1:1", "10.0.0.1:2"] },
    "/#/fs/slow": { state: "pending", addresses: [] },
  });
  assert.deepEqual(
    router.destinations().map(({ logicalName, state }) => [logicalName, state]),
    [
      ["/svc/users", "bound"],
      ["/svc/slow", "bound"],
    ],
  );
});
