// A real ThriftMux client calls a real ThriftMux server through the proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { finagle } from "../support/finagle.ts";
import { clientIdOf, traceContexts, traceOf } from "../support/finagle-contexts.ts";
import { discovery } from "../support/discovery.ts";
import { startProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { binary, read, textResult } from "../support/thrift-bytes.ts";

function proxied(t: TestContext, ports: readonly number[], more = "") {
  const addresses = ports.map((port) => `/$/inet/127.0.0.1/${port}`).join(" & ");
  return startProxy(
    t,
    `
    routers:
    - protocol: thriftmux
      dtab: /svc => ${addresses}
      servers: [{ port: 0 }]
      client: { thriftMux: true }
${more}`,
  );
}

const ping = { payload: binary({ method: "ping" }) };
/** The same arguments as a result. */
const replyTo = (call: Buffer): Buffer => binary({ ...read(call), type: 2 });

const pong = { payload: binary({ method: "ping", type: 2, body: textResult("pong") }) };

test("a call arrives with its bytes, contexts and dtab, and in the caller's trace", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port, { clientId: "shop" });
  const tenant = { "com.example.Tenant": Buffer.from([0, 1, 255]) };
  const contexts = { ...tenant, ...traceContexts({ trace: 7n, span: 8n, flags: 6n }) };
  const pending = client.begin({ ...ping, contexts, dtab: "/one=>/two" });
  const call = await server.next();
  assert.deepEqual(call.payload, ping.payload);
  assert.equal(call.dtab, "/one=>/two");
  assert.deepEqual(call.contexts["com.example.Tenant"], tenant["com.example.Tenant"]);
  assert.equal(clientIdOf(call), "shop");
  const { trace, flags } = traceOf(call);
  assert.deepEqual([trace, flags], [7n, 6n]);
  call.answer(pong);
  assert.deepEqual((await pending.result).payload, pong.payload);
});

test("messages in fragments arrive whole both ways, short ones beside them", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const pieces = { maxFrameBytes: 4_096 };
  const server = await peer.serve("thriftmux", {
    ...pieces,
    handle: ({ payload, answer }) => answer({ payload: replyTo(payload) }),
  });
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port, pieces);
  const sizes = [3_000_000, 10, 1_000_000, 4_096, 5_000, 100, 70_000];
  const calls = sizes.map((size, i) =>
    binary({ method: "blob", seqid: i, body: Buffer.alloc(size, i) }),
  );
  const answers = await Promise.all(calls.map((payload) => client.call({ payload })));
  for (const [i, { payload, error }] of answers.entries()) {
    assert.equal(error, undefined);
    assert.ok(replyTo(calls[i] ?? ping.payload).equals(payload), `the one of ${sizes[i]} bytes`);
  }
});

test("a call that timed out at the caller is discarded at the server; the session goes on", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port, { timeoutMs: 1_000 });
  const pending = client.begin(ping);
  const call = await server.next();
  assert.match(await call.interrupted, /ClientDiscardedRequestException/);
  await pending.result;
  const next = client.begin(ping);
  (await server.next()).answer(pong);
  assert.deepEqual((await next.result).payload, pong.payload);
  assert.equal(await proxy.metric("rt/thriftmux/server/127.0.0.1/0/connects"), 1);
});

test("a cancelled call is discarded while others on the session go on", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port);
  const kept = client.begin(ping);
  const keptCall = await server.next();
  const cancelled = client.begin(ping);
  const cancelledCall = await server.next();
  cancelled.cancel();
  assert.match(await cancelledCall.interrupted, /ClientDiscardedRequestException/);
  assert.notEqual((await cancelled.result).error, undefined);
  keptCall.answer(pong);
  assert.deepEqual((await kept.result).payload, pong.payload);
});

test("a nack of one server sends the call to the other, and the caller sees nothing of it", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const busy = await peer.serve("thriftmux", { handle: (call) => call.fail("nack") });
  const free = await peer.serve("thriftmux", { handle: (call) => call.answer(pong) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.static, names: { both: ["127.0.0.1:${busy.port}", "127.0.0.1:${free.port}"] } }]
    routers:
    - protocol: thriftmux
      dtab: /svc => /#/io.l5d.static/both
      servers: [{ port: 0 }]
      client: { thriftMux: true, loadBalancer: { kind: roundRobin } }`,
  );
  const client = await peer.connect("thriftmux", proxy.port, { requeues: false });
  for (let i = 0; i < 10; i++) {
    assert.deepEqual((await client.call(ping)).payload, pong.payload);
  }
  assert.ok(busy.count > 0, "one was nacked");
  assert.equal(free.count, 10);
});

test("what every server nacks is not sent again by the caller", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux", { handle: (call) => call.fail("nack") });
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port);
  const { error, flags } = await client.call(ping);
  assert.notEqual(error, undefined);
  assert.ok(flags.includes("nonretryable"), String(flags));
  assert.equal(await client.counter("peer/retries/requeues"), 0);
});

test("a rejection that may not be sent again is passed on as one", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux", { handle: (call) => call.fail("reject") });
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port);
  const { flags } = await client.call(ping);
  assert.deepEqual([...flags].sort(), ["nonretryable", "rejected"]);
  assert.equal(server.count, 1);
});

test("an exception of the service is passed on with its text", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux", { handle: (call) => call.fail("out of tea") });
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port);
  const { type, body } = read((await client.call(ping)).payload);
  assert.equal(type, 3);
  assert.match(body.toString(), /out of tea/);
  assert.equal(server.count, 1);
});

test("a server that drains answers what it has and gets nothing new", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const old = await peer.serve("thriftmux");
  const young = await peer.serve("thriftmux", { handle: (call) => call.answer(pong) });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thriftmux
      dtab: /svc => /$/inet/127.0.0.1/${old.port}
      servers: [{ port: 0 }]
      client: { thriftMux: true }`,
  );
  const client = await peer.connect("thriftmux", proxy.port, { requeues: false });
  const pending = client.begin(ping);
  const call = await old.next();
  const closed = old.close(60_000);
  // A call that is faster than the drain is still taken, and would wait for the end of it.
  const impatient = await peer.connect("thriftmux", proxy.port, {
    requeues: false,
    timeoutMs: 300,
  });
  await until(
    () => impatient.call(ping),
    ({ message }) => /refused|Nacked/.test(message ?? ""),
    "a nack, once the drain has reached the proxy",
  );
  const taken = old.count;
  const elsewhere = `/svc=>/$/inet/127.0.0.1/${young.port}`;
  assert.deepEqual((await client.call({ ...ping, dtab: elsewhere })).payload, pong.payload);
  call.answer(pong);
  assert.deepEqual((await pending.result).payload, pong.payload);
  await closed;
  assert.equal(old.count, taken, "nothing new after the nack");
});

test("no call fails while one server after the other is replaced", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const serve = () => peer.serve("thriftmux", { handle: (call) => call.answer(pong) });
  const servers = [await serve(), await serve()];
  const disco = discovery(t, { all: servers.map(({ port }) => port) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: thriftmux
      dtab: /svc => /#/io.l5d.fs/all
      servers: [{ port: 0 }]
      client: { thriftMux: true }`,
  );
  const client = await peer.connect("thriftmux", proxy.port, { requeues: false });
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) assert.deepEqual((await client.call(ping)).payload, pong.payload);
  });
  for (let i = 0; i < 4; i++) {
    const [old, ...others] = servers.splice(0);
    const young = await serve();
    const closed = old?.close(60_000); // before discovery knows
    servers.push(...others, young);
    disco.set(
      "all",
      servers.map(({ port }) => port),
    );
    await closed;
    while (young.count === 0) await client.call(ping);
  }
  isOver = true;
  await Promise.all(load);
});

test("a proxy that closes answers what a client is waiting for, and the client goes elsewhere", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port);
  const pending = client.begin(ping);
  const call = await server.next();
  const closed = proxy.close(60_000);
  call.answer(pong);
  assert.deepEqual((await pending.result).payload, pong.payload);
  await closed;
  assert.equal(await client.counter("peer/mux/draining"), 1);
});

test("a server whose lease has ended gets no calls before the next one", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port, { requeues: false });
  const first = client.begin(ping);
  const call = await server.next();
  await server.lease(0);
  call.answer(pong); // behind the lease on the same session
  await first.result;
  assert.notEqual((await client.call(ping)).error, undefined);
  assert.equal(server.count, 1);
  await server.lease(60_000);
});

test("pings of a client are answered while a call is in progress", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thriftmux");
  const proxy = await proxied(t, [server.port]);
  const client = await peer.connect("thriftmux", proxy.port, { pingMs: 10 });
  const pending = client.begin(ping);
  const call = await server.next();
  // The next ping leaves when the one before was answered.
  while ((await client.counter("peer/mux/failuredetector/ping")) < 3);
  call.answer(pong);
  assert.deepEqual((await pending.result).payload, pong.payload);
});

for (const which of ["call", "reply"] as const) {
  test(`a ${which} that is too long fails alone, and the session goes on`, async (t) => {
    const peer = finagle(t);
    if (peer === null) return;
    const server = await peer.serve("thriftmux");
    const proxy = await proxied(t, [server.port], "      maxFrameKB: 1024");
    const client = await peer.connect("thriftmux", proxy.port, { requeues: false });
    const other = client.begin(ping);
    const kept = await server.next();
    const long = binary({ method: "blob", body: Buffer.alloc(3_000_000) });
    const tooLong = client.begin(which === "call" ? { payload: long } : ping);
    if (which === "reply") (await server.next()).answer({ payload: replyTo(long) });
    const { error, payload } = await tooLong.result;
    assert.ok(error !== undefined || read(payload).type === 3);
    kept.answer(pong);
    assert.deepEqual((await other.result).payload, pong.payload);
    assert.equal(await proxy.metric("rt/thriftmux/server/127.0.0.1/0/connects"), 1);
  });
}
