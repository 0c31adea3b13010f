import assert from "node:assert/strict";
import { test } from "node:test";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { metricsBelow } from "../../../src/telemetry/metrics.ts";
import { MetricsMessage } from "../../../src/telemetry/otlp/metrics-json.ts";
import { tracesJson } from "../../../src/telemetry/otlp/traces-json.ts";
import { simulatedClock } from "../../support/clock.ts";
import { recordedAttempt, recordedCall } from "../tracing/support.ts";
import { checkedMetrics, checkedSpans } from "./checked.ts";

const scope = { name: "switchyard", version: "0.1.0" };

const spansIn = (...calls: Parameters<typeof recordedCall>[0][]) =>
  checkedSpans(
    tracesJson(
      calls.map((call) => recordedCall(call)),
      scope,
      (router) => ({ "service.name": router }),
    ),
  );

test("a call is a server span and a client span, with the attributes of the conventions", () => {
  const [server, client, ...more] = spansIn({});
  assert.ok(server !== undefined && client !== undefined && more.length === 0);
  assert.equal(server.traceId, "000000000000000000000000000000aa", "always 32 digits");
  assert.equal(
    server.name,
    "GET /svc/users",
    "no path of the caller's, which would make many names",
  );
  assert.deepEqual([server.kind, client.kind], [2, 3]);
  assert.deepEqual([server.parentSpanId, client.parentSpanId], ["00000000000000a0", server.spanId]);
  assert.equal(server.startTimeUnixNano, "1795867200000123000");
  assert.equal(server.endTimeUnixNano, "1795867200005123000");
  assert.deepEqual(server.attributes, {
    "switchyard.router": "http",
    "switchyard.service": "/svc/users",
    "http.request.method": "GET",
    "http.response.status_code": "200",
    "url.path": "/users",
    "url.query": "page=2",
    "client.address": "192.0.2.7",
    "client.port": "50000",
    "server.address": "127.0.0.1",
    "server.port": "4140",
    "network.protocol.name": "http",
    "switchyard.client": "/#/io.l5d.fs/users",
    "switchyard.dentry": "/svc=>/#/io.l5d.fs",
    "switchyard.outcome": "success",
  });
  assert.equal(client.attributes["network.peer.address"], "10.0.0.1");
  assert.deepEqual(server.status, {});
});

test("failures have status 2 with the reason in words, and later attempts their number", () => {
  const failure = { kind: "timeout", detail: "no response within 200 ms" } as const;
  const [server, first, second] = spansIn({
    outcome: "failure",
    failure,
    status: "503",
    attempts: [
      recordedAttempt({ outcome: "failure", failure, status: null, headMs: null }),
      recordedAttempt({
        why: "retry",
        spanId: "00000000000000b2",
        outcome: "failure",
        status: "503",
      }),
    ],
  });
  assert.deepEqual(server?.status, { code: 2, message: failure.detail });
  assert.equal(server?.attributes["error.type"], "timeout");
  assert.equal(first?.attributes["http.request.resend_count"], undefined);
  assert.equal(second?.attributes["http.request.resend_count"], "1");
});

test("spans are grouped by router, whose label is the service", () => {
  const sent = spansIn(
    { router: "a" },
    { router: "b", protocol: "thrift", method: "add", target: "" },
    { router: "a" },
  );
  assert.deepEqual(
    sent.map(({ service }) => service),
    ["a", "a", "a", "a", "b", "b"],
  );
  assert.equal(sent[4]?.attributes["rpc.system"], "thrift");
});

test("texts of callers are data, whatever is in them", () => {
  const hostile = '/"}]\u0000\ud800<script>?a=1&a=2';
  const [server] = spansIn({ target: hostile, method: 'G"ET' });
  assert.ok(server?.attributes["url.path"]?.includes("<script>"));
});

test("metrics: counters are sums since the start, histograms have buckets, gauges a number", (t) => {
  const clock = simulatedClock();
  const { stats, root, close } = openMetrics(clock);
  t.after(close);
  const service = stats.scope("rt", "http", "service", "svc/users");
  service.counter("requests").value = 3;
  stats.gauge(() => 0.5, "half");
  stats.gauge(() => NaN, "unknown");
  stats.gauge(() => 7, "seven");
  for (const ms of [1, 2, 3, 100_000]) service.histogram("request_latency_ms").record(ms);
  const startedUs = clock.wallMs() * 1_000;
  const message = new MetricsMessage(startedUs, startedUs + 1_000_000);
  for (const { name, metric } of metricsBelow(root, [])) message.add(name, metric);
  const sent = checkedMetrics(message.json(scope, { "service.name": "switchyard" }));
  const named = (name: string) => sent.find((metric) => metric.name === name);
  const requests = named("rt.service.requests");
  assert.equal(requests?.type, "sum");
  assert.equal(requests?.points[0]?.["asInt"], "3");
  assert.deepEqual(requests?.points[0]?.labels, { rt: "http", service: "svc/users" });
  assert.equal(named("half")?.points[0]?.["asDouble"], 0.5);
  assert.equal(named("seven")?.points[0]?.["asInt"], "7");
  assert.equal(named("unknown"), undefined, "JSON has no such number");
  const latency = named("rt.service.request_latency_ms");
  assert.deepEqual([latency?.type, latency?.unit], ["histogram", "ms"]);
  const [point] = latency?.points ?? [];
  assert.equal(point?.["count"], "4");
  const counts = (point?.["bucketCounts"] ?? []) as string[];
  assert.deepEqual(counts.slice(0, 3), ["1", "1", "1"]);
  assert.equal(counts.at(-1), "1", "beyond the last bound");
});
