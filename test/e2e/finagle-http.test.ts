// finagle-http as client and as server through the proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { finagle } from "../support/finagle.ts";
import type { FinagleServerCall } from "../support/finagle.ts";
import { deadlineContexts, deadlineNsOf } from "../support/finagle-contexts.ts";
import { discovery } from "../support/discovery.ts";
import { startProxy } from "../support/proxy.ts";

function proxied(t: TestContext, port: number, more = "") {
  return startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc/users => /$/inet/127.0.0.1/${port}
      servers: [{ port: 0 }]
${more}`,
  );
}

const users = { uri: "/all?page=2", headers: [["Host", "users"]] } as const;

type Headers = FinagleServerCall["headers"];

const valueOf = (headers: Headers, wanted: string): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1];

test("a request and its response arrive as they were sent", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http");
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const body = Buffer.alloc(100_000, "grüße ");
  const pending = client.begin({ ...users, method: "POST", payload: body });
  const call = await server.next();
  assert.deepEqual([call.method, call.uri], ["POST", "/all?page=2"]);
  assert.equal(valueOf(call.headers, "host"), "users");
  assert.ok(call.payload.equals(body));
  call.answer({ status: 201, headers: [["X-Kind", "new"]], payload: body });
  const response = await pending.result;
  assert.equal(response.status, 201);
  assert.equal(valueOf(response.headers, "x-kind"), "new");
  assert.ok(response.payload.equals(body));
});

test("a deadline of the caller reaches the server as Finagle's header", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http");
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const deadlineNs = nowNs + 60_000_000_000n;
  const pending = client.begin({ ...users, contexts: deadlineContexts(nowNs, deadlineNs) });
  const call = await server.next();
  assert.equal(deadlineNsOf(call), deadlineNs);
  call.answer({});
  assert.equal((await pending.result).status, 200);
});

test("a limit of the proxy tightens the deadline that a server of Finagle's reads", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http");
  const proxy = await proxied(t, server.port, "      service: { totalTimeoutMs: 20000 }");
  const client = await peer.connect("http", proxy.port);
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const later = nowNs + 60_000_000_000n;
  for (const contexts of [deadlineContexts(nowNs, later), {}]) {
    const pending = client.begin({ ...users, contexts });
    const call = await server.next();
    const deadlineNs = deadlineNsOf(call) ?? 0n;
    assert.ok(deadlineNs > nowNs + 19_000_000_000n, String(deadlineNs - nowNs));
    assert.ok(deadlineNs < nowNs + 40_000_000_000n, String(deadlineNs - nowNs));
    call.answer({});
    assert.equal((await pending.result).status, 200);
  }
});

test("a nack of one server sends the request to the other", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const busy = await peer.serve("http", { handle: (call) => call.fail("nack") });
  const free = await peer.serve("http", { handle: (call) => call.answer({}) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.static, names: { users: ["127.0.0.1:${busy.port}", "127.0.0.1:${free.port}"] } }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.static
      servers: [{ port: 0 }]
      client: { loadBalancer: { kind: roundRobin } }`,
  );
  const client = await peer.connect("http", proxy.port, { requeues: false });
  for (let i = 0; i < 10; i++) assert.equal((await client.call(users)).status, 200);
  assert.ok(busy.count > 0, "one was nacked");
  assert.equal(free.count, 10);
});

test("a Finagle client does not retry a nack that the proxy has retried to the end", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http", { handle: (call) => call.fail("nack") });
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const { flags } = await client.call(users);
  assert.deepEqual([...flags].sort(), ["nonretryable", "rejected"]);
  assert.equal(server.count, 3, "the proxy's own attempts");
});

test("a rejection that may not be sent again comes to the caller as one", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http", { handle: (call) => call.fail("reject") });
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const { flags } = await client.call(users);
  assert.deepEqual([...flags].sort(), ["nonretryable", "rejected"]);
  assert.equal(server.count, 1);
});

test("a proxy that closes answers what a client is waiting for", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http");
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const pending = client.begin(users);
  const call = await server.next();
  const closed = proxy.close(60_000);
  call.answer({ status: 202 });
  assert.equal((await pending.result).status, 202);
  await closed;
});

test("a server that closes answers what it has, and the next request goes elsewhere", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const old = await peer.serve("http");
  const young = await peer.serve("http", { handle: (call) => call.answer({ status: 203 }) });
  const proxy = await proxied(t, old.port);
  const client = await peer.connect("http", proxy.port);
  const pending = client.begin(users);
  const call = await old.next();
  const closed = old.close(60_000);
  call.answer({ status: 202 });
  assert.equal((await pending.result).status, 202);
  await closed;
  const headers = [
    ...users.headers,
    ["l5d-dtab", `/svc=>/$/inet/127.0.0.1/${young.port}`],
  ] as const;
  assert.equal((await client.call({ ...users, headers })).status, 203);
});

test("no read that may be retried fails while one server after the other is replaced", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const serve = () => peer.serve("http", { handle: (call) => call.answer({}) });
  const servers = [await serve(), await serve()];
  const disco = discovery(t, { users: servers.map(({ port }) => port) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]
      service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }`,
  );
  const client = await peer.connect("http", proxy.port, { requeues: false });
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { status, payload } = await client.call(users);
      assert.equal(status, 200, payload.toString());
    }
  });
  for (let i = 0; i < 4; i++) {
    const [old, ...others] = servers.splice(0);
    const young = await serve();
    const closed = old?.close(60_000); // before discovery knows
    servers.push(...others, young);
    disco.set(
      "users",
      servers.map(({ port }) => port),
    );
    await closed;
    while (young.count === 0) await client.call(users);
  }
  isOver = true;
  await Promise.all(load);
});

test("a request that the client gave up is interrupted at the server", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("http");
  const proxy = await proxied(t, server.port);
  const client = await peer.connect("http", proxy.port);
  const pending = client.begin(users);
  const call = await server.next();
  pending.cancel();
  assert.notEqual((await pending.result).error, undefined);
  await call.interrupted;
});

test("with default settings no request fails while one server after the other is replaced", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const serve = () => peer.serve("http", { handle: (call) => call.answer({}) });
  const servers = [await serve(), await serve()];
  const disco = discovery(t, { users: servers.map(({ port }) => port) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  const client = await peer.connect("http", proxy.port, { requeues: false });
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { status, payload } = await client.call(users);
      assert.equal(status, 200, payload.toString());
    }
  });
  for (let i = 0; i < 4; i++) {
    const [old, ...others] = servers.splice(0);
    const young = await serve();
    const closed = old?.close(60_000); // before discovery knows
    servers.push(...others, young);
    disco.set(
      "users",
      servers.map(({ port }) => port),
    );
    await closed;
    while (young.count === 0) await client.call(users);
  }
  isOver = true;
  await Promise.all(load);
});
