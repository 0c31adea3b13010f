// Where a request goes: its Host, the dtab, overrides, alternatives.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import type { TestService } from "../support/service.ts";

/** What the service saw of the last request. */
function lastHeaders(at: TestService): Readonly<Record<string, string | string[] | undefined>> {
  const request = at.seen.at(-1);
  if (request === undefined) assert.fail("the service saw no request");
  return request.headers;
}

test("a request goes to the service that its Host header names", async (t) => {
  const users = await service(t, "users");
  const cart = await service(t, "cart");
  const { rootDir } = discovery(t, { users: [users.port], cart: [cart.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await ask(proxy.port, "/", { Host: "users" })).body, "users");
  assert.equal((await ask(proxy.port, "/", { Host: "cart" })).body, "cart");
});

/** The article's file; its Consul namer is `io.l5d.fs` here, and its service's port a free one. */
async function articleProxy(t: TestContext) {
  const local = await service(t, "from the local service");
  const disco = discovery(t, {});
  const proxy = await startProxy(
    t,
    `
namers:
- kind: io.l5d.fs
  rootDir: ${disco.rootDir}
routers:
- protocol: http
  label: incoming
  servers: [{ port: 0 }]
  baseDtab: |
    /local => /$/inet/127.1/${local.port};
    /http/1.1/*/* => /local ;
- protocol: http
  label: outgoing
  servers: [{ port: 0 }]
  baseDtab: |
    /http/1.1/* => /#/io.l5d.fs;`,
  );
  disco.set("converter", [proxy.portOf("incoming")]);
  return { proxy, local };
}

test("the article's two routers carry a call out of one sidecar and into the other", async (t) => {
  const { proxy, local } = await articleProxy(t);
  const response = await ask(proxy.portOf("outgoing"), "/convert", { Host: "converter" });
  assert.equal(response.body, "from the local service");
  const headers = lastHeaders(local);
  assert.equal(headers["l5d-dst-service"], "/http/1.1/GET/converter");
  assert.equal(headers["l5d-dst-client"], `/$/inet/127.1/${local.port}`);
  assert.equal(headers["via"], "1.1 switchyard, 1.1 switchyard");
  assert.equal(headers["host"], "converter");
  assert.match(String(headers["l5d-reqid"]), /^[0-9a-f]{16}$/);
  assert.equal(response.headers.get("via"), "1.1 switchyard, 1.1 switchyard");
});

test("the article's routers count the call by service and by client", async (t) => {
  const { proxy } = await articleProxy(t);
  await ask(proxy.portOf("outgoing"), "/", { Host: "converter" });
  for (const scope of [
    "rt/outgoing/service/http/1.1/GET/converter",
    "rt/outgoing/client/#/io.l5d.fs/converter",
    "rt/incoming/service/http/1.1/GET/converter",
    "rt/outgoing/server/127.0.0.1/0",
  ]) {
    assert.equal(await proxy.metric(`${scope}/requests`), 1, scope);
    assert.equal(await proxy.metric(`${scope}/success`), 1, scope);
  }
});

/** Three services behind one router, and what each saw. */
async function threeServices(t: TestContext, dtab: string) {
  const services = {
    a: await service(t, "a"),
    b: await service(t, "b"),
    c: await service(t, "c"),
  };
  const { rootDir } = discovery(t, {
    a: [services.a.port],
    b: [services.b.port],
    c: [services.c.port],
    closed: [await deadPort()],
    empty: [],
  });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers: [{ protocol: http, dtab: "${dtab}", servers: [{ port: 0 }] }]`,
  );
  const go = (headers: Readonly<Record<string, string>>) =>
    ask(proxy.port, "/", { Host: "web", ...headers });
  return { go, services, proxy };
}

test("l5d-dtab wins over l5d-ctx-dtab, and both over the router's dtab", async (t) => {
  const { go } = await threeServices(t, "/svc/web => /#/io.l5d.fs/a");
  const toB = "/svc/web => /#/io.l5d.fs/b";
  const toC = "/svc/web => /#/io.l5d.fs/c";
  assert.equal((await go({})).body, "a");
  assert.equal((await go({ "l5d-ctx-dtab": toB })).body, "b");
  assert.equal((await go({ "l5d-dtab": toC })).body, "c");
  assert.equal((await go({ "l5d-dtab": toC, "l5d-ctx-dtab": toB })).body, "c");
});

test("overrides travel on as l5d-ctx-dtab, the caller's behind those that came before", async (t) => {
  const { go, services } = await threeServices(t, "/svc/web => /#/io.l5d.fs/a");
  await go({ "l5d-dtab": "/svc/web => /#/io.l5d.fs/c", "l5d-ctx-dtab": "/x => /y" });
  const headers = lastHeaders(services.c);
  assert.equal(headers["l5d-dtab"], undefined);
  const passed = String(headers["l5d-ctx-dtab"]).replaceAll(" ", "");
  assert.equal(passed.replace(/;$/, ""), "/x=>/y;/svc/web=>/#/io.l5d.fs/c");
  await go({});
  assert.equal(lastHeaders(services.a)["l5d-ctx-dtab"], undefined);
});

test("an override redirects a call two sidecars further on", async (t) => {
  const stable = await service(t, "stable");
  const canary = await service(t, "canary");
  const disco = discovery(t, { rates: [stable.port], "rates-2": [canary.port] });
  const routers = ["first", "second"].map(
    (label) => `
- protocol: http
  label: ${label}
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0 }]`,
  );
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers: ${routers.join("")}`,
  );
  disco.set("hop", [proxy.portOf("second")]);
  // The service in the middle is left out: the second sidecar takes the call as `rates`.
  const viaHop = { Host: "rates", "l5d-dtab": "/svc/rates => /svc/rates-2" };
  assert.equal((await ask(proxy.portOf("second"), "/", viaHop)).body, "canary");
  assert.equal((await ask(proxy.portOf("second"), "/", { Host: "rates" })).body, "stable");
});

test("an alternative is taken when the name before it does not exist", async (t) => {
  const { go } = await threeServices(t, "/svc => /#/io.l5d.fs/unknown | /#/io.l5d.fs/b");
  assert.equal((await go({})).body, "b");
});

test("an earlier dentry is the alternative of a later one", async (t) => {
  const { go } = await threeServices(t, "/svc/web => /#/io.l5d.fs/b ; /svc => /#/io.l5d.fs");
  assert.equal((await go({})).body, "b");
});

test("an alternative is not taken when the endpoint refuses the connection", async (t) => {
  const { go } = await threeServices(t, "/svc => /#/io.l5d.fs/closed | /#/io.l5d.fs/b");
  const { status, body } = await go({});
  assert.equal(status, 502);
  assert.match(body, /^Unable to establish connection to 127\.0\.0\.1:\d+\./);
});

test("an alternative is not taken when the name exists without addresses", async (t) => {
  const { go } = await threeServices(t, "/svc => /#/io.l5d.fs/empty | /#/io.l5d.fs/b");
  const { status, body } = await go({});
  assert.equal(status, 502);
  assert.match(body, /^Unable to route request!/);
});

test("! ends the search, ~ does not, $ is a name without addresses", async (t) => {
  for (const [tree, status] of [
    ["! | /#/io.l5d.fs/b", 502],
    ["~ | /#/io.l5d.fs/b", 200],
    ["$ | /#/io.l5d.fs/b", 502],
    ["/$/fail | /#/io.l5d.fs/b", 502],
    ["/$/nil | /#/io.l5d.fs/b", 502],
  ] as const) {
    await t.test(tree, async (each) => {
      const { go } = await threeServices(each, `/svc => ${tree}`);
      assert.equal((await go({})).status, status);
    });
  }
});

test("weights split calls nine to one", async (t) => {
  const { services, proxy } = await threeServices(
    t,
    "/svc => 9 * /#/io.l5d.fs/a & 1 * /#/io.l5d.fs/b",
  );
  const calls = 1_200;
  const callers = Array.from({ length: 8 }, async () => {
    const from = await caller(t, proxy.port);
    for (let done = 0; done < calls / 8; done++) await from.ask("web");
  });
  await Promise.all(callers);
  assert.equal(services.a.count + services.b.count, calls);
  const sigma = Math.sqrt(calls * 0.9 * 0.1);
  const off = Math.abs(services.b.count - calls * 0.1);
  assert.ok(off < 6 * sigma, `${services.b.count} of ${calls} calls went to the tenth`);
});

test("the part of the name that a binding leaves over is l5d-dst-residual", async (t) => {
  const { go, services } = await threeServices(t, "/svc/web => /#/io.l5d.fs/a/eu/west");
  assert.equal((await go({})).body, "a");
  const headers = lastHeaders(services.a);
  assert.equal(headers["l5d-dst-client"], "/#/io.l5d.fs/a");
  assert.equal(headers["l5d-dst-residual"], "/eu/west");
});

async function caseProxy(t: TestContext, identifier: string) {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: "/svc => /#/io.l5d.fs"
      ${identifier}
      servers: [{ port: 0 }]`,
  );
  return (host: string) => ask(proxy.port, "/", { Host: host });
}

test("with lowerCase, Host names are case-insensitive", async (t) => {
  const go = await caseProxy(t, "identifier: { kind: io.l5d.header.token, lowerCase: true }");
  assert.equal((await go("web")).body, "web");
  assert.equal((await go("WEB")).body, "web");
});

test("a Host that leads nowhere for its capital letters says which key is missing", async (t) => {
  const go = await caseProxy(t, "");
  const { status, body } = await go("Web");
  assert.equal(status, 502);
  assert.match(body, /\/svc\/web would be found: .*io\.l5d\.header\.token has lowerCase: true/);
  assert.doesNotMatch((await go("Unknown")).body, /lowerCase/);
});

test("strangers are not told which names exist in lower case", async (t) => {
  const go = await caseProxy(t, "errorDetail: none");
  assert.doesNotMatch((await go("Web")).body, /lowerCase/);
});
