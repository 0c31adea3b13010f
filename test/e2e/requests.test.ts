// How requests get their names, and what callers are told when there is none.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";

/** A router whose requests are named by `identifier`, and services that say what they saw. */
async function named(t: TestContext, identifier: string, dtab = "/svc => /#/io.l5d.fs") {
  const tell = (name: string) =>
    service(t, ({ method, url }, response) => void response.end(`${name} ${method} ${url}`));
  const [users, front] = [await tell("users"), await tell("front")];
  const { rootDir } = discovery(t, { users: [users.port], front: [front.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      identifier: ${identifier}
      dtab: ${dtab}
      servers: [{ port: 0 }]`,
  );
  return {
    proxy,
    go: (target: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
      ask(proxy.port, target, { Host: "nobody", ...headers }, method),
  };
}

test("the path identifier names by the first segment, and consumes it if configured", async (t) => {
  const keeping = await named(t, "{ kind: io.l5d.path }");
  assert.equal((await keeping.go("/users/7?x=1")).body, "users GET /users/7?x=1");
  const consuming = await named(t, "{ kind: io.l5d.path, consume: true }");
  assert.equal((await consuming.go("/users/7?x=1")).body, "users GET /7?x=1");
  assert.equal((await consuming.go("/users")).body, "users GET /");
});

test("the methodAndHost identifier names by version, method and host", async (t) => {
  const { go } = await named(
    t,
    "{ kind: io.l5d.methodAndHost }",
    '"/svc/1.1/GET => /#/io.l5d.fs ; /svc/1.1/PUT/users => /#/io.l5d.fs/front"',
  );
  assert.equal((await go("/", { Host: "USERS" })).body, "users GET /");
  assert.equal((await go("/", { Host: "users" }, "PUT")).body, "front PUT /");
  assert.equal((await go("/", { Host: "users" }, "DELETE")).status, 502);
});

test("the header identifier takes a path from a header", async (t) => {
  const { go } = await named(t, "{ kind: io.l5d.header }");
  assert.equal((await go("/", { "l5d-name": "/users/eu" })).body, "users GET /");
  assert.equal((await go("/")).status, 400);
});

test("the first identifier of a list that finds a name wins", async (t) => {
  const { go } = await named(
    t,
    "[{ kind: io.l5d.header }, { kind: io.l5d.path, segments: 2 }, { kind: io.l5d.static, path: front }]",
    '"/svc => /#/io.l5d.fs ; /svc/a/b => /#/io.l5d.fs/users"',
  );
  assert.equal((await go("/", { "l5d-name": "/users" })).body, "users GET /");
  assert.equal((await go("/a/b")).body, "users GET /a/b");
  assert.equal((await go("/a")).body, "front GET /a");
});

test("a request in absolute form is named by its target and forwarded in origin form", async (t) => {
  const { go } = await named(t, "{ kind: io.l5d.header.token }");
  assert.equal((await go("http://users/7?x=1")).body, "users GET /7?x=1");
});

test("a request without a name is a 400 that says what is missing", async (t) => {
  const { proxy } = await named(t, "{ kind: io.l5d.header.token }");
  const from = await caller(t, proxy.port);
  from.write("GET / HTTP/1.0\r\n\r\n");
  const { status, body, headers } = await from.response();
  assert.equal(status, 400);
  assert.match(
    body,
    /^Unknown destination: GET \/ HTTP\/1\.0, from 127\.0\.0\.1:\d+ \/ Host header is absent/,
  );
  assert.match(headers.get("l5d-err") ?? "", /^Unknown\+destination%3A/);
});

test("an l5d-dtab that cannot be parsed is a 400 with the place of the error", async (t) => {
  const { go } = await named(t, "{ kind: io.l5d.header.token }");
  const { status, body } = await go("/", { Host: "users", "l5d-dtab": "/svc => => /x" });
  assert.equal(status, 400);
  assert.match(body, /^l5d-dtab header is not a dtab: .*(column|offset) \d+/);
});

test("a name that leads nowhere is a 502 with every alternative that was tried", async (t) => {
  const { go } = await named(
    t,
    "{ kind: io.l5d.header.token }",
    "/svc => /#/io.l5d.fs/nobody | /#/io.l5d.fs",
  );
  const { status, body, headers } = await go("/", { Host: "cart" });
  assert.equal(status, 502);
  assert.match(body, /^Unable to route request!\sNo hosts are available for \/svc\/cart/);
  for (const tried of ["/#/io.l5d.fs/nobody/cart", "/#/io.l5d.fs/cart"]) {
    assert.match(body, new RegExp(`^ +${tried}  .*no such name$`, "m"));
  }
  assert.match(body, / {2}switchyard why http:\/\/127\.0\.0\.1:\d+ \/svc\/cart --router http/);
  assert.match(headers.get("l5d-err") ?? "", /^Unable\+to\+route\+request/);
});

test("with errorDetail none no caller sees dtabs, addresses or steps", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      errorDetail: none
      dtab: /svc/secret => /$/inet/127.1/1 ; /svc => /internal/name
      servers: [{ port: 0 }]`,
  );
  for (const host of ["cart", "secret"]) {
    const { status, body, headers } = await ask(proxy.port, "/", { Host: host });
    assert.equal(status, 502);
    assert.doesNotMatch(body + headers.get("l5d-err"), /internal|127|inet/);
    assert.match(body, new RegExp(`service name: /svc/${host}`));
  }
});

test("a call that finds no free connection within bindingTimeoutMs is told so", async (t) => {
  let release: () => void = () => {};
  const isAsked = new Promise<void>((asked) => {
    release = asked;
  });
  const held: ServerResponse[] = [];
  const web = await service(t, (_, response) => {
    held.push(response);
    release();
  });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      bindingTimeoutMs: 60
      dtab: /svc => /$/inet/127.1/${web.port}
      client: { hostConnectionPool: { maxSize: 1 } }
      servers: [{ port: 0 }]`,
  );
  const first = ask(proxy.port, "/first", { Host: "web" });
  await isAsked;
  const second = await ask(proxy.port, "/second", { Host: "web" });
  assert.equal(second.status, 502);
  assert.match(second.body, /no connection to 127\.0\.0\.1:\d+ was free within 60 ms/);
  for (const response of held) response.end("late");
  assert.equal((await first).body, "late");
});

test("a request that passed more proxies than maxCallDepth is refused", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.static/loop
      servers: [{ port: 0, maxCallDepth: 3 }]
    namers: [{ kind: io.l5d.static, names: { loop: ["127.0.0.1:1"] } }]`,
  );
  const via = "1.1 a, 1.1 b, 1.1 c";
  const short = await ask(proxy.port, "/", { Host: "web", Via: via });
  assert.equal(short.status, 502);
  const long = await ask(proxy.port, "/", { Host: "web", Via: `${via}, 1.1 d` });
  assert.equal(long.status, 400);
  assert.match(
    long.body,
    /^Maximum number of calls \(3\) has been exceeded\. Please check for proxy loops\./,
  );
});

test("a router that routes to itself ends with a 400", async (t) => {
  const disco = discovery(t, {});
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs/loop
      allowSelfCalls: true
      servers: [{ port: 0, maxCallDepth: 20 }]`,
  );
  disco.set("loop", [proxy.port]);
  const { status, body } = await ask(proxy.port, "/", { Host: "web" });
  assert.equal(status, 400, body);
  assert.match(body, /^Maximum number of calls/);
  assert.equal(await proxy.metric("rt/http/server/127.0.0.1/0/requests"), 22);
});

test("the verdict of a proxy further on counts even where it is hidden from callers", async (t) => {
  const web = await service(t, (_request, response) => {
    response.setHeader("Via", "1.1 linkerd");
    response.setHeader("l5d-success-class", "0.0");
    response.end("not good");
  });
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0, clearContext: true }]`,
  );
  const answer = await ask(proxy.port, "/", { Host: "web" });
  assert.equal(answer.headers.get("l5d-success-class"), undefined);
  assert.equal(await proxy.metric("rt/http/service/svc/web/failures"), 1);
  assert.equal(await proxy.metric("rt/http/client/#/io.l5d.fs/web/failures"), 1);
});

test("clearContext keeps strangers from steering, and hides everything from them", async (t) => {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0, clearContext: true }]`,
  );
  const headers = { Host: "web", "l5d-dtab": "/svc => /nowhere", "l5d-x": "y" };
  const answer = await ask(proxy.port, "/", headers);
  assert.equal(answer.body, "web");
  assert.deepEqual(
    [...answer.headers.keys()].filter((name) => name.startsWith("l5d-")),
    [],
  );
  assert.equal(web.seen[0]?.headers["l5d-x"], undefined);
  const none = await ask(proxy.port, "/", { Host: "nobody" });
  assert.equal(none.status, 502);
  assert.equal(none.body, "");
});
