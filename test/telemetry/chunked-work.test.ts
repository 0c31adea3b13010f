// Pages of metrics may be long; the event loop handles calls while they are written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";
import { sortInChunks } from "../../src/telemetry/chunked-work.ts";
import { metricsJson } from "../../src/telemetry/metrics-json.ts";
import { openMetrics, type MetricsNode } from "../../src/telemetry/metrics.ts";
import { prometheusPage } from "../../src/telemetry/exporters/prometheus.ts";
import { textOf } from "./page-text.ts";

const services = 200;

function large() {
  const { stats, root, close } = openMetrics(simulatedClock());
  const scopes = Array.from({ length: services }, (_, i) => stats.scope("service", `/svc/${i}`));
  for (const scope of scopes) {
    for (let i = 0; i < 20; i++) scope.counter(`count_${i}`).value = i;
  }
  return { stats, root, scopes, close };
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
  ["Prometheus", (root: MetricsNode) => prometheusPage(root, "")],
  ["flat JSON", (root: MetricsNode) => metricsJson(root, flat)],
  ["sorted JSON", (root: MetricsNode) => metricsJson(root, { ...flat, isPretty: true })],
  ["a tree of JSON", (root: MetricsNode) => metricsJson(root, { ...flat, isTree: true })],
] as const) {
  test(`the event loop turns while 4,000 metrics are read for ${page}`, async (t) => {
    const { root, close } = large();
    t.after(close);
    assert.ok((await turnsDuring(render(root))) >= 25);
  });

  test(`services may be pruned in the middle of ${page}`, async (t) => {
    const { root, scopes, close } = large();
    t.after(close);
    const rendering = render(root);
    setImmediate(() => scopes.forEach((scope) => scope.prune()));
    assert.match(await textOf((await rendering)!), /count_19/);
  });

  test(`a page ends while names churn: ${page}`, async (t) => {
    const { stats, root, scopes, close } = large();
    t.after(close);
    let made = 0;
    // With each turn of the event loop more names come and go than a page reads in one.
    let next = setImmediate(function churn() {
      for (let i = 0; i < 200; i++) {
        scopes.shift()?.prune();
        const scope = stats.scope("service", `/churn/${made++}`);
        scope.counter("requests");
        scopes.push(scope);
      }
      next = setImmediate(churn);
    });
    const rendered = await render(root);
    clearImmediate(next);
    assert.ok(made > 200, "names churned");
    assert.ok((await textOf(rendered!)).length < 2e6);
  });
}

test("sorting in chunks sorts lists of any length", async () => {
  const random = seeded(7);
  for (const length of [0, 1, 2, 1_023, 1_024, 1_025, 5_000]) {
    const items = Array.from({ length }, () => random().toString(36).slice(2, 6));
    assert.deepEqual(await sortInChunks(items, (item) => item), items.toSorted());
  }
});
