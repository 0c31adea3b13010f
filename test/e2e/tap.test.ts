// `/tap`: the calls of a running proxy as they end.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { CallRecord } from "../../src/core/calls/record.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { tap } from "../support/tap.ts";
import type { TapReader } from "../support/tap.ts";

async function twoServices(t: TestContext): Promise<TestProxy> {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port], dead: [await deadPort()] });
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - { protocol: http, label: out, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0 }] }
    - { protocol: http, label: in, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0 }] }`,
  );
}

async function call(reader: TapReader): Promise<CallRecord> {
  const next = await reader.next();
  if ("dropped" in next) assert.fail(`${next.dropped} calls were left out`);
  return next;
}

test("lines of JSON show each call that matches, as it ends", async (t) => {
  const proxy = await twoServices(t);
  const all = await tap(t, proxy.adminPort);
  const failed = await tap(t, proxy.adminPort, "?failed=true&name=/svc");
  const other = await tap(t, proxy.adminPort, "?router=in&method=PUT");
  assert.deepEqual([all.status, all.contentType], [200, "application/x-ndjson"]);
  await ask(proxy.portOf("out"), "/good?password=x", { Host: "web" });
  await ask(proxy.portOf("out"), "/bad", { Host: "dead" });
  await ask(proxy.portOf("in"), "/put", { Host: "web" }, "PUT");
  const good = await call(all);
  assert.deepEqual([good.target, good.status, good.router], ["/good?password=***", "200", "out"]);
  assert.equal((await call(all)).target, "/bad");
  assert.equal((await call(failed)).failure?.kind, "connect");
  assert.equal((await call(other)).target, "/put");
});

test("a browser gets the same as server-sent events", async (t) => {
  const proxy = await twoServices(t);
  const events = await tap(t, proxy.adminPort, "?trace=", { Accept: "text/event-stream" });
  assert.equal(events.contentType, "text/event-stream");
  await ask(proxy.portOf("out"), "/", { Host: "web" });
  assert.equal((await call(events)).name, "/svc/web");
});

test("a call is found by its trace id, in full or by its lower half", async (t) => {
  const proxy = await twoServices(t);
  const low = "0123456789abcdef";
  const narrow = await tap(t, proxy.adminPort, `?trace=${low.toUpperCase()}`);
  const wide = await tap(t, proxy.adminPort, `?trace=${"f".repeat(16)}${low}`);
  const trace = Buffer.from(`${low.repeat(3)}0000000000000000`, "hex").toString("base64");
  await ask(proxy.portOf("out"), "/other", { Host: "web" });
  await ask(proxy.portOf("out"), "/this", { Host: "web", "l5d-ctx-trace": trace });
  assert.equal((await call(narrow)).target, "/this");
  assert.equal((await call(wide)).target, "/this");
});

test("calls beyond the rate are counted, and the number is shown", async (t) => {
  const proxy = await twoServices(t);
  const reader = await tap(t, proxy.adminPort, "?rate=2");
  for (let i = 0; i < 10; i++) await ask(proxy.portOf("out"), `/${i}`, { Host: "web" });
  assert.equal((await call(reader)).target, "/0");
  assert.equal((await call(reader)).target, "/1");
  let next = await reader.next();
  while (!("dropped" in next)) next = await reader.next(); // a slow machine had time for one more
  assert.ok(next.dropped > 0 && next.dropped <= 8, `${next.dropped} calls were left out`);
});

test("more than 16 listeners are refused until one leaves", async (t) => {
  const proxy = await twoServices(t);
  const listening = [];
  for (let i = 0; i < 16; i++) listening.push(await tap(t, proxy.adminPort));
  assert.equal((await tap(t, proxy.adminPort)).status, 503);
  listening[0]?.close();
  let again = await tap(t, proxy.adminPort);
  while (again.status === 503) again = await tap(t, proxy.adminPort); // the close is on its way
  await ask(proxy.portOf("out"), "/", { Host: "web" });
  assert.equal((await call(again)).target, "/");
});

test("a parameter that cannot be meant is refused with the reason", async (t) => {
  const proxy = await twoServices(t);
  for (const query of ["?rate=0", "?rate=1001", "?limit=5", "?minMs=soon", "?rate=1&rate=2"]) {
    const { status, contentType } = await tap(t, proxy.adminPort, query);
    assert.equal(status, 400, query);
    assert.match(contentType, /json/);
  }
});

test("shutdown does not wait for those who listen", async (t) => {
  const proxy = await twoServices(t);
  const reader = await tap(t, proxy.adminPort);
  await ask(proxy.portOf("out"), "/", { Host: "web" });
  await call(reader);
  const closed = proxy.close(3_600_000);
  await reader.ended;
  await closed;
});
