// `/requests.json`: what a running proxy keeps of the calls of every protocol.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RecentView } from "../../src/telemetry/calls/recent-calls.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort, service } from "../support/service.ts";
import { binary, framed, read, textResult } from "../support/thrift-bytes.ts";

async function requests(proxy: TestProxy, query = ""): Promise<RecentView> {
  const page = await proxy.admin(`/requests.json${query}`);
  return JSON.parse(page) as RecentView;
}

/** An HTTP router whose sample is every call. */
async function webRouter(
  t: TestContext,
  ports: Readonly<Record<string, readonly number[]>>,
  keys = "",
  recent = "",
): Promise<TestProxy> {
  const { rootDir } = discovery(t, ports);
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    telemetry: [{ kind: io.l5d.recentRequests, sampleRate: 1.0${recent} }]
    routers:
    - protocol: http
      dtab: "/host => /#/io.l5d.fs ; /svc => /host"
      ${keys}
      servers: [{ port: 0 }]`,
  );
}

test("a call is shown with its name, the rules that matched, its endpoint, sizes and trace", async (t) => {
  const web = await service(t, "hello");
  const proxy = await webRouter(t, { web: [web.port] });
  await ask(proxy.port, "/a?x=1", { Host: "web", "l5d-ctx-deadline": "" }, "POST", "12345");
  const { requests: all, routers } = await requests(proxy);
  const [call] = all;
  assert.ok(call);
  const { id, at, startedUs, remote, trace, durationMs, timing, attempts, ...rest } = call;
  assert.ok(Math.abs(startedUs / 1_000 - Date.parse(at)) <= 1);
  assert.equal(id, "http-1");
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.match(remote, /^127\.0\.0\.1:\d+$/);
  assert.match(trace?.traceId ?? "", /^[0-9a-f]{16}$/);
  const endpoint = `127.0.0.1:${web.port}`;
  assert.deepEqual(rest, {
    router: "http",
    server: `127.0.0.1:${proxy.port}`,
    protocol: "http",
    method: "POST",
    target: "/a?x=1",
    name: "/svc/web",
    dentry: "/svc => /host ; /host => /#/io.l5d.fs",
    bound: "/#/io.l5d.fs/web",
    residual: "/",
    endpoint,
    status: "200",
    outcome: "success",
    failure: null,
    retries: 0,
    requeues: 0,
    deadlineLeftMs: null,
    receivedBytes: 5,
    sentBytes: 5,
    fault: null,
    headers: {},
    kept: ["slow", "sample"],
  });
  const [attempt] = attempts;
  assert.deepEqual(
    [attempt?.endpoint, attempt?.why, attempt?.status, attempt?.outcome],
    [endpoint, "first", "200", "success"],
  );
  assert.ok(timing.connectMs > 0, "its connection was the first");
  const parts = Object.values(timing).reduce((sum, part) => sum + part, 0);
  assert.ok(Math.abs(parts - durationMs) < 0.01, `${parts} is not ${durationMs}`);
  assert.deepEqual(routers, [
    {
      router: "http",
      kept: { failed: 100, slowest: 50, sampled: 100 },
      sampleRate: 1,
      skipped: 0,
    },
  ]);
});

test("a call that was sent again shows each endpoint and what it said", async (t) => {
  const well = await service(t, "well");
  const sick = await service(t, (_, response) => void response.writeHead(503).end());
  const dead = await deadPort();
  const proxy = await webRouter(
    t,
    { web: [well.port, sick.port, dead] },
    "service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }",
  );
  for (let call = 0; call < 30; call++) await ask(proxy.port, "/", { Host: "web" });
  const { requests: all } = await requests(proxy);
  const attempts = all.flatMap((call) => call.attempts);
  const refused = attempts.find(({ endpoint }) => endpoint === `127.0.0.1:${dead}`);
  assert.equal(refused?.failure?.kind, "connect");
  assert.equal(refused.headMs, null);
  const failed = attempts.find(({ endpoint }) => endpoint === `127.0.0.1:${sick.port}`);
  assert.deepEqual([failed?.status, failed?.outcome], ["503", "failure"]);
  const reasons = new Set(attempts.map(({ why }) => why));
  assert.deepEqual([...reasons].sort(), ["first", "requeue", "retry"]);
  const narrowed = await requests(proxy, `?endpoint=127.0.0.1:${dead}`);
  assert.ok(narrowed.requests.length < all.length);
  assert.ok(narrowed.requests.every((call) => call.requeues > 0));
});

test("a failed call of each protocol says why, and is found by filters", async (t) => {
  const dead = await deadPort();
  const { rootDir } = discovery(t, { dead: [dead] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    telemetry: [{ kind: io.l5d.recentRequests, sampleRate: 0 }]
    routers:
    - { protocol: http, dtab: "/svc => /#/io.l5d.fs/dead", servers: [{ port: 0 }] }
    - { protocol: thrift, dtab: "/svc => /#/io.l5d.fs/dead", servers: [{ port: 0 }] }
    - { protocol: thriftmux, dtab: "/svc => /#/io.l5d.fs/dead", servers: [{ port: 0 }] }
    - { protocol: mux, dtab: "/svc => /#/io.l5d.fs/dead", servers: [{ port: 0 }] }`,
  );
  await ask(proxy.portOf("http"), "/", { Host: "web" });
  const mux = await muxClient(t, proxy.portOf("mux"));
  await mux.dispatch({ dst: "/web", payload: "7" });
  const thriftmux = await muxClient(t, proxy.portOf("thriftmux"));
  await thriftmux.dispatch({ payload: binary({ method: "get" }) });
  const thrift = rawCaller(t, proxy.portOf("thrift"));
  thrift.send(framed(binary({ method: "get" })));
  await thrift.bytes(4);
  const failed = await requests(proxy, "?failed=true");
  const seen = failed.requests.map(({ protocol, method, name, failure, outcome, kept }) => {
    return [protocol, method, name, failure?.kind, outcome, kept[0]];
  });
  assert.deepEqual(seen.sort(), [
    ["http", "GET", "/svc/web", "connect", "failure", "failed"],
    ["mux", "Tdispatch", "/svc/web", "connect", "failure", "failed"],
    ["thrift", "get", "/svc", "connect", "failure", "failed"],
    ["thriftmux", "get", "/svc", "connect", "failure", "failed"],
  ]);
  for (const { failure, bound, attempts } of failed.requests) {
    assert.match(failure?.detail ?? "", /refused the connection/);
    assert.equal(bound, "/#/io.l5d.fs/dead");
    assert.equal(attempts[0]?.endpoint, `127.0.0.1:${dead}`);
  }
  const one = await requests(proxy, "?router=mux&name=/svc&failed=true&limit=1&status=nack");
  assert.deepEqual([one.requests[0]?.router, one.requests[0]?.target], ["mux", "/web"]);
  assert.equal((await requests(proxy, "?failed=false")).requests.length, 0);
  assert.equal((await requests(proxy, "?name=/svc/we")).requests.length, 0);
});

test("what never became a call is kept, too", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - { protocol: http, dtab: "", servers: [{ port: 0 }] }
    - { protocol: thrift, dtab: "", servers: [{ port: 0 }] }
    - { protocol: thriftmux, dtab: "", servers: [{ port: 0 }] }
    - { protocol: mux, dtab: "", servers: [{ port: 0 }] }`,
  );
  const say = (label: string, bytes: string | Buffer) => {
    const raw = rawCaller(t, proxy.portOf(label));
    raw.send(bytes);
    return raw.rest();
  };
  await say("http", "GET /no version\r\n\r\n");
  const get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n"; // no Thrift, no mux
  await Promise.all([say("thrift", get), say("thriftmux", get), say("mux", get)]);
  const { requests: all } = await requests(proxy);
  const seen = all.map(({ router, name, failure }) => [router, name, failure?.kind]);
  assert.deepEqual(seen.sort(), [
    ["http", null, "malformed"],
    ["mux", null, "malformed"],
    ["thrift", null, "malformed"],
    ["thriftmux", null, "malformed"],
  ]);
  const http = all.find(({ router }) => router === "http");
  assert.deepEqual([http?.status, http?.target], ["400", "GET /no version"]);
  const wrongPort = all.find(({ router }) => router === "mux");
  assert.match(wrongPort?.failure?.detail ?? "", /speaks HTTP.*router with protocol: http/);
});

test("a good call of each protocol is in the sample, with the trace that it brought", async (t) => {
  const answer = (payload: Buffer) => {
    const { method, seqid } = read(payload);
    return binary({ method, seqid, type: 2, body: textResult("42") });
  };
  const users = await muxService(t, "users ");
  const calculator = await muxService(t, (call) => call.ok(answer(call.payload)));
  const { rootDir } = discovery(t, { users: [users.port], calculator: [calculator.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    telemetry: [{ kind: io.l5d.recentRequests, sampleRate: 1.0 }]
    routers:
    - protocol: thriftmux
      dtab: /svc => /#/io.l5d.fs/calculator
      servers: [{ port: 0 }]
      client: { thriftMux: true }
    - { protocol: mux, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0 }] }`,
  );
  const mux = await muxClient(t, proxy.portOf("mux"));
  const ids = Buffer.from(
    "000000000000000a000000000000000b000000000000000c0000000000000006",
    "hex",
  );
  const contexts = [["com.twitter.finagle.tracing.TraceContext", ids]] as const;
  await mux.dispatch({ dst: "/users", payload: "7", contexts });
  const thriftmux = await muxClient(t, proxy.portOf("thriftmux"));
  await thriftmux.dispatch({ payload: binary({ method: "add" }), contexts });
  const { requests: found } = await requests(proxy, "?trace=000000000000000C");
  assert.deepEqual(found.map(({ protocol, status }) => [protocol, status]).sort(), [
    ["mux", "ok"],
    ["thriftmux", "reply"],
  ]);
  for (const { trace } of found) {
    assert.deepEqual(trace, {
      traceId: "000000000000000c",
      spanId: "000000000000000a",
      parentId: "000000000000000b",
      sampled: true,
    });
  }
});

test("headers are shown only where the configuration names them", async (t) => {
  const web = await service(t, "hello");
  const headers = { Host: "web", "X-Tenant": "blue", Cookie: "a=b", Authorization: "Bearer t" };
  const proxy = await webRouter(t, { web: [web.port] }, "", ", requestHeaders: [X-Tenant, Host]");
  await ask(proxy.port, "/", headers);
  const { requests: all } = await requests(proxy);
  assert.deepEqual(all[0]?.headers, { "x-tenant": "blue", host: "web" });
  assert.doesNotMatch(JSON.stringify(all), /Bearer|a=b/);
});

test("hostile filters are refused with the reason", async (t) => {
  const proxy = await webRouter(t, {});
  const refused = [
    ["?nmae=/svc", /there is no parameter \\"nmae\\"; the parameters are router, name/],
    ["?limit=1000000", /expected limit=1\.\.1000/],
    ["?limit=-1", /expected limit/],
    ["?failed=yes", /expected failed=true or false/],
    ["?minMs=1e99", /expected minMs=milliseconds/],
    ["?trace=zz", /expected trace=a trace id/],
    ["?status=<script>", /expected status/],
    ["?status=5x", /expected status=200, 5xx, error, not/],
    ["?name=web", /expected name=a path, such as/],
    ["?client=web", /expected client=a path/],
    ["?name=/a&name=/b", /given twice/],
    [`?name=${"x".repeat(600)}`, /has 600 characters, more than 512/],
    [`?${"x".repeat(600)}=1`, /there is no parameter/],
    ["?__proto__=1", /there is no parameter/],
  ] as const;
  for (const [query, why] of refused) {
    const path = `/requests.json${query}`;
    const { status, body } = await ask(proxy.adminPort, path, { Host: "localhost" });
    assert.equal(status, 400, query);
    assert.match(body, why);
    assert.ok(body.length < 400, `${body.length} characters`);
  }
});

test("a caller that leaves is cancelled, not failed", async (t) => {
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const slow = await service(t, () => arrive());
  const proxy = await webRouter(t, { web: [slow.port] });
  const socket = connect(proxy.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  await arrived;
  socket.destroy();
  let found = await requests(proxy);
  while (found.requests.length === 0) found = await requests(proxy);
  const [call] = found.requests;
  assert.deepEqual(
    [call?.outcome, call?.status, call?.attempts[0]?.outcome],
    ["cancelled", "499", "cancelled"],
  );
});

test("markup in a Thrift method is text on the page", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - { protocol: thrift, dtab: "", servers: [{ port: 0 }] }`,
  );
  const thrift = rawCaller(t, proxy.port);
  thrift.send(framed(binary({ method: "<script>alert(1)</script>" })));
  await thrift.bytes(4);
  const { requests: all } = await requests(proxy);
  assert.equal(all[0]?.method, "<script>alert(1)</script>");
  for (const page of ["/requests", "/requests?failed=true"]) {
    const { body } = await ask(proxy.adminPort, page, { Host: "localhost", Accept: "text/html" });
    assert.doesNotMatch(body, /<script>alert/);
  }
});
