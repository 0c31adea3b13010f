import { test } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import { metricsJson, type JsonOptions } from "../../src/telemetry/metrics-json.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";

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
  const text = await metricsJson(sample(), {
    isPretty: false,
    isTree: false,
    below: null,
    ...options,
  });
  return text === null ? null : JSON.parse(text);
}

const web = "rt/http/client/#/io.l5d.fs/web";
const webFlat = {
  [`${web}/failures`]: 2,
  [`${web}/failures/timeout`]: 1,
  [`${web}/request_latency_ms.count`]: 4,
  [`${web}/request_latency_ms.max`]: 50,
  [`${web}/request_latency_ms.min`]: 1,
  [`${web}/request_latency_ms.p50`]: 2,
  [`${web}/request_latency_ms.p90`]: 50,
  [`${web}/request_latency_ms.p95`]: 50,
  [`${web}/request_latency_ms.p99`]: 50,
  [`${web}/request_latency_ms.p9990`]: 50,
  [`${web}/request_latency_ms.p9999`]: 50,
  [`${web}/request_latency_ms.sum`]: 56,
  [`${web}/request_latency_ms.avg`]: 14,
};

test("the flat shape has a name a metric and a suffix a number of a histogram", async () => {
  assert.deepEqual(await shown({}), {
    "metrics/overflowed": 0,
    "rt/http/server/0.0.0.0/4140/requests": 3,
    "rt/http/server/0.0.0.0/4140/connections": 2,
    ...webFlat,
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

test("a part of the tree is found although its scopes contain slashes", async () => {
  for (const below of [web, `/${web}/`, `rt/http/client//#/io.l5d.fs/web`]) {
    assert.deepEqual(await shown({ below }), webFlat, below);
  }
  assert.deepEqual(await shown({ below: "rt/http/server/0.0.0.0/4140/requests" }), {
    "rt/http/server/0.0.0.0/4140/requests": 3,
  });
});

test("a part that is not there is null", async () => {
  for (const below of ["rt/none", "rt/http/client/#", "rt/http/server/0.0.0.0", "x"]) {
    assert.equal(await shown({ below }), null, below);
  }
});

test("pretty is sorted and indented", async () => {
  const text = await metricsJson(sample(), {
    isPretty: true,
    isTree: false,
    below: "rt/http/server",
  });
  assert.equal(
    text,
    '{\n  "rt/http/server/0.0.0.0/4140/connections": 2,\n  "rt/http/server/0.0.0.0/4140/requests": 3\n}',
  );
});

test("a service may be called as it likes", async () => {
  const { stats, root } = openMetrics(simulatedClock());
  for (const name of ["__proto__", 'quo"te', "line\nbreak", "constructor"]) {
    stats.counter("service", name, "requests").value = 1;
  }
  const tree = await metricsJson(root, { isPretty: true, isTree: true, below: "service" });
  assert.deepEqual(Object.keys(JSON.parse(tree ?? "")).sort(), [
    "__proto__",
    "constructor",
    "line\nbreak",
    'quo"te',
  ]);
});
