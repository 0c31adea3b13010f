import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import { cell, failed, ok, source } from "../../src/core/live.ts";
import type { AddressSet } from "../../src/core/naming.ts";
import { leaf, neg, union } from "../../src/core/names/nametree.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { send } from "../support/outcome.ts";
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
import { seeded } from "../support/random.ts";

test("endpoints that stay keep their wires; those that left close after their last call", () => {
  const held: HeldCall[] = [];
  const set = cell<AddressSet>(ok(addresses(4)));
  const router = testRouter({ serve: () => holding(held) });
  router.bind("/svc/users", "/#/fs/users", set);
  const asked = Array.from({ length: 40 }, () => send(router.service, testCall()));
  assert.equal(router.wires.length, 4);
  set.set(ok([address(3), address(4), address(5), address(6)]));
  assert.ok(router.wires.every(({ closes }) => closes.length === 0));
  for (const call of held) call.respond();
  assert.ok(asked.every(({ outcome }) => outcome?.failure === null));
  const closedPorts = router.wires
    .filter(({ closes }) => closes.length > 0)
    .map((wire) => wire.address.port);
  assert.deepEqual(closedPorts.sort(), [1, 2]);
  for (let i = 0; i < 40; i++) send(router.service, testCall());
  assert.deepEqual(router.wires.map((wire) => wire.address.port).sort(), [1, 2, 3, 4, 5, 6]);
  assert.equal(router.counter("client", "#/fs/users", "loadbalancer", "adds"), 6);
  assert.equal(router.counter("client", "#/fs/users", "loadbalancer", "removes"), 2);
});

test("endpoints that stay keep their calls in progress, and what is known of their speed", () => {
  const held: HeldCall[] = [];
  const hold = holding(held);
  const counts = new Map<number, number>();
  const set = cell<AddressSet>(ok(addresses(4)));
  let holds = 1;
  const router = testRouter({
    balancer: ewma,
    serve:
      ({ port }) =>
      (request, reply) => {
        counts.set(port, (counts.get(port) ?? 0) + 1);
        return (port === holds ? hold : responds(200))(request, reply);
      },
  });
  router.bind("/svc/users", "/#/fs/users", set);
  const ask = (count: number) =>
    Array.from({ length: count }, () => send(router.service, testCall()));
  const first = ask(100);
  assert.equal(counts.get(1), 1, "the one that did not respond");
  router.clock.advance(500);
  held[0]?.respond();
  holds = 2;
  const second = ask(20);
  const pendingOf2 = () =>
    router.clusters()[0]?.endpoints.find(({ address: at }) => at === "10.0.0.1:2")?.pending;
  const before = pendingOf2();
  assert.ok(before !== undefined && before > 0);
  set.set(ok([1, 2, 5, 6].map((port) => address(port))));
  assert.equal(pendingOf2(), before);
  counts.clear();
  const third = ask(200);
  assert.equal(counts.get(1), undefined, "a new endpoint would get a call to try it");
  assert.ok((counts.get(5) ?? 0) > 10 && (counts.get(6) ?? 0) > 10);
  for (const call of held.slice(1)) call.respond();
  const asked = [first, second, third].flat();
  assert.ok(asked.every(({ outcome }) => outcome?.failure === null));
});

test("an update that changes nothing rebuilds nothing", () => {
  const set = cell<AddressSet>(ok(addresses(4)));
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", set);
  send(router.service, testCall());
  const scope = ["client", "#/fs/users", "loadbalancer"] as const;
  const before = router.counter(...scope, "rebuilds");
  set.set(ok(addresses(4).toReversed()));
  assert.equal(router.counter(...scope, "rebuilds"), before);
  assert.equal(router.counter(...scope, "updates"), 2);
});

test("a changed weight keeps the endpoint, its wire and its calls", () => {
  const held: HeldCall[] = [];
  const set = cell<AddressSet>(ok([address(1), address(2)]));
  const router = testRouter({ serve: () => holding(held), balancer: ewma });
  router.bind("/svc/users", "/#/fs/users", set);
  for (let i = 0; i < 2; i++) send(router.service, testCall());
  set.set(ok([address(1, 9), address(2)]));
  const [first] = router.clusters();
  assert.deepEqual(
    first?.endpoints.map(({ weight, pending }) => [weight, pending]),
    [
      [9, 1],
      [1, 1],
    ],
  );
  for (let i = 0; i < 100; i++) send(router.service, testCall());
  const [heavy] = router.clusters()[0]?.endpoints ?? [];
  assert.ok((heavy?.pending ?? 0) > 75);
  assert.equal(router.wires.length, 2);
});

test("an address that is named twice is one endpoint", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", [address(1), address(1), address(1, 2)]);
  send(router.service, testCall());
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "size"), 1);
});

test("a lookup of addresses that fails first fails the calls, and says why", () => {
  const set = cell<AddressSet>();
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", set);
  const asked = send(router.service, testCall());
  set.set(failed(failure("unresolved", "no leader")));
  assert.equal(asked.outcome?.failure?.kind, "unresolved");
  assert.match(asked.outcome.failure.detail, /no leader/);
  assert.equal(send(router.service, testCall()).outcome?.failure?.kind, "unresolved");
  assert.equal(router.clusters()[0]?.state, "failed");
  set.set(ok(addresses(1)));
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("addresses that do not come in time fail the calls that wait for them", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", cell<AddressSet>());
  const asked = send(router.service, testCall());
  router.clock.advance(10_000);
  assert.equal(
    asked.outcome?.failure?.detail,
    "Exceeded 10 s binding timeout while looking up the addresses of /#/fs/users",
  );
});

test("a name bound again to the same id is kept up to date by the new source", () => {
  const router = testRouter();
  const stops: string[] = [];
  const watched = (name: string, port: number) =>
    source<AddressSet>((set) => {
      set(ok([address(port)]));
      return () => void stops.push(name);
    });
  const bind = (name: string, port: number) =>
    router
      .binding("/svc/users")
      .set(ok(leaf({ ...bound("/#/fs/users", []), addresses: watched(name, port) })));
  bind("old", 1);
  send(router.service, testCall());
  bind("new", 2);
  const call = testCall();
  send(router.service, call);
  assert.deepEqual(call.endpoint, address(2));
  assert.deepEqual(stops, ["old"]);
});

test("a union sends each branch its share, and a branch without addresses fails its own", () => {
  const router = testRouter({ seed: 5 });
  const tree = union([
    { weight: 9, tree: leaf(bound("/#/fs/a", addresses(2))) },
    { weight: 1, tree: leaf(bound("/#/fs/b", [])) },
  ]);
  router.binding("/svc/users").set(ok(tree));
  let failures = 0;
  for (let i = 0; i < 10_000; i++) {
    if (send(router.service, testCall()).outcome?.failure !== null) failures++;
  }
  assert.ok(Math.abs(failures - 1_000) < 100, `${failures}`);
});

test("a name that is bound to something else sends its next calls there", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/blue", addresses(1));
  send(router.service, testCall());
  router.bind("/svc/users", "/#/fs/green", addresses(1));
  const call = testCall();
  send(router.service, call);
  assert.equal(call.bound?.id, "/#/fs/green");
  const blue = router.metrics.root.children.get("client")?.children.get("#/fs/blue");
  assert.equal(blue?.children.get("service")?.children.size, 0);
  router.binding("/svc/users").set(ok(neg));
  assert.equal(send(router.service, testCall()).outcome?.failure?.kind, "unbound");
});

test("100,000 calls while endpoints come, go and refuse: each gets its own response", () => {
  for (const seed of [1, 2]) soak(seed);
});

function soak(seed: number): void {
  const random = seeded(seed);
  const set = cell<AddressSet>(ok(addresses(5)));
  // The endpoint that a call says it went to responds with its own number.
  const router = testRouter({
    seed,
    serve: (at) => (request, reply) => {
      assert.equal(request.endpoint?.port, at.port);
      if (random() < 0.02) return fails(refused)(request, reply);
      const status = Number(request.name.slice(5));
      const timer = router.clock.after(20 * random(), () => responds(status)(request, reply));
      return {
        cancel: (why) => {
          timer();
          reply.end(why);
        },
      };
    },
  });
  const pending = new Map<number, ReturnType<typeof send<ReturnType<typeof testCall>, number>>>();
  let responded = 0;
  for (let i = 0; i < 50_000; i++) {
    const status = 100 + (i % 300);
    const name = `/svc/${status}`;
    if (i < 300) router.bind(name, `/#/fs/${i % 3}`, set);
    pending.set(i, send(router.service, testCall(name)));
    if (i % 10 === 0) router.clock.advance(random() * 3);
    if (i % 500 === 0) {
      const ports = Array.from({ length: 20 }, (_, port) => port + 1);
      set.set(
        ok(
          ports
            .filter(() => random() < 0.3)
            .concat(21)
            .map((port) => address(port)),
        ),
      );
    }
    for (const [id, { outcome }] of pending) {
      if (outcome === null) continue;
      assert.equal(outcome.failure, null, `seed ${seed}`);
      assert.equal(outcome.response, 100 + (id % 300), `seed ${seed}`);
      pending.delete(id);
      responded++;
    }
  }
  router.clock.advance(1_000);
  assert.equal(responded + pending.size, 50_000);
  assert.ok(Array.from(pending.values()).every(({ outcome }) => outcome?.failure === null));
  const shown = new Set(
    router.clusters().flatMap(({ endpoints }) => endpoints.map((e) => e.address)),
  );
  const open = router.wires.filter(({ closes }) => closes.length === 0);
  assert.ok(open.every((wire) => shown.has(`10.0.0.1:${wire.address.port}`)));
  assert.ok(router.clusters().every(({ pending: count }) => count === 0));
}
