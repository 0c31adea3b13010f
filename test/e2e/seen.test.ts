// What an operator sees after traffic: metrics, admin pages, access logs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testFolder } from "../support/folder.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import { readExposition } from "../telemetry/exposition.ts";

/** Two successful calls, a 500, and one to a name that does not exist. */
async function afterTraffic(t: TestContext, router: readonly string[] = []) {
  const web = await service(t, (request, response) => {
    response.statusCode = request.url === "/broken" ? 500 : 200;
    response.end("web");
  });
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    telemetry: [{ kind: io.l5d.prometheus }]
    routers:
    - protocol: http
      label: out
      originator: true
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]
${router.map((line) => `      ${line}`).join("\n")}`,
  );
  const referer = { Referer: "http://a/", "User-Agent": 'odd "agent"' };
  const go = (target: string, host: string) => ask(proxy.port, target, { Host: host, ...referer });
  await go("/", "web");
  await go("/again?a=b", "web");
  await go("/broken", "web");
  await go("/", "nobody");
  return { proxy, web, rootDir };
}

test("metrics have the names that Linkerd gave them", async (t) => {
  const { proxy } = await afterTraffic(t);
  const metrics = JSON.parse(await proxy.admin("/admin/metrics.json")) as Record<string, number>;
  const server = `rt/out/server/127.0.0.1/${proxy.port}`;
  const expected: Readonly<Record<string, number>> = {
    [`${server}/requests`]: 4,
    [`${server}/success`]: 2,
    [`${server}/failures`]: 2,
    [`${server}/pending`]: 0,
    [`${server}/connects`]: 4,
    [`${server}/status/200`]: 2,
    [`${server}/status/500`]: 1,
    [`${server}/status/502`]: 1,
    [`${server}/status/5XX`]: 2,
    [`${server}/request_latency_ms.count`]: 4,
    "rt/out/service/svc/web/requests": 3,
    "rt/out/service/svc/web/success": 2,
    "rt/out/service/svc/web/failures": 1,
    "rt/out/service/(unbound)/requests": 1,
    "rt/out/service/(unbound)/failures": 1,
    "rt/out/service/(unbound)/failures/unbound": 1,
    "rt/out/client/#/io.l5d.fs/web/requests": 3,
    "rt/out/client/#/io.l5d.fs/web/success": 2,
    "rt/out/client/#/io.l5d.fs/web/failures": 1,
    "rt/out/client/#/io.l5d.fs/web/status/200": 2,
    "rt/out/client/#/io.l5d.fs/web/time/2XX.count": 2,
    "rt/out/client/#/io.l5d.fs/web/connects": 1,
    "rt/out/client/#/io.l5d.fs/web/loadbalancer/size": 1,
    "rt/out/client/#/io.l5d.fs/web/retries/requeues": 0,
    "rt/out/client/#/io.l5d.fs/web/service/svc/web/requests": 3,
    "rt/out/bindcache/path/misses": 2,
    "rt/out/bindcache/client/misses": 1,
    "rt/out/originator": 1,
  };
  const found = Object.fromEntries(Object.keys(expected).map((name) => [name, metrics[name]]));
  assert.deepEqual(found, expected);
});

test("metrics are available as a tree, and for a single scope", async (t) => {
  const { proxy } = await afterTraffic(t);
  const page = await proxy.admin("/admin/metrics.json?q=rt/out/service/svc/web");
  const part = JSON.parse(page) as Record<string, number>;
  assert.equal(part["requests"], 3, "names are relative to the scope");
  assert.ok(Object.keys(part).every((name) => !name.startsWith("rt/")));
  const tree = JSON.parse(await proxy.admin("/admin/metrics.json?tree=1")) as {
    rt: { out: { service: { "svc/web": { requests: unknown } } } };
  };
  assert.match(JSON.stringify(tree.rt.out.service["svc/web"].requests), /3/);
});

test("the Prometheus page is valid exposition and agrees with the JSON", async (t) => {
  const { proxy } = await afterTraffic(t);
  const families = readExposition(await proxy.admin("/admin/metrics/prometheus"));
  const requests = [...families].flatMap(([, { samples }]) =>
    samples.filter(
      ({ name, labels }) => /service.*requests/.test(name) && labels["service"] === "svc/web",
    ),
  );
  assert.ok(
    requests.some(({ value }) => value === 3),
    JSON.stringify(requests),
  );
  const buckets = [...families.values()].filter(({ type }) => type === "histogram");
  assert.ok(buckets.length > 3);
});

test("the admin's pages show names, clients, namers and the redacted file", async (t) => {
  const { proxy, web, rootDir } = await afterTraffic(t);
  const json = async (path: string) => JSON.parse(await proxy.admin(path)) as unknown;
  assert.deepEqual(await json("/client_state.json"), {
    "/#/io.l5d.fs/web": { state: "bound", addresses: [`127.0.0.1:${web.port}`] },
  });
  assert.deepEqual(await json("/bound-names.json"), ["/#/io.l5d.fs/web"]);
  const delegation = await json("/delegator.json?namespace=out&path=/svc/web");
  assert.match(JSON.stringify(delegation), /"path":"\/#\/io\.l5d\.fs\/web"/);
  const namerState = JSON.stringify(await json("/namer_state/io.l5d.fs.json"));
  assert.ok(namerState.includes(rootDir) && namerState.includes(String(web.port)), namerState);
  assert.match(JSON.stringify(await json("/config.json")), /"label":"out"/);
  assert.equal(await proxy.admin("/admin/ping"), "pong");
  const list = await proxy.admin("/admin");
  for (const page of list.trim().split("\n")) {
    if (/profile|heap|shutdown|event-loop/.test(page)) continue;
    const { status } = await fetch(`http://127.0.0.1:${proxy.adminPort}${page}`);
    const wantsName = page === "/delegator.json" || page.endsWith("/policy.json");
    assert.equal(status, wantsName ? 400 : 200, page);
  }
});

test("the access log has Linkerd's line for every request, routed or not", async (t) => {
  const folder = testFolder(t);
  const file = join(folder.path, "access.log");
  const { proxy } = await afterTraffic(t, [`httpAccessLog: ${file}`]);
  await proxy.close(0);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const when = String.raw`\[\d\d/\d\d/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`;
  const expected = [
    ["web", "/", 200],
    ["web", "/again?a=b", 200],
    ["web", "/broken", 500],
    ["nobody", "/", 502],
  ] as const;
  assert.equal(lines.length, expected.length);
  expected.forEach(([host, target, status], at) => {
    const quoted = target.replace("?", String.raw`\?`);
    const form = String.raw`^${host} 127\.0\.0\.1 - - ${when} "GET ${quoted} HTTP/1\.1" ${status} \d+ "http://a/" "odd .*agent.*"$`;
    assert.match(lines[at] ?? "", new RegExp(form));
  });
});

test("the access log as JSON says where each request went", async (t) => {
  const folder = testFolder(t);
  const file = join(folder.path, "access.log");
  const { proxy, web } = await afterTraffic(t, [
    `httpAccessLog: ${file}`,
    "httpAccessLogFormat: json",
  ]);
  await proxy.close(0);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const [first, , , last] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(first?.["path"], "/svc/web");
  assert.equal(first?.["client"], "/#/io.l5d.fs/web");
  assert.equal(first?.["endpoint"], `127.0.0.1:${web.port}`);
  assert.equal(first?.["sentBytes"], 3);
  assert.match(String(first?.["requestId"]), /^[0-9a-f]{16}$/);
  assert.equal(last?.["status"], 502);
  assert.equal(last?.["failure"], "unbound");
});

test("malformed requests are in the access log too", async (t) => {
  const folder = testFolder(t);
  const file = join(folder.path, "access.log");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      httpAccessLog: ${file}
      dtab: /svc => /$/inet/127.1/${await deadPort()}
      servers: [{ port: 0 }]`,
  );
  const { status } = await ask(proxy.port, "/", { Host: "web", "bad name": "x" });
  assert.equal(status, 400);
  await proxy.close(0);
  assert.match(readFileSync(file, "utf8"), / 400 /);
});

test("connections are counted in bytes, calls and time, as Linkerd names them", async (t) => {
  const { proxy } = await afterTraffic(t);
  const server = "rt/out/server/127.0.0.1/0";
  const client = "rt/out/client/#/io.l5d.fs/web";
  const closed = () => proxy.metric(`${server}/connection_duration.count`);
  await until(closed, (count) => count === 4, "the connections have closed");
  const before = await proxy.metric(`${server}/received_bytes`);
  const sentBefore = await proxy.metric(`${server}/sent_bytes`);
  assert.equal(await proxy.metric(`${server}/connection_received_bytes.sum`), before);
  assert.equal(await proxy.metric(`${server}/connection_sent_bytes.sum`), sentBefore);

  const caller = rawCaller(t, proxy.port);
  const asked = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
  caller.send(asked);
  const response = await caller.message();
  assert.equal(await proxy.metric(`${server}/received_bytes`), before + asked.length);
  assert.equal(await proxy.metric(`${server}/sent_bytes`), sentBefore + response.length);
  assert.equal(await closed(), 4, "it is open");
  caller.end();
  await until(closed, (count) => count === 5, "it has closed");
  assert.equal(await proxy.metric(`${server}/received_bytes`), before + asked.length);
  assert.equal(await proxy.metric(`${server}/connection_received_bytes.min`), asked.length);

  assert.equal(await proxy.metric(`${client}/pool_num_waited`), 0);
});
