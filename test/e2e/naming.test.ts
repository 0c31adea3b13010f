// Namers, transformers and the names of /$/, seen from outside.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const clientSeen = ({ seen }: TestService): unknown => seen.at(-1)?.headers["l5d-dst-client"];

/** One router, `sections` as they stand in its file, and its service. */
async function oneService(t: TestContext, sections: (port: number, rootDir: string) => string) {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(t, sections(web.port, rootDir));
  const go = (host: string, target = "/") => ask(proxy.port, target, { Host: host });
  return { web, go, proxy };
}

const dtabOnly = (dtab: (port: number) => string) => (port: number) =>
  `
    routers: [{ protocol: http, dtab: "${dtab(port)}", servers: [{ port: 0 }] }]`;

test("/$/inet names an address, 127.1 as the article writes it", async (t) => {
  const { go, web } = await oneService(
    t,
    dtabOnly((port) => `/svc => /$/inet/127.1/${port}`),
  );
  assert.equal((await go("whatever")).body, "web");
  assert.match(String(clientSeen(web)), /^\/\$\/inet\/127\.1\/\d+$/);
});

test("/$/inet resolves host names", async (t) => {
  const { go } = await oneService(
    t,
    dtabOnly((port) => `/svc => /$/inet/localhost/${port}`),
  );
  assert.equal((await go("whatever")).body, "web");
});

test("/$/io.buoyant.rinet takes port before host", async (t) => {
  const { go } = await oneService(
    t,
    dtabOnly((port) => `/svc => /$/io.buoyant.rinet/${port}/127.0.0.1`),
  );
  assert.equal((await go("whatever")).body, "web");
});

test("the static namer has its addresses in the configuration", async (t) => {
  const { go, web } = await oneService(
    t,
    (port) => `
    namers: [{ kind: io.l5d.static, names: { web: ["127.0.0.1:${port}"] } }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.static", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await go("web")).body, "web");
  assert.equal(clientSeen(web), "/#/io.l5d.static/web");
  assert.equal((await go("unknown")).status, 502);
});

test("the rewrite namer takes names apart by a pattern", async (t) => {
  const { go, web } = await oneService(
    t,
    (_, rootDir) => `
    namers:
    - { kind: io.l5d.fs, rootDir: ${rootDir} }
    - { kind: io.l5d.rewrite, prefix: /rewrite, pattern: "/{service}.example", name: "/#/io.l5d.fs/{service}" }
    routers: [{ protocol: http, dtab: "/svc => /#/rewrite", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await go("web.example")).body, "web");
  assert.equal(clientSeen(web), "/#/io.l5d.fs/web");
  assert.equal((await go("web")).status, 502);
});

for (const [rewriter, host] of [
  ["/svc => /$/io.buoyant.http.anyMethodPfx/any ; /any => /#/io.l5d.fs/web", "GET"],
  [
    "/svc => /$/io.buoyant.http.subdomainOfPfx/example.com/fs ; /fs => /#/io.l5d.fs",
    "web.example.com",
  ],
  [
    "/svc => /$/io.buoyant.http.subdomainOfPfx/example.com/fs ; /fs => /#/io.l5d.fs",
    "web.example.com:8080",
  ],
  ["/svc => /$/io.buoyant.hostportPfx/hp ; /hp/*/8080 => /#/io.l5d.fs/web", "anything:8080"],
  ["/svc => /$/io.buoyant.porthostPfx/ph ; /ph/8080 => /#/io.l5d.fs", "web:8080"],
  [
    "/svc => /$/io.buoyant.http.domainToPathPfx/dp ; /dp/com/example => /#/io.l5d.fs",
    "web.example.com",
  ],
  ["/svc => /$/io.buoyant.http.anyHostPfx/any ; /any => /#/io.l5d.fs/web", "anything"],
] as const) {
  test(`${rewriter.split(" ")[2]} finds the service behind ${host}`, async (t) => {
    const { go } = await oneService(
      t,
      (_, rootDir) => `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers: [{ protocol: http, dtab: "${rewriter}", servers: [{ port: 0 }] }]`,
    );
    assert.equal((await go(host)).body, "web");
  });
}

test("a transformer of a namer stands in front of the ids it changes", async (t) => {
  const { go, web } = await oneService(
    t,
    (port, rootDir) => `
    namers:
    - kind: io.l5d.fs
      rootDir: ${rootDir}
      transformers: [{ kind: io.l5d.localhost }, { kind: io.l5d.port, port: ${port} }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await go("web")).body, "web");
  assert.equal(clientSeen(web), `/%/io.l5d.port/${web.port}/%/io.l5d.localhost/#/io.l5d.fs/web`);
});

test("a transformer of the interpreter changes what every name is bound to", async (t) => {
  const { go, web } = await oneService(
    t,
    (port) => `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/1
      interpreter:
        kind: default
        transformers: [{ kind: io.l5d.port, port: ${port} }]
      servers: [{ port: 0 }]`,
  );
  assert.equal((await go("web")).body, "web");
  assert.equal(clientSeen(web), `/%/io.l5d.port/${web.port}/$/inet/127.1/1`);
});

test("specificHost leaves no address of another host", async (t) => {
  const { go } = await oneService(
    t,
    (_, rootDir) => `
    namers:
    - kind: io.l5d.fs
      rootDir: ${rootDir}
      transformers: [{ kind: io.l5d.specificHost, host: 127.0.0.9 }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await go("web")).status, 502);
});

test("const and replace put another name in the place of what was found", async (t) => {
  for (const [kind, unknown] of [
    ["io.l5d.const", 200],
    ["io.l5d.replace", 502],
  ] as const) {
    await t.test(kind, async (each) => {
      const { go, web } = await oneService(
        each,
        (port, rootDir) => `
    namers:
    - kind: io.l5d.fs
      rootDir: ${rootDir}
      transformers: [{ kind: ${kind}, path: /$/inet/127.1/${port} }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
      );
      assert.equal((await go("web")).body, "web");
      assert.equal(clientSeen(web), `/%/${kind}/$/inet/127.1/${web.port}`);
      assert.equal((await go("unknown")).status, unknown);
    });
  }
});
