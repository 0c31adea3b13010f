import assert from "node:assert/strict";
import { test } from "node:test";
import { selector } from "../../../src/core/names/select.ts";
import { leaf, union } from "../../../src/core/names/nametree.ts";
import { aliasTable } from "../../../src/routing/balancers/alias.ts";
import { Balancer } from "../../../src/routing/balancers/balancer.ts";
import type { BalancerPlugin, Node } from "../../../src/routing/balancers/balancer.ts";
import { aperture } from "../../../src/routing/balancers/aperture.ts";
import { ewma } from "../../../src/routing/balancers/ewma.ts";
import { heap } from "../../../src/routing/balancers/heap.ts";
import { p2c } from "../../../src/routing/balancers/p2c.ts";
import { pickOfTwo } from "../../../src/routing/balancers/two-choices.ts";
import { roundRobin } from "../../../src/routing/balancers/round-robin.ts";
import { simulatedClock } from "../../support/clock.ts";
import { seeded } from "../../support/random.ts";
import { balancing } from "../../support/routing.ts";
import { SimulatedEndpoint } from "../../support/simulator.ts";

interface Bench {
  readonly balancer: Balancer<SimulatedEndpoint>;
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly nodes: readonly Node<SimulatedEndpoint>[];
  readonly counters: {
    readonly maxEffortExhausted: { value: number };
    readonly rebuilds: { value: number };
    readonly panics: { value: number };
  };
}

function bench(
  plugin: BalancerPlugin,
  count: number,
  config: Readonly<Record<string, unknown>> = {},
  seed = 1,
  weightOf: (index: number) => number = () => 1,
): Bench {
  const random = seeded(seed);
  const counters = {
    maxEffortExhausted: { value: 0 },
    rebuilds: { value: 0 },
    panics: { value: 0 },
  };
  const kind = balancing(plugin, { clock: simulatedClock(), random }, config);
  const balancer = new Balancer<SimulatedEndpoint>(kind, random, counters);
  const endpoints = Array.from(
    { length: count },
    (_, i) => new SimulatedEndpoint(i + 1, weightOf(i)),
  );
  const nodes = endpoints.map((endpoint) => balancer.node(endpoint));
  balancer.update(nodes);
  return { balancer, endpoints, nodes, counters };
}

/** How often each endpoint is picked. */
function tally({ balancer, endpoints }: Bench, picks: number, hold = false): number[] {
  const counts = endpoints.map(() => 0);
  for (let i = 0; i < picks; i++) {
    const node = balancer.pick(0);
    assert.ok(node !== null);
    counts[node.endpoint.address.port - 1]! += 1;
    if (!hold) continue;
    node.endpoint.pending++;
    node.began(0);
  }
  return counts;
}

const all = [p2c, ewma, aperture, heap, roundRobin];

test("the two choices are distinct, and at equal load each endpoint gets its even share", () => {
  const { nodes } = bench(p2c, 2);
  // Of two the less loaded one always wins: the busier is never both choices.
  nodes[0]!.endpoint.pending = 1;
  const random = seeded(7);
  for (let i = 0; i < 1_000; i++) assert.equal(pickOfTwo(nodes, 2, random, 0), nodes[1]);
  for (const count of tally(bench(p2c, 10), 100_000)) {
    assert.ok(Math.abs(count - 10_000) <= 300, `${count} of 100000 picks`);
  }
});

test("balls in bins: two choices keep the fullest within a few of the mean", () => {
  const few = tally(bench(p2c, 10), 10_000, true);
  assert.ok(Math.max(...few) - 1_000 <= 3);
  const many = tally(bench(p2c, 1_000), 1_000_000, true);
  assert.ok(Math.max(...many) - 1_000 <= 4);
});

test("no endpoint gets more than 2/n of the picks, however good it looks", () => {
  for (const count of [5, 10, 50]) {
    const black = bench(p2c, count);
    black.endpoints.forEach((endpoint, i) => (endpoint.pending = i === 0 ? 0 : 1_000));
    const share = tally(black, 50_000)[0]! / 50_000;
    assert.ok(share <= 2 / count + 0.01 && share >= 2 / count - 0.02, `${share} of ${count}`);
  }
});

test("chance is the only input: the same seed gives the same picks", () => {
  for (const plugin of all) {
    assert.deepEqual(
      tally(bench(plugin, 10, {}, 5), 1_000, true),
      tally(bench(plugin, 10, {}, 5), 1_000, true),
    );
  }
});

test("a 90/10 union is split 90/10, and without weights evenly", () => {
  const random = seeded(13);
  const branches = (a: number, b: number) =>
    union([
      { weight: a, tree: leaf("a") },
      { weight: b, tree: leaf("b") },
    ]);
  const shareOfA = (a: number, b: number) => {
    const { pick } = selector(branches(a, b));
    let count = 0;
    for (let i = 0; i < 100_000; i++) if (pick(random) === "a") count++;
    return count / 100_000;
  };
  assert.ok(Math.abs(shareOfA(9, 1) - 0.9) <= 0.003);
  assert.ok(Math.abs(shareOfA(0, 0) - 0.5) <= 0.005);
});

test("addresses of equal weight form a class that gets weight times size", () => {
  for (const plugin of all) {
    const weighted = bench(plugin, 10, {}, 3, (i) => (i < 4 ? 3 : 1));
    const counts = tally(weighted, 100_000);
    const heavy = counts.slice(0, 4).reduce((a, b) => a + b, 0) / 100_000;
    assert.ok(Math.abs(heavy - 12 / 18) <= 0.005, `${plugin.kind}: ${heavy}`);
  }
  const zero = tally(
    bench(p2c, 10, {}, 3, () => 0),
    100_000,
  );
  for (const count of zero) assert.ok(Math.abs(count - 10_000) <= 300);
});

test("the alias table draws every index by its weight", () => {
  const random = seeded(4);
  const weights = [0, 1, 2, 3, 4, 0.5];
  const draw = aliasTable(weights);
  const counts = weights.map(() => 0);
  for (let i = 0; i < 105_000; i++) counts[draw(random)]! += 1;
  weights.forEach((weight, i) => {
    assert.ok(Math.abs(counts[i]! - weight * 10_000) <= 450, `${i}: ${counts[i]}`);
  });
  assert.equal(counts[0], 0);
});

test("with k of n endpoints down, picks run out as often as chance says, and an open one is looked for", () => {
  const n = 10;
  for (const k of [5, 7, 9]) {
    const picks = k === 5 ? 1_000_000 : 100_000; // panics are rare when half are up
    const half = bench(p2c, n, {}, k);
    half.endpoints.slice(0, k).forEach((endpoint) => (endpoint.status = "busy"));
    const counts = tally(half, picks);
    const q = (k * (k - 1)) / (n * (n - 1));
    const panics = half.counters.maxEffortExhausted.value / picks;
    assert.ok(Math.abs(panics / q ** 5 - 1) <= 0.2, `k ${k}: ${panics} and ${q ** 5}`);
    assert.equal(
      counts.slice(0, k).reduce((a, b) => a + b, 0),
      0,
      "picks of endpoints that are down",
    );
  }
});

test("with all endpoints down calls are still sent, and without endpoints there is no pick", () => {
  for (const plugin of all) {
    const down = bench(plugin, 10);
    for (const endpoint of down.endpoints) endpoint.status = "busy";
    assert.equal(
      tally(down, 1_000, true).reduce((a, b) => a + b, 0),
      1_000,
      plugin.kind,
    );
    assert.equal(bench(plugin, 0).balancer.pick(0), null, plugin.kind);
  }
});

test("below the panic threshold health does not matter: all endpoints get their even share", () => {
  const all = bench(p2c, 10, { panicThreshold: 50 }, 50);
  all.endpoints.slice(0, 5).forEach((endpoint) => (endpoint.status = "busy"));
  assert.equal(all.balancer.pick(0)?.endpoint.status, "open");
  assert.equal(all.counters.panics.value, 0);
  all.endpoints.slice(0, 6).forEach((endpoint) => (endpoint.status = "busy"));
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) {
    const node = all.balancer.pick(1_000);
    counts[node!.endpoint.address.port - 1]! += 1;
  }
  assert.ok(
    counts.every((count) => Math.abs(count - 1_000) < 150),
    `${counts}`,
  );
  assert.equal(all.counters.panics.value, 10_000);
});

test("with a slow start a new endpoint gets a tenth of its share first, and all of it in the end", () => {
  for (const plugin of [p2c, roundRobin]) {
    const all = bench(plugin, 10, { slowStartMs: 20_000 }, 20);
    all.nodes[0]!.sinceMs = 0;
    const share = (nowMs: number) => {
      let own = 0;
      for (let i = 0; i < 20_000; i++) {
        if (all.balancer.pick(nowMs)?.endpoint === all.endpoints[0]) own++;
      }
      return own / 20_000;
    };
    const shares = [share(0), share(10_000), share(20_000)];
    const near = [0.01, 0.05, 0.1].map((wanted, i) => Math.abs(shares[i]! - wanted) < 0.012);
    assert.deepEqual(near, [true, true, true], `${plugin.kind}: ${shares}`);
  }
});

test("endpoints that are all new share everything from the beginning", () => {
  const all = bench(p2c, 3, { slowStartMs: 20_000 });
  for (const node of all.nodes) node.sinceMs = 0;
  assert.ok(tally(all, 3_000).every((count) => count > 900));
});

test("a closed endpoint is the last to be taken", () => {
  for (const plugin of all) {
    const { balancer, endpoints } = bench(plugin, 2);
    endpoints[0]!.status = "closed";
    endpoints[1]!.status = "open";
    for (let i = 0; i < 100; i++) assert.equal(balancer.pick(0)?.endpoint, endpoints[1]);
  }
});

test("an endpoint that comes back takes calls again", () => {
  for (const plugin of all) {
    const { balancer, endpoints } = bench(plugin, 3);
    for (const endpoint of endpoints) endpoint.status = "busy";
    for (let i = 0; i < 20; i++) balancer.pick(0);
    endpoints[1]!.status = "open";
    for (let i = 0; i < 20; i++) balancer.pick(0); // p2c may miss it while it is the only one
    let hits = 0;
    for (let i = 0; i < 100; i++) if (balancer.pick(0)?.endpoint === endpoints[1]) hits++;
    assert.ok(hits >= 95, `${plugin.kind}: ${hits}`);
  }
});

test("a class whose endpoints are all down leaves its calls to the next class", () => {
  const { balancer, endpoints } = bench(p2c, 10, {}, 1, (i) => (i < 5 ? 100 : 1));
  for (const endpoint of endpoints.slice(0, 5)) endpoint.status = "busy";
  for (let i = 0; i < 100; i++) assert.equal(balancer.pick(0)?.endpoint.status, "open");
});

test("round robin goes round, and does not stumble over those that are down", () => {
  const { balancer, endpoints } = bench(roundRobin, 4);
  const ports = (count: number) =>
    Array.from({ length: count }, () => balancer.pick(0)?.endpoint.address.port);
  assert.deepEqual(ports(5), [1, 2, 3, 4, 1]);
  endpoints[2]!.status = "busy";
  assert.deepEqual(new Set(ports(6)), new Set([1, 2, 4]));
  endpoints[2]!.status = "open";
  assert.deepEqual(new Set(ports(4)), new Set([1, 2, 3, 4]));
});

test("the heap always gives one of the least loaded, whatever begins and ends", () => {
  const random = seeded(21);
  const { balancer, endpoints, nodes } = bench(heap, 13, {}, 21);
  for (let step = 0; step < 20_000; step++) {
    const some = nodes[Math.floor(random() * nodes.length)]!;
    if (random() < 0.02) some.endpoint.status = random() < 0.5 ? "busy" : "open";
    if (random() < 0.5 && some.endpoint.pending > 0) {
      some.endpoint.pending--;
      some.ended(0);
      continue;
    }
    const picked = balancer.pick(0)!;
    const open = endpoints.filter(({ status }) => status === "open");
    const least = Math.min(...(open.length > 0 ? open : endpoints).map(({ pending }) => pending));
    assert.equal(picked.endpoint.pending, least, `step ${step}`);
    picked.endpoint.pending++;
    picked.began(0);
  }
});

test("the heap spreads idle picks over all endpoints", () => {
  for (const count of tally(bench(heap, 10), 100_000)) assert.ok(count > 7_000, `${count}`);
});
