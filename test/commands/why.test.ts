// `switchyard why` and `explain URL`: what running proxies say of a name, and of a trace.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { line } from "../support/terminal.ts";

const at = ({ adminPort }: TestProxy) => `http://127.0.0.1:${adminPort}`;

async function proxyWith(
  t: TestContext,
  ports: Readonly<Record<string, readonly number[]>>,
  keys = "",
): Promise<TestProxy> {
  const { rootDir } = discovery(t, ports);
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    telemetry: [{ kind: io.l5d.recentRequests, sampleRate: 1.0 }]
    routers:
    - protocol: http
      label: out
      dtab: "/svc => /#/io.l5d.fs/fallback ; /svc => /#/io.l5d.fs"
      ${keys}
      servers: [{ port: 0 }]`,
  );
}

test("of a name: the alternative that is used, endpoints, failures and settings on one screen", async (t) => {
  const web = await service(t, "web");
  const dead = await deadPort();
  const proxy = await proxyWith(
    t,
    { web: [web.port, dead], fallback: [web.port] },
    "service: { totalTimeoutMs: 7000 }",
  );
  for (let i = 0; i < 20; i++) await ask(proxy.port, "/a", { Host: "web" }, "POST", "x");
  const { code, out, error } = await line(["why", at(proxy), "web"]);
  assert.deepEqual([code, error], [0, ""]);
  const parts = out.split("\n\n");
  assert.match(
    parts[0] ?? "",
    /^\/svc\/web at 127\.0\.0\.1:\d+, router out \(http\)\n {2}dtab \/svc => \/#\/io\.l5d\.fs\/fallback ; /,
  );
  assert.match(parts[1] ?? "", /^How it resolves now\n/);
  assert.match(parts[1] ?? "", /2 addresses: 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+/);
  assert.match(parts[1] ?? "", /fallback.*\(not used\)/);
  assert.match(
    parts[2] ?? "",
    /^Problems\n {2}warning: 1 of 2 endpoints of \/#\/io\.l5d\.fs\/web gets no/,
  );
  const [, client, first, second] = (parts[3] ?? "").split("\n");
  assert.match(client ?? "", /fs\/web {2}bound, 1 of 2 endpoints open; discovery said so \d+/);
  assert.match(
    first ?? "",
    new RegExp(`127.0.0.1:${dead} {2}ejected for .*refused the connection`),
  );
  assert.match(second ?? "", new RegExp(`127.0.0.1:${web.port} {2}open for .*100% good`));
  assert.match(parts[4] ?? "", /^Last failures\n/);
  assert.match(parts[5] ?? "", /service: totalTimeoutMs: 7000 {2}\(service\)/);
  assert.doesNotMatch(out, /undefined|NaN|null/);
});

test("of a name that leads nowhere: no endpoint, its failed calls, and exit code 1", async (t) => {
  const proxy = await proxyWith(t, {});
  await ask(proxy.port, "/a", { Host: "nobody" });
  const { code, out } = await line(["why", at(proxy), "/svc/nobody"]);
  assert.equal(code, 1);
  assert.match(out, /no such name/);
  assert.match(out, /none: the name leads to no client/);
  assert.match(out, /out 502 GET \/a {2}\/svc\/nobody -> \(no endpoint\) .*unbound: /);
});

test("a dtab of the caller counts as it would in a call", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyWith(t, { web: [web.port] });
  const dtab = "/svc/users => /#/io.l5d.fs/web";
  assert.equal((await line(["why", at(proxy), "users"])).code, 1);
  const { code, out } = await line(["why", at(proxy), "users", "--dtab", dtab]);
  assert.equal(code, 0, out);
  assert.match(out, /and \/svc\/users => \/#\/io\.l5d\.fs\/web from the caller/);
});

test("of a trace: each hop, indented below the one that called it", async (t) => {
  const web = await service(t, "web");
  const inner = await proxyWith(t, { web: [web.port] });
  const outer = await proxyWith(t, { web: [inner.port] });
  await ask(outer.port, "/a", { Host: "web" });
  const kept = JSON.parse(await inner.admin("/requests.json")) as {
    readonly requests: readonly { readonly trace: { readonly traceId: string } }[];
  };
  const traceId = kept.requests[0]?.trace.traceId ?? "";
  const { code, out } = await line(["why", at(inner), at(outer), traceId.toUpperCase()]);
  assert.equal(code, 0);
  const lines = out.trimEnd().split("\n");
  assert.equal(lines[0], `Trace ${traceId}: 2 calls at 2 instances`);
  assert.match(lines[2] ?? "", new RegExp(`^127.0.0.1:${outer.adminPort} {2}.* out 200 GET /a `));
  assert.match(lines[3] ?? "", /^ {4}time: .*first byte [\d.]+ ms/);
  assert.match(
    lines[4] ?? "",
    new RegExp(`^ {2}127.0.0.1:${inner.adminPort} {2}.* out 200 GET /a `),
  );
});

test("of a trace: what a service calls through its own proxy is below the call that it got", async (t) => {
  const inner = await service(t, "inner");
  let ownPort = 0;
  const middle = await service(t, async ({ headers }, response) => {
    const context = String(headers["l5d-ctx-trace"]);
    await ask(ownPort, "/b", { Host: "inner", "l5d-ctx-trace": context });
    response.end("middle");
  });
  const proxy = await proxyWith(t, { middle: [middle.port], inner: [inner.port] });
  ownPort = proxy.port;
  await ask(proxy.port, "/a", { Host: "middle" });
  const { requests } = JSON.parse(await proxy.admin("/requests.json")) as {
    readonly requests: readonly { readonly trace: { readonly traceId: string } }[];
  };
  const { out } = await line(["why", at(proxy), requests[0]?.trace.traceId ?? ""]);
  assert.match(out, /: 2 calls at 1 instance\n\n127.* GET \/a .*\n {4}time.*\n {2}127.* GET \/b /);
});

test("of a trace that nobody kept: what is kept, and how to keep more", async (t) => {
  const proxy = await proxyWith(t, {});
  const { code, error } = await line(["why", at(proxy), "0123456789abcdef"]);
  assert.equal(code, 1);
  assert.match(error, /kept no call of trace 0123456789abcdef.*sampleRate: 1\.0/s);
});

test("a fleet answers for all its instances", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyWith(t, { web: [web.port] });
  const fleet = await startProxy(
    t,
    `
    fleet:
      instances: [web 127.0.0.1:${proxy.adminPort}]`,
  );
  await ask(proxy.port, "/a", { Host: "web" });
  const kept = JSON.parse(await proxy.admin("/requests.json")) as {
    readonly requests: readonly { readonly trace: { readonly traceId: string } }[];
  };
  const traceId = kept.requests[0]?.trace.traceId ?? "";
  let found = await line(["why", at(fleet), traceId]);
  while (found.code !== 0) found = await line(["why", at(fleet), traceId]); // it is being scraped
  assert.match(found.out, /1 call at 1 instance\n\nweb {2}/);
});

test("the commands in an error body work as they are, and only those who may see internals get them", async (t) => {
  const proxy = await proxyWith(t, {});
  const { body } = await ask(proxy.port, "/a", { Host: "nobody", "l5d-dtab": "/svc/nobody => /x" });
  const commands = body.split("\n").flatMap((each) => /^ {2}switchyard (.*)/.exec(each)?.[1] ?? []);
  const [ofName = "", ofCall = ""] = commands;
  const dtab = "/svc/nobody=>/x";
  assert.equal(ofName, `why ${at(proxy)} /svc/nobody --router out --dtab '${dtab}'`);
  const asked = await line(["why", at(proxy), "/svc/nobody", "--router", "out", "--dtab", dtab]);
  assert.match(asked.out, /\/x {2}\(\/svc\/nobody => \/x\)/);
  const requestId = /request id \(l5d-reqid\): ([0-9a-f]{16})/.exec(body)?.[1] ?? "";
  assert.equal(ofCall, `why ${at(proxy)} ${requestId}`);
  const { code, out } = await line(ofCall.split(" "));
  assert.equal(code, 0);
  assert.match(out, /unbound: No hosts are available for \/svc\/nobody/);
  const closed = await proxyWith(t, {}, "errorDetail: none");
  const hidden = await ask(closed.port, "/a", { Host: "nobody" });
  assert.doesNotMatch(hidden.body, /switchyard why|127\.0\.0\.1/);
});

test("explain asks the running proxy when it is given a URL", async (t) => {
  const web = await service(t, "web");
  const proxy = await proxyWith(t, { web: [web.port] }, "service: { totalTimeoutMs: 7000 }");
  const good = await line(["explain", at(proxy), "web"]);
  assert.equal(good.code, 0);
  assert.match(good.out, new RegExp(`fs/web .* 1 address: 127.0.0.1:${web.port}`));
  assert.match(good.out, /service: totalTimeoutMs: 7000/);
  const bad = await line(["explain", at(proxy), "nobody", "--json"]);
  assert.equal(bad.code, 1);
  assert.equal((JSON.parse(bad.out) as { readonly path: string }).path, "/svc/nobody");
});

test("what cannot be asked is said in a sentence", async (t) => {
  const dead = await deadPort();
  const proxy = await proxyWith(t, {});
  for (const command of ["why", "explain"]) {
    const gone = await line([command, `http://127.0.0.1:${dead}`, "web"]);
    assert.equal(gone.code, 1);
    assert.match(gone.error, /cannot be asked: nothing listens there \(connection refused\)/);
    const wrong = await line([command, at(proxy), "web", "--router", "nix"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.error, /no router 'nix'; there are out/);
    const bad = await line([command, at(proxy), "/svc//x"]);
    assert.match(bad.error, /Invalid path/);
  }
  assert.equal((await line(["why", "web"])).code, 2);
  assert.equal((await line(["why", at(proxy), at(proxy), "web"])).code, 2);
});
