import assert from "node:assert/strict";
import { test } from "node:test";
import { PeakEwma } from "../../../src/routing/balancers/peak-ewma.ts";
import { ewma } from "../../../src/routing/balancers/ewma.ts";
import { p2c } from "../../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../../src/routing/balancers/round-robin.ts";
import type { BalancerPlugin } from "../../../src/routing/balancers/balancer.ts";
import { simulatedClock } from "../../support/clock.ts";
import { seeded } from "../../support/random.ts";
import { balancing } from "../../support/routing.ts";
import { erlang4, randomChoice, simulate } from "../../support/simulator.ts";
import type { SimulatedServer } from "../../support/simulator.ts";

const decayTimeMs = 10_000;
const ms = (mean: number): SimulatedServer => ({
  workers: Infinity,
  serve: (_, random) => ({ ms: erlang4(mean, random) }),
});
const ten = (first: SimulatedServer): SimulatedServer[] => [
  first,
  ...Array.from({ length: 9 }, () => ms(10)),
];

function run(
  plugin: BalancerPlugin,
  servers: readonly SimulatedServer[],
  callsPerSecond: number,
  seconds: number,
  warmUpSeconds: number,
  onCall?: (server: number, nowMs: number) => void,
) {
  const random = seeded(1);
  return simulate({
    balancing: balancing(plugin, { clock: simulatedClock(), random }),
    random,
    servers,
    callsPerSecond,
    seconds,
    warmUpSeconds,
    ...(onCall === undefined ? {} : { onCall }),
  });
}

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-9, `${a} and ${b}`);

test("two choices keep the tail and the queues far below one random choice", () => {
  const servers = Array.from({ length: 10 }, () => ({ ...ms(10), workers: 8 }));
  const random = seeded(1);
  const blind = simulate({
    balancing: randomChoice(random),
    random,
    servers,
    callsPerSecond: 6_800,
    seconds: 10,
    warmUpSeconds: 2,
  });
  const two = run(p2c, servers, 6_800, 10, 2);
  assert.ok(two.percentile(0.99) <= 0.8 * blind.percentile(0.99));
  assert.ok(two.maxPending <= 0.5 * blind.maxPending);
});

test("the cost of a sample halves in decay times ln 2, and grows with the calls pending", () => {
  const cost = new PeakEwma(decayTimeMs);
  cost.observe(0, 100);
  close(cost.load(0, 0), 100);
  close(cost.load(decayTimeMs * Math.LN2, 0), 50);
  close(cost.load(decayTimeMs, 0), 100 / Math.E);
  close(cost.load(0, 3), 400);
});

test("reading the cost does not change it", () => {
  const read = new PeakEwma(decayTimeMs);
  const unread = new PeakEwma(decayTimeMs);
  for (const cost of [read, unread]) cost.observe(0, 100);
  for (let nowMs = 0; nowMs < 5_000; nowMs += 7) read.load(nowMs, 1);
  for (const cost of [read, unread]) cost.observe(5_000, 10);
  close(read.load(6_000, 0), unread.load(6_000, 0));
});

test("a peak is taken over immediately, a lower sample by its weight", () => {
  const cost = new PeakEwma(decayTimeMs);
  cost.observe(0, 10);
  cost.observe(1, 500);
  close(cost.load(1, 0), 500);
  cost.observe(1 + decayTimeMs, 10);
  const weight = Math.exp(-1);
  close(cost.load(1 + decayTimeMs, 0), 500 * weight + 10 * (1 - weight));
});

test("an endpoint whose first response takes a second gets exactly one call before it", () => {
  const cold: SimulatedServer = {
    workers: Infinity,
    joinsAtMs: 5_000,
    serve: () => ({ ms: 1_000 }),
  };
  const callsMs: number[] = [];
  run(ewma, ten(cold), 1_000, 10, 0, (server, nowMs) => {
    if (server === 0) callsMs.push(nowMs);
  });
  const [firstMs = NaN] = callsMs;
  assert.ok(firstMs < 5_100, `${firstMs}`);
  assert.equal(callsMs.filter((atMs) => atMs < firstMs + 1_000).length, 1);
});

test("an endpoint ten times slower gets next to nothing", () => {
  const slow = run(ewma, ten(ms(100)), 1_000, 40, 10);
  assert.ok(slow.share(0) < 0.005, `${slow.share(0)}`);
  const blind = run(roundRobin, ten(ms(100)), 1_000, 40, 10);
  assert.ok(slow.percentile(0.99) < 0.25 * blind.percentile(0.99));
  const rare = run(ewma, ten(ms(100)), 10, 1_000, 100);
  assert.ok(rare.share(0) < 0.02, `${rare.share(0)}`);
});

test("an endpoint that was slow comes back, neither immediately nor never", () => {
  const recoveryMs = 20_000;
  const recovers: SimulatedServer = {
    workers: Infinity,
    serve: (nowMs, random) => ({ ms: erlang4(nowMs < recoveryMs ? 100 : 10, random) }),
  };
  const perSecond: { own: number; all: number }[] = [];
  run(ewma, ten(recovers), 1_000, 60, 0, (server, nowMs) => {
    const second = (perSecond[Math.floor(nowMs / 1_000)] ??= { own: 0, all: 0 });
    second.all++;
    if (server === 0) second.own++;
  });
  const back = perSecond.findIndex(({ own, all }, i) => i >= 20 && own / all >= 0.05);
  const afterSeconds = back - recoveryMs / 1_000;
  assert.ok(afterSeconds >= 8, `${afterSeconds} s`);
  assert.ok(afterSeconds <= (decayTimeMs * Math.log(10)) / 1_000 + 5, `${afterSeconds} s`);
});

test("an endpoint that fails fast is not taken for a fast one", () => {
  const failing: SimulatedServer = { workers: Infinity, serve: () => ({ ms: 1, fails: true }) };
  const guarded = run(ewma, ten(failing), 1_000, 60, 0);
  assert.ok(guarded.share(0) < 0.001, `${guarded.share(0)}`);
  // The same endpoint, its failures taken for responses: what the penalty is there for.
  const fooled = run(ewma, ten({ workers: Infinity, serve: () => ({ ms: 1 }) }), 1_000, 30, 5);
  assert.ok(fooled.share(0) >= 0.15, `${fooled.share(0)}`);
});
