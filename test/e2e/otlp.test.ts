// Traces and metrics in OTLP, as a strict collector gets them, and what a dead one does to calls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { collector } from "../support/collector.ts";
import type { Posted } from "../support/collector.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { checkedMetrics, checkedSpans } from "../telemetry/otlp/checked.ts";

const spansIn = (posts: readonly Posted[]) =>
  posts.filter(({ path }) => path === "/v1/traces").flatMap(({ body }) => checkedSpans(body));

const metricsIn = (posts: readonly Posted[]) =>
  posts.filter(({ path }) => path === "/v1/metrics").flatMap(({ body }) => checkedMetrics(body));

test("spans and metrics arrive, with the configured headers and attributes", async (t) => {
  const at = await collector(t);
  const users = await service(t, "users");
  const proxy = await startProxy(
    t,
    `
telemetry:
- kind: otlp
  url: http://127.0.0.1:${at.port}/
  headers: { x-token: abc }
  sampleRate: 1
  intervalMs: 100
  resource: { deployment.environment.name: test }
routers:
- protocol: http
  label: edge
  dtab: /svc => /$/inet/127.1/${users.port} ;
  tracePropagator: { kind: io.l5d.w3c }
  servers: [{ port: 0 }]
`,
  );
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  await ask(proxy.port, "/all?page=2", {
    Host: "users",
    traceparent: `00-${trace}-f067aa0ba902b701-01`,
    tracestate: "vendor=x",
  });
  await at.until((posts) => spansIn(posts).length >= 2, "two spans");
  const [server, client] = spansIn(at.posts);
  assert.deepEqual(
    [server?.traceId, server?.parentSpanId, server?.service, server?.name],
    [trace, "f067aa0ba902b701", "edge", "GET /svc/users"],
  );
  const headers = users.seen[0]?.headers;
  assert.equal(headers?.["traceparent"], `00-${trace}-${client?.spanId}-01`);
  assert.equal(headers?.["tracestate"], "vendor=x");
  const requests = () =>
    metricsIn(at.posts)
      .filter(({ name }) => name === "rt.server.requests")
      .at(-1);
  await at.until(() => requests()?.points[0]?.["asInt"] === "1", "the call is counted");
  assert.equal(requests()?.points[0]?.labels["rt"], "edge");
  assert.ok(at.posts.every(({ headers: sent }) => sent["x-token"] === "abc"));
  const { resourceSpans } = JSON.parse(
    at.posts.find(({ path }) => path === "/v1/traces")?.body ?? "{}",
  ) as { resourceSpans: { resource: { attributes: { key: string }[] } }[] };
  assert.deepEqual(
    resourceSpans[0]?.resource.attributes.map(({ key }) => key),
    [
      "service.version",
      "service.instance.id",
      "host.name",
      "deployment.environment.name",
      "service.name",
    ],
  );
});

test("the spans of the last calls are sent when the proxy closes", async (t) => {
  const at = await collector(t);
  const users = await service(t, "users");
  const proxy = await startProxy(
    t,
    `
telemetry:
- { kind: otlp, url: "http://127.0.0.1:${at.port}", sampleRate: 1, intervalMs: 60000 }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
`,
  );
  await ask(proxy.port, "/", { Host: "users" });
  await proxy.close(1_000);
  assert.equal(spansIn(at.posts).length, 2);
});

test("with a dead collector calls succeed, drops are counted, and the log has one line for each kind", async (t) => {
  const port = await deadPort();
  const users = await service(t, "users");
  const proxy = await startProxy(
    t,
    `
telemetry:
- { kind: otlp, url: "http://127.0.0.1:${port}", sampleRate: 1, intervalMs: 100 }
- { kind: io.zipkin.http, host: "127.0.0.1:${port}", initialSampleRate: 1, intervalMs: 10 }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
`,
  );
  const problems = () =>
    proxy.events
      .filter(({ event }) => event === "spans cannot be sent" || event === "metrics cannot be sent")
      .map(({ to }) => String(to));
  for (let i = 0; i < 20; i++) {
    assert.equal((await ask(proxy.port, "/", { Host: "users" })).status, 200);
  }
  await until(problems, (all) => all.length >= 3, "all three are logged");
  await ask(proxy.port, "/", { Host: "users" });
  assert.deepEqual(problems().sort(), [
    `http://127.0.0.1:${port}/api/v2/spans`,
    `http://127.0.0.1:${port}/v1/metrics`,
    `http://127.0.0.1:${port}/v1/traces`,
  ]);
  const [event] = proxy.events.filter(({ event: name }) => name === "spans cannot be sent");
  assert.match(String(event?.["problem"]), /ECONNREFUSED/);
  assert.match(String(event?.["advice"]), /check (url|host)/);
  assert.ok((await proxy.metric("telemetry/otlp/spans/queued")) > 0);
  await proxy.close(0);
  assert.equal(problems().length, 3);
});

test("a collector that comes back gets the spans that waited", async (t) => {
  const port = await deadPort();
  const users = await service(t, "users");
  const proxy = await startProxy(
    t,
    `
telemetry:
- { kind: otlp, url: "http://127.0.0.1:${port}", sampleRate: 1, metrics: false }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
`,
  );
  await ask(proxy.port, "/", { Host: "users" });
  await until(
    () => proxy.events,
    (events) => events.some(({ event }) => event === "spans cannot be sent"),
    "the problem is logged",
  );
  const at = await collector(t, port);
  await at.until((posts) => spansIn(posts).length === 2, "both spans");
  await until(
    () => proxy.events,
    (events) => events.some(({ event }) => event === "spans are sent again"),
    "the end of the problem is logged",
  );
});
