// What callers see when there is too much of something, and of faults that were made on purpose.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { caller } from "../support/caller.ts";
import { load } from "../support/load.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import type { Answering } from "../support/service.ts";

/** Keys of the router, one a line; `$ROOT` stands for the folder of names. */
async function proxyOf(
  t: TestContext,
  names: Readonly<Record<string, readonly number[]>>,
  router: readonly string[],
  top: readonly string[] = [],
): Promise<TestProxy> {
  const { rootDir } = discovery(t, names);
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
${top.map((line) => `    ${line}`).join("\n")}
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]
${router.map((line) => `      ${line}`).join("\n")}`,
  );
}

const go = (proxy: TestProxy, name = "web") => ask(proxy.port, "/", { Host: name });

function post(proxy: TestProxy, form: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${proxy.adminPort}/faults.json`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: form,
  });
}

test("more calls than a service's rate limit get 429, and other services do not notice", async (t) => {
  const [web, other] = [await service(t, "web"), await service(t, "other")];
  const proxy = await proxyOf(t, { web: [web.port], other: [other.port] }, [
    "service: { rateLimit: { perSec: 0.1, burst: 2 } }",
  ]);
  assert.deepEqual([(await go(proxy)).status, (await go(proxy)).status], [200, 200]);
  const late = await go(proxy);
  assert.equal(late.status, 429);
  assert.ok(["9", "10"].includes(late.headers.get("retry-after") ?? ""));
  assert.equal(late.headers.get("l5d-retryable"), undefined);
  assert.match(late.body, /\/svc\/web takes 0\.1 calls a second at most \(rateLimit\)/);
  assert.equal((await go(proxy, "other")).status, 200);
  assert.equal(web.count, 2);
  assert.equal(await proxy.metric("rt/http/service/svc/web/failures/limited"), 1);
});

test("faults are switched on and off while the proxy runs, and seen in the responses", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyOf(t, { web: [web.port] }, [
    "service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }",
    "client: { failureAccrual: { kind: none }, faults: { delayMs: 30, abortPercent: 100 } }",
  ]);
  const untouched = await go(proxy);
  assert.deepEqual([untouched.status, untouched.headers.get("l5d-fault")], [200, undefined]);
  assert.equal((await post(proxy, "enabled=true&client=/%23/io.l5d.fs/web")).status, 200);
  const broken = await go(proxy);
  assert.deepEqual([broken.status, broken.headers.get("l5d-fault")], [502, "abort"]);
  assert.match(broken.body, /broken off on purpose/);
  await post(proxy, "abortPercent=0&delayPercent=100");
  const startedMs = performance.now();
  const slow = await go(proxy);
  assert.ok(performance.now() - startedMs >= 29);
  assert.deepEqual([slow.status, slow.headers.get("l5d-fault")], [200, "delay 30"]);
  await post(proxy, "abortPercent=60&delayPercent=0");
  // Three tries a call, and requeues on top: most come through, and say what they met.
  const responses = await Promise.all(Array.from({ length: 40 }, () => go(proxy)));
  assert.ok(responses.some(({ status, headers }) => status === 200 && headers.has("l5d-fault")));
  const shown = JSON.parse(await proxy.admin("/faults.json"));
  assert.deepEqual(
    [shown[0].router, shown[0].client, shown[0].enabled, shown[0].delayed],
    ["http", "/#/io.l5d.fs/web", true, 1],
  );
  await post(proxy, "enabled=false");
  assert.equal((await go(proxy)).headers.get("l5d-fault"), undefined);
});

test("faults and limits can be for one service alone", async (t) => {
  const [web, other] = [await service(t, "web"), await service(t, "other")];
  const proxy = await proxyOf(t, { web: [web.port], other: [other.port] }, [
    "service:",
    "  kind: io.l5d.static",
    "  configs: [{ prefix: /svc/other, rateLimit: { perSec: 0.01, burst: 1 } }]",
    "client:",
    "  kind: io.l5d.static",
    "  configs:",
    "  - prefix: /#/io.l5d.fs/web",
    "    faults: { enabled: true, delayMs: 1, delayPercent: 100 }",
  ]);
  const faultOf = async (name: string) => (await go(proxy, name)).headers.get("l5d-fault");
  assert.deepEqual([await faultOf("web"), await faultOf("other")], ["delay 1", undefined]);
  assert.deepEqual(
    [(await go(proxy, "web")).status, (await go(proxy, "other")).status],
    [200, 429],
  );
});

/** Holds requests until the test lets them go. */
function gated(): { readonly response: Answering; open(): void; readonly waiting: number } {
  const waiting: (() => void)[] = [];
  return {
    response: (_, response) => void waiting.push(() => response.end("late")),
    open: () => {
      for (const each of waiting.splice(0)) each();
    },
    get waiting() {
      return waiting.length;
    },
  };
}

test("calls beyond the limit of concurrency are refused immediately, to be sent elsewhere", async (t) => {
  const gate = gated();
  const web = await service(t, gate.response);
  const proxy = await proxyOf(t, { web: [web.port] }, [
    "client: { concurrency: { kind: io.l5d.gradient, minLimit: 2, maxLimit: 2 } }",
  ]);
  const held = [go(proxy), go(proxy)];
  await until(
    () => gate.waiting,
    (count) => count === 2,
    "two calls in progress",
  );
  const refused = await go(proxy);
  assert.equal(refused.status, 503);
  assert.deepEqual(
    ["retry-after", "l5d-retryable"].map((name) => refused.headers.get(name)),
    ["0", "true"],
  );
  assert.equal(await proxy.metric("rt/http/client/#/io.l5d.fs/web/concurrency/in_progress"), 2);
  gate.open();
  for (const { body } of await Promise.all(held)) assert.equal(body, "late");
});

test("a proxy whose event loop is late refuses new requests, and takes them again", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyOf(t, { web: [web.port] }, [], ["limits: { shedAboveLagMs: 150 }"]);
  const from = await caller(t, proxy.port);
  assert.equal((await from.ask("web")).status, 200);
  from.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  const untilMs = performance.now() + 400;
  while (performance.now() < untilMs); // nothing else runs in this process meanwhile
  const refused = await from.response();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("l5d-retryable"), "true");
  assert.match(refused.body, /event loop is more than 150 ms late/);
  assert.equal(web.count, 1);
  await until(
    () => from.ask("web"),
    ({ status }) => status === 200,
    "a response when the loop is on time again",
  );
  assert.ok((await proxy.metric("limits/shed/lag")) >= 1);
});

test("one connection too many is closed immediately, on whichever server it comes", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyOf(t, { web: [web.port] }, [], ["limits: { maxConnections: 2 }"]);
  const [first, second] = [await caller(t, proxy.port), await caller(t, proxy.port)];
  assert.equal((await first.ask("web")).status, 200);
  assert.equal((await second.ask("web")).status, 200);
  const third = await caller(t, proxy.port);
  assert.equal(await third.closed, "");
  first.close();
  await until(
    () => proxy.metric("limits/connections"),
    (count) => count === 1,
    "a place is free",
  );
  assert.equal((await (await caller(t, proxy.port)).ask("web")).status, 200);
});

test("an endpoint that refuses politely is taken out by its rate, with io.l5d.unified", async (t) => {
  const busy = await service(t, (_, response) => {
    response.statusCode = 429;
    response.end();
  });
  const free = await service(t, "free");
  const proxy = await proxyOf(t, { web: [busy.port, free.port] }, [
    "client: { failureAccrual: { kind: io.l5d.unified, minRequests: 10 } }",
  ]);
  await until(
    async () => {
      await go(proxy);
      return proxy.metric("rt/http/client/#/io.l5d.fs/web/failure_accrual/removals");
    },
    (removals) => removals === 1,
    "the busy one is taken out",
  );
  assert.equal(busy.count, 10);
  for (let i = 0; i < 20; i++) assert.equal((await go(proxy)).status, 200);
});

test("with failFast one refused connection takes an endpoint out", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyOf(t, { web: [await deadPort(), web.port] }, [
    "client: { failFast: true }",
  ]);
  for (let i = 0; i < 30; i++) assert.equal((await go(proxy)).body, "web");
  const scope = "rt/http/client/#/io.l5d.fs/web";
  // Once, and once more for each probe: the first comes after a second.
  const removals = await proxy.metric(`${scope}/failure_accrual/removals`);
  assert.ok(removals >= 1 && removals <= 3, `${removals}`);
  assert.equal(await proxy.metric(`${scope}/retries/requeues`), removals);
});

test("an unusually slow response is not waited for: the call is hedged", async (t) => {
  let calls = 0;
  const respond: Answering = (_, response) => {
    // One of fifty never comes.
    if (++calls % 50 !== 0) response.end("quick");
  };
  const [one, two] = [await service(t, respond), await service(t, respond)];
  const proxy = await proxyOf(t, { web: [one.port, two.port] }, [
    "client: { hedge: { percentile: 95, maxExtraLoadPercent: 10 } }",
    "service: { totalTimeoutMs: 1000 }",
  ]);
  const scope = "rt/http/client/#/io.l5d.fs/web/hedge";
  const warmUp = await load(t, proxy.port, "web", { callers: 2, pauseMs: 10 });
  await until(
    () => proxy.metric(`${scope}/delay_ms`),
    (delayMs) => delayMs > 0,
    "a delay is known",
  );
  await warmUp.stop();
  const hot = await load(t, proxy.port, "web", { callers: 2, pauseMs: 2 });
  await sleep(1_000);
  assert.deepEqual(await hot.stop(), []);
  assert.ok((await proxy.metric(`${scope}/won`)) > 0);
});
