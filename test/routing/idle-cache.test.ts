import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleCache } from "../../src/routing/idle-cache.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { send } from "../support/outcome.ts";
import { simulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";
import type { HeldCall } from "../support/routing.ts";
import { addresses, holding, testCall, testRouter } from "../support/routing.ts";

class Thing {
  pending = 0;
  lastUse = 0;
  isClosed = false;
  readonly key: string;
  readonly isOneShot: boolean;
  constructor(key: string, isOneShot: boolean) {
    this.key = key;
    this.isOneShot = isOneShot;
  }
  close(): void {
    assert.equal(this.pending, 0, "closed while in use");
    assert.ok(!this.isClosed, "closed twice");
    this.isClosed = true;
  }
}

function cache(capacity: number) {
  const clock = simulatedClock();
  const { stats } = openMetrics(clock);
  const things = new IdleCache<Thing>({ capacity, idleTtlMs: 600_000, clock, stats });
  const use = (key: string) =>
    things.get(key) ?? things.add(key, (isOneShot) => new Thing(key, isOneShot));
  const read = (name: string) => stats.counter(name).value;
  return { clock, things, use, read };
}

test("a full cache lets go of what was idle for longest", () => {
  const { things, use, read } = cache(3);
  const [a, b] = [use("a"), use("b")];
  use("c");
  use("a");
  b.pending = 1;
  b.pending = 0;
  use("d");
  assert.ok(b.isClosed && !a.isClosed);
  assert.equal(things.size, 3);
  assert.equal(read("evicts"), 1);
  assert.equal(read("misses"), 4);
});

test("the end of a call counts as a use", () => {
  const { things, use } = cache(2);
  const [a, b] = [use("a"), use("b")];
  things.touch(a);
  use("c");
  assert.ok(b.isClosed && !a.isClosed);
});

test("when all are busy the new one is made for one use, and not kept", () => {
  const { things, use, read } = cache(2);
  for (const key of ["a", "b"]) use(key).pending = 1;
  const third = use("c");
  assert.ok(third.isOneShot);
  assert.equal(things.get("c"), undefined);
  assert.equal(things.size, 2);
  assert.equal(read("oneshots"), 1);
});

test("what is idle is closed after one to two times the idle time, and not before", () => {
  for (let usedAtMs = 0; usedAtMs < 600_000; usedAtMs += 50_000) {
    const { clock, use, read } = cache(10);
    use("first");
    clock.advance(usedAtMs);
    const thing = use("a");
    clock.advance(600_000 - 1);
    assert.ok(!thing.isClosed, `used at ${usedAtMs}`);
    clock.advance(600_001);
    assert.ok(thing.isClosed, `used at ${usedAtMs}`);
    assert.equal(read("expires"), 2);
  }
});

test("what is busy is not closed for being old, and its idle time begins at the end", () => {
  const { clock, things, use } = cache(10);
  const thing = use("a");
  thing.pending = 1;
  clock.advance(10_000_000);
  thing.pending = 0;
  things.touch(thing);
  clock.advance(599_999);
  assert.ok(!thing.isClosed);
  clock.advance(600_001);
  assert.ok(thing.isClosed);
});

test("an empty cache has no timer", () => {
  const { clock, use } = cache(10);
  const before = clock.waiting;
  use("a");
  clock.advance(1_200_000);
  assert.equal(clock.waiting, before);
});

test("whatever is used how, the size stays within the capacity", () => {
  const random = seeded(32);
  const { clock, things, use } = cache(5);
  const busy: Thing[] = [];
  for (let step = 0; step < 20_000; step++) {
    const thing = use(`k${Math.floor(random() * 12)}`);
    assert.ok(!thing.isClosed);
    if (random() < 0.5) {
      thing.pending++;
      busy.push(thing);
    }
    if (busy.length > 0 && random() < 0.6) {
      const done = busy.splice(Math.floor(random() * busy.length), 1)[0]!;
      done.pending--;
      if (!done.isOneShot) things.touch(done);
    }
    if (random() < 0.001) clock.advance(700_000 * random());
    assert.ok(things.size <= 5);
  }
});

test("a path that is idle goes with its metrics, and comes back when it is asked for", () => {
  const router = testRouter();
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  send(router.service, testCall());
  router.clock.advance(1_200_000);
  assert.equal(router.destinations().length, 0);
  assert.equal(router.clusters().length, 0);
  assert.equal(router.metrics.root.children.get("service")?.children.size ?? 0, 0);
  assert.equal(router.metrics.root.children.get("client")?.children.size ?? 0, 0);
  assert.deepEqual(router.wires[0]?.closes, [0]);
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("an evicted cluster is made again by the path that still names it", () => {
  const router = testRouter({
    router: {
      bindingCache: { paths: 10, trees: 10, bounds: 10, clients: 1, idleTtlSecs: 600 },
    },
  });
  router.bind("/svc/a", "/#/fs/a", addresses(1));
  router.bind("/svc/b", "/#/fs/b", addresses(1));
  for (const name of ["/svc/a", "/svc/b", "/svc/a", "/svc/b"]) {
    assert.equal(send(router.service, testCall(name)).outcome?.response, 200);
    assert.equal(router.clusters().length, 1);
  }
  assert.equal(router.wires.length, 4);
  assert.equal(router.counter("bindcache", "client", "evicts"), 3);
});

test("paths and clusters beyond the capacity serve their calls, and are closed after them", () => {
  const held: HeldCall[] = [];
  const router = testRouter({
    serve: () => holding(held),
    router: {
      bindingCache: { paths: 1, trees: 1, bounds: 1, clients: 1, idleTtlSecs: 600 },
    },
  });
  for (const name of ["a", "b", "c"]) router.bind(`/svc/${name}`, `/#/fs/${name}`, addresses(1));
  const asked = ["/svc/a", "/svc/b", "/svc/b", "/svc/c"].map((name) =>
    send(router.service, testCall(name)),
  );
  assert.equal(router.destinations().length, 3);
  assert.equal(router.counter("bindcache", "path", "oneshots"), 2);
  assert.equal(router.counter("bindcache", "client", "oneshots"), 2);
  for (const call of held) call.respond();
  assert.deepEqual(
    asked.map(({ outcome }) => outcome?.response),
    [200, 200, 200, 200],
  );
  assert.deepEqual(
    router.destinations().map(({ logicalName }) => logicalName),
    ["/svc/a"],
  );
  assert.deepEqual(
    router.wires.map(({ closes }) => closes.length),
    [0, 1, 1],
  );
});
