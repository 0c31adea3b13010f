// More names than there is room for: all are served, and nothing grows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { caller } from "../support/caller.ts";
import { startProxy } from "../support/proxy.ts";
import { seeded } from "../support/random.ts";
import { ask } from "../support/http-request.ts";
import { service } from "../support/service.ts";

/** Names of services that have metrics of their own. */
function serviceNames(metrics: string): Set<string> {
  const names = Object.keys(JSON.parse(metrics) as object).flatMap((name) => {
    const found =
      /^rt\/http\/service\/(.*?)\/(?:requests|success|failures|request_latency_ms.*)$/.exec(name);
    return found?.[1] === undefined ? [] : [found[1]];
  });
  return new Set(names);
}

test("with room for two names all others are served too, and old ones lose their metrics", async (t) => {
  const web = await service(t, "web");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      bindingCache: { paths: 2, clients: 2 }
      servers: [{ port: 0 }]`,
  );
  for (let id = 0; id < 50; id++) {
    assert.equal((await ask(proxy.port, "/", { Host: `name-${id}` })).body, "web");
  }
  const names = serviceNames(await proxy.admin("/admin/metrics.json"));
  assert.ok(names.size <= 3, [...names].join(" "));
  assert.ok(names.has("svc/name-49"));
  assert.ok((await proxy.metric("rt/http/bindcache/path/evicts")) >= 47);
});

test("concurrent calls of more names than there is room for are all served", async (t) => {
  const web = await service(t, (request, response) => {
    setTimeout(() => response.end(request.headers.host), 5).unref();
  });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      bindingCache: { paths: 2, clients: 1 }
      servers: [{ port: 0 }]`,
  );
  const responses = await Promise.all(
    Array.from({ length: 40 }, (_, id) => ask(proxy.port, "/", { Host: `name-${id}` })),
  );
  responses.forEach(({ body }, id) => assert.equal(body, `name-${id}`));
  assert.ok((await proxy.metric("rt/http/bindcache/path/oneshots")) > 0);
});

test("thousands of garbage names cost neither metrics nor memory", async (t) => {
  const random = seeded(20_240_131);
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.static
      bindingCache: { paths: 100, clients: 100 }
      maxServiceNames: 50
      servers: [{ port: 0 }]
    namers: [{ kind: io.l5d.static, names: { web: ["127.0.0.1:1"] } }]`,
  );
  const scan = async (requests: number) => {
    const from = await caller(t, proxy.port);
    for (let sent = 0; sent < requests; sent++) {
      const host = `${Math.floor(random() * 1e9).toString(36)}.${sent}.example`;
      const { status } = await from.ask(host);
      assert.equal(status, 502);
    }
    from.close();
  };
  const scanners = (each: number) => Promise.all(Array.from({ length: 8 }, () => scan(each)));
  await scanners(125);
  const before = Object.keys(JSON.parse(await proxy.admin("/admin/metrics.json")) as object).length;
  await scanners(500);
  const metrics = await proxy.admin("/admin/metrics.json");
  const after = Object.keys(JSON.parse(metrics) as object).length;
  assert.ok(after <= before + 20, `${before} metrics became ${after}`);
  assert.ok(serviceNames(metrics).size <= 101);
  assert.equal(proxy.running.routers[0]?.destinations().length, 100);
});
