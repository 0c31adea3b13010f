// Pages of metrics may be long; the event loop handles calls while they are written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedClock } from "../support/clock.ts";
import { metricsJson } from "../../src/telemetry/metrics-json.ts";
import { openMetrics, type MetricsNode } from "../../src/telemetry/metrics.ts";
import { prometheusText } from "../../src/telemetry/prometheus.ts";

const services = 200;

function large() {
  const { stats, root, close } = openMetrics(simulatedClock());
  const scopes = Array.from({ length: services }, (_, i) => stats.scope("service", `/svc/${i}`));
  for (const scope of scopes) {
    for (let i = 0; i < 20; i++) scope.counter(`count_${i}`).value = i;
  }
  return { root, scopes, close };
}

/** The number of turns of the event loop until `work` resolves. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  await work;
  clearImmediate(next);
  return turns;
}

const flat = { isPretty: false, isTree: false, below: null };
for (const [page, render] of [
  ["Prometheus", (root: MetricsNode) => prometheusText(root, "")],
  ["flat JSON", (root: MetricsNode) => metricsJson(root, flat)],
  ["a tree of JSON", (root: MetricsNode) => metricsJson(root, { ...flat, isTree: true })],
] as const) {
  test(`the event loop turns while 4,000 metrics are written for ${page}`, async (t) => {
    const { root, close } = large();
    t.after(close);
    assert.ok((await turnsDuring(render(root))) >= 25);
  });

  test(`services may be pruned in the middle of ${page}`, async (t) => {
    const { root, scopes, close } = large();
    t.after(close);
    const text = render(root);
    setImmediate(() => scopes.forEach((scope) => scope.prune()));
    assert.match((await text) ?? "", /count_19/);
  });
}
