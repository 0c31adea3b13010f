import { test } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import { metricsJson, type JsonOptions } from "../../src/telemetry/metrics-json.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { textOf } from "./page-text.ts";

function sample() {
  const { stats, root } = openMetrics(simulatedClock());
  const http = stats.scope("rt", "http");
  http.counter("server", "0.0.0.0/4140", "requests").value = 3;
  http.gauge(() => 2, "server", "0.0.0.0/4140", "connections");
  http.gauge(() => Number.NaN, "server", "0.0.0.0/4140", "unknown");
  const client = http.scope("client", "/#/io.l5d.fs/web");
  client.counter("failures").value = 2;
  client.counter("failures", "timeout").value = 1;
  const latency = client.histogram("request_latency_ms");
  for (const ms of [1, 2, 3, 50]) latency.record(ms);
  http.histogram("client", "/#/io.l5d.fs/idle", "request_latency_ms");
  return root;
}

async function shown(options: Partial<JsonOptions>): Promise<unknown> {
  const page = await metricsJson(sample(), {
    isPretty: false,
    isTree: false,
    below: null,
    ...options,
  });
  return page === null ? null : JSON.parse(await textOf(page));
}

const web = "rt/http/client/#/io.l5d.fs/web";
const webFields = {
  failures: 2,
  "failures/timeout": 1,
  "request_latency_ms.count": 4,
  "request_latency_ms.max": 50,
  "request_latency_ms.min": 1,
  "request_latency_ms.p50": 2,
  "request_latency_ms.p90": 50,
  "request_latency_ms.p95": 50,
  "request_latency_ms.p99": 50,
  "request_latency_ms.p9990": 50,
  "request_latency_ms.p9999": 50,
  "request_latency_ms.sum": 56,
  "request_latency_ms.avg": 14,
};
const below = (scope: string, fields: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${scope}/${name}`, value]));

test("the flat shape has a name a metric and a suffix a number of a histogram", async () => {
  assert.deepEqual(await shown({}), {
    "metrics/overflowed": 0,
    "metrics/series": 41,
    "rt/http/server/0.0.0.0/4140/requests": 3,
    "rt/http/server/0.0.0.0/4140/connections": 2,
    ...below(web, webFields),
    "rt/http/client/#/io.l5d.fs/idle/request_latency_ms.count": 0,
  });
});

test("the tree nests by scope and says what kind each metric is", async () => {
  assert.deepEqual(await shown({ isTree: true, below: "rt/http/server" }), {
    "0.0.0.0/4140": { requests: { counter: 3 }, connections: { gauge: 2 } },
  });
  assert.deepEqual(await shown({ isTree: true, below: `${web}/failures` }), {
    counter: 2,
    timeout: { counter: 1 },
  });
  const latency = await shown({ isTree: true, below: `${web}/request_latency_ms` });
  assert.deepEqual(Object.keys(latency as object), [
    "stat.count",
    "stat.max",
    "stat.min",
    "stat.p50",
    "stat.p90",
    "stat.p95",
    "stat.p99",
    "stat.p9990",
    "stat.p9999",
    "stat.sum",
    "stat.avg",
  ]);
});

test("a scope is found although its parts contain slashes, and its names are relative to it", async () => {
  for (const scope of [web, `/${web}/`, `rt/http/client//#/io.l5d.fs/web`]) {
    assert.deepEqual(await shown({ below: scope }), webFields, scope);
  }
  assert.deepEqual(await shown({ below: "rt/http/server" }), {
    "0.0.0.0/4140/requests": 3,
    "0.0.0.0/4140/connections": 2,
  });
  assert.deepEqual(await shown({ below: "/" }), await shown({}));
});

test("a metric that is asked for by its name keeps the last part of it", async () => {
  assert.deepEqual(await shown({ below: "rt/http/server/0.0.0.0/4140/requests" }), { requests: 3 });
  assert.deepEqual(await shown({ below: `${web}/failures` }), { failures: 2, timeout: 1 });
});

test("a scope that does not exist is null", async () => {
  for (const scope of ["rt/none", "rt/http/client/#", "rt/http/server/0.0.0.0", "x"]) {
    assert.equal(await shown({ below: scope }), null, scope);
  }
});

test("pretty is sorted and indented, flat and as a tree", async () => {
  const pretty = async (isTree: boolean) => {
    const page = await metricsJson(sample(), { isPretty: true, isTree, below: "rt/http/server" });
    return textOf(page ?? assert.fail("no page"));
  };
  assert.equal(
    await pretty(false),
    '{\n  "0.0.0.0/4140/connections": 2,\n  "0.0.0.0/4140/requests": 3\n}',
  );
  const tree = await pretty(true);
  assert.equal(tree, JSON.stringify(JSON.parse(tree), null, 2));
  assert.match(tree, /connections[^]*requests/);
});

test("sorting keeps every name, however many there are", async () => {
  const { stats, root } = openMetrics(simulatedClock());
  for (let i = 0; i < 1_999; i++) stats.counter("a", `${(i * 7_919) % 1_999}`).value = i;
  const page = await metricsJson(root, { isPretty: true, isTree: false, below: "a" });
  const names = Object.keys(JSON.parse(await textOf(page!)) as object);
  assert.equal(names.length, 1_999);
  const text = Array.from(page!.pieces()).join("");
  const inText = Array.from(text.matchAll(/"(\d+)"/g), ([, name]) => name!);
  assert.deepEqual(inText, inText.toSorted());
});

test("a page shows the values of the moment in which it was made", async () => {
  const { stats, root } = openMetrics(simulatedClock());
  const counter = stats.counter("a", "requests");
  counter.value = 1;
  for (const isTree of [false, true]) {
    const page = await metricsJson(root, { isPretty: false, isTree, below: "a" });
    counter.value += 1;
    assert.match(await textOf(page!), isTree ? /2/ : /1/);
  }
});

test("a service may be called as it likes", async () => {
  const { stats, root } = openMetrics(simulatedClock());
  for (const name of ["__proto__", 'quo"te', "line\nbreak", "constructor"]) {
    stats.counter("service", name, "requests").value = 1;
  }
  const tree = await metricsJson(root, { isPretty: true, isTree: true, below: "service" });
  assert.deepEqual(Object.keys(JSON.parse(await textOf(tree!)) as object).sort(), [
    "__proto__",
    "constructor",
    "line\nbreak",
    'quo"te',
  ]);
});
