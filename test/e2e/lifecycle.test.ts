// `switchyard run` as a process: how it starts, drains and ends.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { command, runProxy } from "../support/command.ts";
import { ask } from "../support/http-request.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";
import type { ReceivedResponse } from "../support/http-request.ts";

/** A running proxy before a service that responses when told. */
async function withHeldCall(t: TestContext, graceMs = 10_000) {
  let release: (() => void) | null = null;
  const web = await service(t, (request, response) => {
    if (request.url === "/held") release = () => response.end("held");
    else response.end("web");
  });
  const proxy = await runProxy(
    t,
    `
    admin: { port: 0, shutdownGraceMs: ${graceMs} }
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      servers: [{ port: 0 }]`,
  );
  const call = ask(proxy.portOf(), "/held", { Host: "web" }).catch(
    (error: Error): ReceivedResponse => ({
      status: 0,
      headers: new Map(),
      body: error.message,
    }),
  );
  await until(
    () => release,
    (value) => value !== null,
    "the call is in flight",
  );
  return { proxy, call, release: () => release?.() };
}

test("SIGTERM lets the call in flight end, refuses new ones, and exits with 0", async (t) => {
  const { proxy, call, release } = await withHeldCall(t);
  assert.equal((await proxy.admin("/admin/ready")).status, 200);
  proxy.signal("SIGTERM");
  const ready = await until(
    () => proxy.admin("/admin/ready"),
    ({ status }) => status !== 200,
    "it is not ready any more",
  );
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /^draining: SIGTERM/);
  await assert.rejects(ask(proxy.portOf(), "/", { Host: "web" }), /ECONNREFUSED/);
  release();
  assert.equal((await call).body, "held");
  assert.equal((await proxy.ended).code, 0);
});

test("a kept connection that is idle does not delay the end", async (t) => {
  const { proxy, call, release } = await withHeldCall(t);
  release();
  await call;
  const idle = await caller(t, proxy.portOf());
  assert.equal((await idle.ask("web")).body, "web");
  const startedMs = performance.now();
  proxy.signal("SIGINT");
  assert.equal((await proxy.ended).code, 0);
  assert.equal(await idle.closed, "");
  assert.ok(performance.now() - startedMs < 3_000);
});

for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) {
  test(`${signal} drops no call, opens no debugger, and is logged`, async (t) => {
    const { proxy, call, release } = await withHeldCall(t);
    proxy.signal(signal);
    const ignored = await until(
      () => proxy.events.find(({ event }) => event === "signal ignored"),
      (event) => event !== undefined,
      "the signal is logged",
    );
    assert.equal(ignored?.["signal"], signal);
    release();
    assert.equal((await call).body, "held");
    proxy.signal("SIGTERM");
    const { code, error } = await proxy.ended;
    assert.equal(code, 0);
    assert.doesNotMatch(error, /Debugger/);
  });
}

test("a second signal ends it immediately", async (t) => {
  const { proxy, call } = await withHeldCall(t);
  proxy.signal("SIGTERM");
  await until(
    () => proxy.events.some(({ event }) => event === "draining"),
    (is) => is,
    "it drains",
  );
  await new Promise((resolve) => setTimeout(resolve, 150)); // sooner it counts as the same signal
  proxy.signal("SIGTERM");
  assert.equal((await proxy.ended).code, 128 + 15);
  assert.notEqual((await call).status, 200);
});

test("a call that does not end gets a 503 after shutdownGraceMs, and the exit code is 0", async (t) => {
  const { proxy, call } = await withHeldCall(t, 100);
  const startedMs = performance.now();
  proxy.signal("SIGTERM");
  assert.equal((await proxy.ended).code, 0);
  assert.ok(performance.now() - startedMs < 3_000);
  const response = await call;
  assert.equal(response.status, 503);
  assert.match(response.body, /the proxy is shutting down/);
  assert.equal(response.headers.get("connection"), "close");
});

test("POST /admin/shutdown ends it as a signal does; GET does not", async (t) => {
  const { proxy, call, release } = await withHeldCall(t);
  assert.equal((await proxy.admin("/admin/shutdown")).status, 405);
  const response = await proxy.admin("/admin/shutdown", { method: "POST" });
  assert.equal(response.status, 200);
  release();
  assert.equal((await call).body, "held");
  assert.equal((await proxy.ended).code, 0);
});

test("a port in use is reported with address and reason, and the exit code is 1", async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => void other.close());
  const { port } = other.address() as AddressInfo;
  for (const yaml of [
    `admin: { port: 0 }\nrouters: [{ protocol: http, servers: [{ port: ${port} }] }]`,
    `admin: { port: ${port} }\nrouters: [{ protocol: http, servers: [{ port: 0 }] }]`,
  ]) {
    const { code, error } = await command(t, ["run", "-"], yaml);
    assert.equal(code, 1);
    assert.match(
      error,
      new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: another process has this port`),
    );
  }
});

test("a broken file is reported as by check, and nothing starts", async (t) => {
  const { code, error, out } = await command(t, ["run", "-"], "routers: [{ protocol: http }]");
  assert.equal(code, 1);
  assert.match(error, /^error: <stdin>:1:11 routers\[0\]/m);
  assert.equal(out, "");
});
