import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { Aperture, aperture } from "../../../src/routing/balancers/aperture.ts";
import type { LoadBand } from "../../../src/routing/balancers/aperture.ts";
import { Node } from "../../../src/routing/balancers/balancer.ts";
import { FixedAperture } from "../../../src/routing/balancers/fixed-aperture.ts";
import { seeded } from "../../support/random.ts";
import { SimulatedEndpoint } from "../../support/simulator.ts";

const band: LoadBand = { smoothWindowMs: 5_000, lowLoad: 0.5, highLoad: 2, minAperture: 1 };

function nodesOf(count: number, seed = 1): Node<SimulatedEndpoint>[] {
  const random = seeded(seed);
  return Array.from(
    { length: count },
    (_, i) => new Node(new SimulatedEndpoint(i + 1), null, random()),
  );
}

/** A closed loop: `concurrency` callers who call again as soon as they have their response. */
function settle(concurrency: number, count: number, seconds: number) {
  const random = seeded(concurrency);
  const window = new Aperture<SimulatedEndpoint>(band, random);
  const nodes = nodesOf(count);
  window.update(nodes);
  for (const node of nodes) node.distributor = window;
  const busy: { node: Node<SimulatedEndpoint>; untilMs: number }[] = [];
  const sizes: { atMs: number; size: number }[] = [];
  let size = window.size;
  const begin = (nowMs: number) => {
    const node = window.pick(nowMs);
    node.endpoint.pending++;
    node.began(nowMs);
    busy.push({ node, untilMs: nowMs + 5 + 10 * random() });
  };
  for (let i = 0; i < concurrency; i++) begin(0);
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs++) {
    for (let i = busy.length - 1; i >= 0; i--) {
      const { node, untilMs } = busy[i]!;
      if (untilMs > nowMs) continue;
      busy.splice(i, 1);
      node.endpoint.pending--;
      node.ended(nowMs);
      begin(nowMs);
      assert.ok(window.size >= 1 && window.size <= count);
      if (window.size !== size) sizes.push({ atMs: nowMs, size: window.size });
      size = window.size;
    }
  }
  const late = sizes.filter(({ atMs }) => atMs > 60_000).length / (seconds / 60 - 1);
  return { size, adjustmentsPerMinute: late };
}

test("the window settles where the load is within the band, and then rests", () => {
  const ten = settle(10, 100, 180);
  assert.ok(Math.abs(ten.size - 6) <= 1, `${ten.size}`);
  assert.ok(ten.adjustmentsPerMinute <= 2, `${ten.adjustmentsPerMinute}`);
  const thirty = settle(30, 100, 180);
  assert.ok(Math.abs(thirty.size - 16) <= 2, `${thirty.size}`);
  assert.ok(thirty.adjustmentsPerMinute <= 2, `${thirty.adjustmentsPerMinute}`);
  assert.equal(settle(30, 4, 60).size, 4);
});

test("the window narrows again when the load is gone, and not below its least size", () => {
  const window = new Aperture<SimulatedEndpoint>({ ...band, minAperture: 3 }, seeded(1));
  const nodes = nodesOf(20);
  window.update(nodes);
  const [node] = nodes as [Node<SimulatedEndpoint>];
  for (let i = 0; i < 30; i++) window.loadChanged(node, 1, i * 1_000);
  assert.ok(window.size > 8, `${window.size}`);
  for (let i = 0; i < 30; i++) window.loadChanged(node, -1, 30_000 + i * 1_000);
  for (let i = 0; i < 30; i++) {
    window.loadChanged(node, 1, 100_000 + i * 1_000);
    window.loadChanged(node, -1, 100_000 + i * 1_000);
  }
  assert.equal(window.size, 3);
});

test("endpoints that are down leave the window to those that are open", () => {
  const window = new Aperture<SimulatedEndpoint>(band, seeded(1));
  const nodes = nodesOf(10);
  window.update(nodes);
  const inside = window.pick(0);
  assert.equal(window.pick(0), inside);
  inside.endpoint.status = "busy";
  window.rebuild();
  assert.notEqual(window.pick(0), inside);
  inside.endpoint.status = "open";
  assert.equal(window.pick(0), inside);
});

function sharesOf(clients: number, servers: number): Map<Node<SimulatedEndpoint>, number>[] {
  const nodes = nodesOf(servers);
  return Array.from({ length: clients }, (_, id) => {
    const fixed = new FixedAperture<SimulatedEndpoint>(id, clients, seeded(1));
    fixed.update(nodes);
    const width = fixed.window.reduce((sum, { share }) => sum + share, 0);
    assert.ok(servers < 12 || width >= 12 - 1e-6, `width ${width}`);
    return new Map(fixed.window.map(({ node, share }) => [node, share / width]));
  });
}

test("the fixed windows of all proxies together cover all endpoints evenly", () => {
  for (const [clients, servers] of [
    [3, 100],
    [10, 100],
    [33, 50],
    [100, 1_000],
    [7, 5],
  ] as const) {
    const load = new Map<Node<SimulatedEndpoint>, number>();
    for (const shares of sharesOf(clients, servers)) {
      for (const [node, share] of shares) load.set(node, (load.get(node) ?? 0) + share);
    }
    const loads = Array.from(load.values());
    const mean = loads.reduce((a, b) => a + b, 0) / servers;
    assert.equal(loads.length, servers);
    assert.ok(Math.max(...loads) / mean <= 1.001, `${clients} ${servers}`);
  }
});

test("a fixed window is the same in every process, whatever its chance and the order of addresses", () => {
  const window = (id: number, seed: number, isReversed: boolean) => {
    const fixed = new FixedAperture<SimulatedEndpoint>(id, 10, seeded(seed));
    const nodes = nodesOf(100, seed);
    fixed.update(isReversed ? nodes.toReversed() : nodes);
    return fixed.window.map(({ node, share }) => [node.endpoint.address.port, share]);
  };
  for (let id = 0; id < 10; id++) {
    const wanted = window(id, 1, false);
    assert.deepEqual(window(id, 2, false), wanted, `proxy ${id}`);
    assert.deepEqual(window(id, 3, true), wanted, `proxy ${id}`);
  }
});

test("one more endpoint brings few new members into a fixed window", () => {
  const window = (count: number, id: number) => {
    const fixed = new FixedAperture<SimulatedEndpoint>(id, 100, seeded(1));
    fixed.update(nodesOf(count));
    return new Set(fixed.window.map(({ node }) => node.endpoint.address.port));
  };
  for (let id = 0; id < 100; id++) {
    const before = window(100, id);
    const added = Array.from(window(101, id)).filter((port) => !before.has(port));
    assert.ok(added.length <= 2, `proxy ${id}: ${added.length}`);
  }
});

test("a fixed window that is down altogether lends all endpoints, and takes its own back", () => {
  const fixed = new FixedAperture<SimulatedEndpoint>(0, 10, seeded(1));
  fixed.update(nodesOf(100));
  const own = fixed.window.map(({ node }) => node.endpoint);
  for (const endpoint of own) endpoint.status = "busy";
  fixed.rebuild();
  const picks = Array.from({ length: 100 }, () => fixed.pick(0).endpoint);
  assert.ok(picks.filter(({ status }) => status === "open").length > 90);
  own[0]!.status = "open";
  for (let i = 0; i < 100; i++) assert.ok(own.includes(fixed.pick(0).endpoint));
});

test("an aperture of peers wants an id below their number, and a band that is one", () => {
  const check = (config: object) =>
    v.safeParse(aperture.schema, { kind: "aperture", ...config }).success;
  assert.ok(check({ peers: { id: 9, total: 10 } }));
  assert.ok(!check({ peers: { id: 10, total: 10 } }));
  assert.ok(!check({ lowLoad: 2, highLoad: 1 }));
  assert.ok(!check({ loload: 1 }));
});
