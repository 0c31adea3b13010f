// Callers invent names: what they can make the proxy count, show and remember is bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { caller } from "../support/caller.ts";
import { muxClient } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { readExposition } from "../telemetry/exposition.ts";

const megabytes = (bytes: number) => Math.round(bytes / 1e6);

/** The Prometheus page, which must be short, valid, and say nothing of `secret`. */
async function shortPage(adminPort: number, secret: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/admin/metrics/prometheus`);
  assert.equal(response.status, 200);
  const page = await response.text();
  assert.ok(page.length < 1e6, `${megabytes(page.length)} MB`);
  assert.ok(!page.includes(secret));
  readExposition(page);
  return page;
}

test("1,500 Hosts of 3 KB that lead nowhere are one scope and a short page", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc/known => /$/inet/127.1/1
      servers: [{ port: 0 }]`,
  );
  const client = await caller(t, proxy.port);
  const name = "h".repeat(3_000);
  for (let i = 0; i < 1_500; i++) {
    client.write(`GET / HTTP/1.1\r\nHost: ${i}${name}\r\n\r\n`);
    assert.equal((await client.response()).status, 502);
  }
  await shortPage(proxy.adminPort, name.slice(0, 300));
  assert.equal(await proxy.metric("rt/http/service/(unbound)/requests"), 1_500);
});

test("1,500 names of 3 KB that lead somewhere share the overflow scope", async (t) => {
  const web = await service(t, "web");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      servers: [{ port: 0 }]`,
  );
  const client = await caller(t, proxy.port);
  const name = "h".repeat(3_000);
  for (let i = 0; i < 1_500; i++) {
    client.write(`GET / HTTP/1.1\r\nHost: ${i}${name}\r\n\r\n`);
    assert.equal((await client.response()).status, 200);
  }
  await shortPage(proxy.adminPort, name.slice(0, 300));
  assert.equal(await proxy.metric("rt/http/service/(other)/requests"), 1_500);
});

test("1,500 mux destinations of 30 KB leave the admin server able to respond", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: mux
      dtab: /svc/known => /$/inet/127.1/1
      servers: [{ port: 0 }]`,
  );
  const client = await muxClient(t, proxy.port);
  const name = "d".repeat(30_000);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1_500; i++) {
    assert.equal((await client.dispatch({ dst: `/${i}${name}`, payload: "x" })).status, 1);
  }
  await shortPage(proxy.adminPort, name.slice(0, 300));
  // 1,000 names are cached; each is kept as the key, in the failure's text and in the waiting room.
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 200e6, `${megabytes(grown)} MB`);
});

test("pages end while names come and go", async (t) => {
  const web = await service(t, "web");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      bindingCache: { paths: 20, clients: 20 }
      servers: [{ port: 0 }]`,
  );
  let isOver = false;
  let calls = 0;
  const churning = Promise.all(
    [1, 2, 3, 4].map(async (worker) => {
      const client = await caller(t, proxy.port);
      while (!isOver) {
        client.write(`GET / HTTP/1.1\r\nHost: w${worker}-${calls++}\r\n\r\n`);
        await client.response();
      }
    }),
  );
  const pages = [
    "metrics/prometheus",
    "metrics.json",
    "metrics.json?pretty=1",
    "metrics.json?tree=1",
  ];
  while (calls < 200) {
    for (const page of pages) assert.ok((await proxy.admin(`/admin/${page}`)).length > 10, page);
    assert.match(await proxy.admin("/client_state.json"), /^\{/);
  }
  isOver = true;
  await churning;
});
