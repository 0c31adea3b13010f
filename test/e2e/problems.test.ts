// `/problems.json`: a running proxy says what is wrong with it, and stops when it is over.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { consulAgent } from "../support/consul.ts";
import { discovery } from "../support/discovery.ts";
import { testFolder } from "../support/folder.ts";
import { ask } from "../support/http-request.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { line } from "../support/terminal.ts";
import { until } from "../support/until.ts";

interface Problem {
  readonly id: string;
  readonly severity: string;
  readonly kind: string;
  readonly text: string;
  readonly since: string;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly advice: string;
  readonly subject: Readonly<Record<string, string>>;
}

interface Page {
  readonly problems: readonly Problem[];
  readonly more: number;
  readonly looked: readonly string[];
}

async function pageOf(proxy: TestProxy): Promise<Page> {
  return JSON.parse(await proxy.admin("/problems.json")) as Page;
}

/** Waits for a problem of that kind. */
async function problem(proxy: TestProxy, kind: string): Promise<Problem> {
  const found = await until(
    async () => (await pageOf(proxy)).problems.find((each) => each.kind === kind),
    (each) => each !== undefined,
    `a problem ${kind}`,
  );
  if (found === undefined) assert.fail(`no problem ${kind}`);
  return found;
}

async function isOver(proxy: TestProxy, kind: string): Promise<void> {
  await until(
    async () => (await pageOf(proxy)).problems,
    (problems) => problems.every((each) => each.kind !== kind),
    `the end of the problem ${kind}`,
  );
}

async function httpProxy(
  t: TestContext,
  ports: readonly number[],
  router = "",
): Promise<TestProxy> {
  const { rootDir } = discovery(t, { web: ports });
  return startProxy(
    t,
    `admin: { port: 0 }
namers:
- { kind: io.l5d.fs, rootDir: ${rootDir} }
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0 }]
${router}`,
    "linkerd.yaml",
  );
}

const get = (proxy: TestProxy, host = "web") => ask(proxy.port, "/", { Host: host });

test("without problems the page says what was looked at", async (t) => {
  const web = await service(t, "web");
  const proxy = await httpProxy(t, [web.port]);
  await get(proxy);
  const { problems, looked, more } = await pageOf(proxy);
  assert.deepEqual([problems, more], [[], 0]);
  assert.deepEqual(looked.slice(0, 4), ["1 router", "1 client", "1 endpoint", "1 namer"]);
});

test("a dead endpoint is a warning, all dead are critical, and both end", async (t) => {
  const web = await service(t, "web");
  const port = await deadPort();
  const proxy = await httpProxy(t, [web.port, port]);
  for (let call = 0; call < 20; call++) await get(proxy);
  const one = await problem(proxy, "endpoints-ejected");
  assert.equal(one.severity, "warning");
  assert.equal(
    one.text,
    `1 of 2 endpoints of /#/io.l5d.fs/web gets no calls: 127.0.0.1:${port} (refused the connection).`,
  );
  assert.deepEqual(one.where, { file: "linkerd.yaml", line: 3 });
  assert.equal(one.id, "endpoints-ejected http /#/io.l5d.fs/web");
  assert.equal(one.subject["endpoint"], `127.0.0.1:${port}`);
  assert.match(one.advice, /Start the service there/);
  assert.ok(proxy.events.some((event) => event["event"] === "problem" && event["id"] === one.id));
  assert.equal(await proxy.metric("problems/warning"), 1);
  await web.stop();
  for (let call = 0; call < 10; call++) await get(proxy);
  const all = await problem(proxy, "endpoints-down");
  assert.equal(all.severity, "critical");
  assert.match(all.text, /^None of the 2 endpoints of \/#\/io\.l5d\.fs\/web takes calls: /);
  await isOver(proxy, "endpoints-ejected");
  assert.ok(
    proxy.events.some((event) => event["event"] === "problem over" && event["id"] === one.id),
  );
});

test("a name that leads nowhere is named with the command that explains it", async (t) => {
  const proxy = await httpProxy(t, [1]);
  assert.equal((await get(proxy, "nobody")).status, 502);
  const found = await problem(proxy, "name-unbound");
  assert.equal(found.text, "/svc/nobody leads nowhere: 1 call found no address.");
  assert.match(found.advice, /switchyard explain linkerd\.yaml \/svc\/nobody --router http/);
  assert.deepEqual(found.where, { file: "linkerd.yaml", line: 6 });
});

test("names that callers invent fill twenty places, and one for the rest", async (t) => {
  const proxy = await httpProxy(t, [1]);
  for (let name = 0; name < 30; name++) await get(proxy, `name-${name}`);
  const { problems } = await pageOf(proxy);
  assert.equal(problems.filter(({ kind }) => kind === "name-unbound").length, 21);
  const others = problems.find(({ id }) => id === "name-unbound http others");
  assert.match(others?.text ?? "", /^10 more names of router http/);
});

test("a service whose calls fail is a problem with its share", async (t) => {
  const web = await service(t, (_, response) => {
    response.statusCode = 500;
    response.end();
  });
  const proxy = await httpProxy(t, [web.port]);
  for (let call = 0; call < 20; call++) await get(proxy);
  const found = await problem(proxy, "requests-failing");
  assert.equal(found.severity, "critical");
  assert.match(
    found.text,
    /^20 of 20 calls of \/svc\/web failed in the last minute \(100 %\): 20 by the response of the service\.$/,
  );
});

test("calls beyond a rate limit are a problem", async (t) => {
  const web = await service(t, "web");
  const proxy = await httpProxy(t, [web.port], "  service: { rateLimit: { perSec: 1, burst: 1 } }");
  await get(proxy);
  for (let call = 0; call < 5; call++) await get(proxy);
  const found = await problem(proxy, "calls-limited");
  assert.match(found.text, /calls? of \/svc\/web in the last minute met a limit/);
});

test("a Consul that is down is one problem, however many names wait for it", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t, { isStopped: true });
  const web = await service(t, "web");
  const proxy = await startProxy(
    t,
    `namers:
    - { kind: io.l5d.consul, host: 127.0.0.1, port: ${agent.port} }
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.consul/dc1
      servers: [{ port: 0 }]`.replaceAll(/^ {4}/gm, ""),
    "linkerd.yaml",
  );
  await get(proxy, "web");
  await get(proxy, "users");
  const found = await problem(proxy, "discovery-unavailable");
  assert.equal(found.severity, "critical");
  assert.match(
    found.text,
    new RegExp(
      `^/#/io.l5d.consul cannot ask Consul at 127.0.0.1:${agent.port} for 2 of 2 names \\(connect ECONNREFUSED`,
    ),
  );
  assert.deepEqual(found.subject, { namer: "/#/io.l5d.consul" });
  assert.equal((await problem(proxy, "name-unresolved")).severity, "critical");
  await agent.start();
  await agent.register("web", web.port);
  await agent.register("users", web.port);
  await isOver(proxy, "discovery-unavailable");
  await get(proxy, "web");
  await get(proxy, "users");
  await isOver(proxy, "name-unresolved");
});

test("a folder that is gone and a file that is no list of addresses are problems", async (t) => {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  await get(proxy);
  writeFileSync(join(rootDir, "web"), "127.0.0.1 port\n");
  const broken = await problem(proxy, "discovery-broken");
  assert.equal(broken.severity, "warning"); // the last good addresses are used
  assert.match(broken.text, /\/web:1: .*; its last good addresses are used\.$/);
  rmSync(rootDir, { recursive: true });
  const gone = await problem(proxy, "discovery-unavailable");
  assert.match(gone.text, /does not exist: no name below it exists/);
});

test("a file that differs from what runs is a notice, until it is the same again", async (t) => {
  const file = join(testFolder(t).path, "linkerd.yaml");
  const yaml = "admin: { port: 0 }\nrouters: [{ protocol: http, servers: [{ port: 0 }] }]";
  writeFileSync(file, yaml);
  const proxy = await startProxy(t, yaml, file);
  writeFileSync(file, `${yaml} # changed`);
  const found = await problem(proxy, "configuration-changed");
  assert.equal(found.severity, "notice");
  assert.ok(found.advice.includes(`switchyard check ${file}`));
  writeFileSync(file, yaml);
  await isOver(proxy, "configuration-changed");
});

test("an entry of the dtab that nothing covers is a notice, and shows in lint", async (t) => {
  const proxy = await startProxy(
    t,
    `routers:
- protocol: http
  dtab: |
    /svc => /srv ;
  servers: [{ port: 0 }]`,
    "linkerd.yaml",
  );
  const found = await problem(proxy, "dtab-dead-end");
  assert.equal(
    found.text,
    "The entry /svc=>/srv of router http leads nowhere: no entry covers /srv, and it is no namer's.",
  );
  const lint = await proxy.admin("/admin/lint");
  assert.match(lint, /"id":"dtab-dead-end".*no entry covers \/srv/);
});

test("the command prints problems, and fails when one is critical", async (t) => {
  const port = await deadPort();
  const proxy = await httpProxy(t, [port]);
  const admin = `127.0.0.1:${proxy.adminPort}`;
  const before = await line(["problems", admin]);
  assert.equal(before.code, 0);
  assert.match(before.out, /^no problems; looked at 1 router, /);
  for (let call = 0; call < 3; call++) await get(proxy);
  await problem(proxy, "endpoints-down");
  const after = await line(["problems", admin]);
  assert.equal(after.code, 1);
  assert.match(
    after.out,
    /^critical: The only endpoint of .* takes no calls.*\n {2}linkerd\.yaml:3, since .*\n {2}Start the service/m,
  );
  const refused = await line(["problems", `127.0.0.1:${port}`]);
  assert.equal(refused.code, 1);
  assert.match(refused.error, /cannot be asked: nothing listens there/);
});
