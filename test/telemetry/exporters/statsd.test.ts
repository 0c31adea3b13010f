// What a StatsD daemon receives: increments, gauges, timings, in datagrams that are not fragmented.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { StatsdLines } from "../../../src/telemetry/exporters/statsd-lines.ts";
import { statsd } from "../../../src/telemetry/exporters/statsd.ts";
import { metricsBelow } from "../../../src/telemetry/metrics.ts";
import { simulatedClock } from "../../support/clock.ts";
import { keptLog } from "../../support/naming.ts";
import * as v from "valibot";

function round(lines: StatsdLines, root: Parameters<typeof metricsBelow>[0]): string[] {
  const out: string[] = [];
  for (const { name, metric } of metricsBelow(root, [])) {
    if (name[0] !== "metrics") out.push(...lines.of(name, metric));
  }
  lines.endRound();
  return out;
}

test("a counter is sent as what was added since the last round, and not at all when nothing was", () => {
  const { stats, root, close } = openMetrics(simulatedClock());
  const requests = stats.scope("rt", "http", "server", "0.0.0.0/4140").counter("requests");
  const lines = new StatsdLines("linkerd");
  requests.value = 3;
  assert.deepEqual(round(lines, root), ["linkerd.rt.http.server.0.0.0.0.4140.requests:3|c"]);
  requests.value = 10;
  assert.deepEqual(round(lines, root), ["linkerd.rt.http.server.0.0.0.0.4140.requests:7|c"]);
  assert.deepEqual(round(lines, root), []);
  close();
});

test("a gauge is sent each round, a negative one after a zero, since its sign would mean a change", () => {
  const { stats, root, close } = openMetrics(simulatedClock());
  let value = 4;
  stats.gauge(() => value, "rt", "a b", "pending|1:2@x");
  const lines = new StatsdLines("");
  assert.deepEqual(round(lines, root), ["rt.a_b.pending_1_2_x:4|g"]);
  value = -2;
  assert.deepEqual(round(lines, root), ["rt.a_b.pending_1_2_x:0|g", "rt.a_b.pending_1_2_x:-2|g"]);
  close();
});

test("equal samples of a histogram are one line whose sample rate makes them count all", () => {
  const { stats, root, close } = openMetrics(simulatedClock());
  const latency = stats.histogram("rt", "http", "request_latency_ms");
  const lines = new StatsdLines("");
  for (const ms of [2, 2, 2, 2, 5]) latency.record(ms);
  assert.deepEqual(round(lines, root), [
    "rt.http.request_latency_ms:2|ms|@0.25",
    "rt.http.request_latency_ms:5|ms",
  ]);
  assert.deepEqual(round(lines, root), []);
  latency.record(2);
  assert.deepEqual(round(lines, root), ["rt.http.request_latency_ms:2|ms"]);
  close();
});

test("a metric whose scope was pruned and came back begins again", () => {
  const { stats, root, close } = openMetrics(simulatedClock());
  const lines = new StatsdLines("");
  stats.scope("client", "a").counter("requests").value = 5;
  assert.deepEqual(round(lines, root), ["client.a.requests:5|c"]);
  stats.scope("client", "a").prune();
  assert.deepEqual(round(lines, root), []);
  stats.scope("client", "a").counter("requests").value = 5;
  assert.deepEqual(round(lines, root), ["client.a.requests:5|c"]);
  close();
});

async function daemon(t: TestContext) {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => void socket.close());
  const datagrams: string[] = [];
  const received = (isEnough: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      socket.on("message", (message) => {
        datagrams.push(message.toString());
        if (isEnough()) resolve();
      });
    });
  return { port: socket.address().port, datagrams, received };
}

test("each interval everything leaves in datagrams of at most 1,432 bytes", async (t) => {
  const clock = simulatedClock();
  const { stats, root, close } = openMetrics(clock);
  t.after(close);
  const at = await daemon(t);
  for (let i = 0; i < 200; i++) stats.counter("service", `svc/${i}`, "requests").value = i + 1;
  const config = { kind: "io.l5d.statsd", port: at.port, gaugeIntervalMs: 1_000 };
  const log = keptLog();
  const open = statsd.create(v.parse(statsd.schema, config), {
    metrics: root,
    clock,
    log,
  });
  const all = at.received(() => at.datagrams.join("\n").includes("svc.199.requests:200|c"));
  clock.advance(1_000);
  await all;
  assert.ok(at.datagrams.every((text) => Buffer.byteLength(text) <= 1_432));
  const lines = at.datagrams.join("\n").split("\n");
  assert.equal(lines.filter((line) => line.endsWith("|c")).length, 200);
  await open.close();
});

test("what was counted since the last round is sent when the proxy closes", async (t) => {
  const clock = simulatedClock();
  const { stats, root, close } = openMetrics(clock);
  t.after(close);
  const at = await daemon(t);
  const config = v.parse(statsd.schema, { kind: "io.l5d.statsd", port: at.port });
  const open = statsd.create(config, {
    metrics: root,
    clock,
    log: keptLog(),
  });
  stats.counter("requests").value = 1;
  const last = at.received(() => at.datagrams.join("\n").includes("linkerd.requests:1|c"));
  await open.close();
  await last;
});
