// Who a caller is by its certificate: forwarded, logged, and permitted or refused.
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { ask } from "../support/http-request.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { echoClient, echoServer } from "../support/thrift.ts";

interface Setting {
  readonly protocol?: string;
  readonly servicePort: number;
  /** Of the caller's certificate, as OpenSSL writes it. */
  readonly san?: string;
  /** Further keys of the incoming router, of its server, and of its client. */
  readonly router?: string;
  readonly server?: string;
  readonly client?: string;
}

const webSan = "URI:spiffe://example.com/web,DNS:Web.test";

/** An outgoing and an incoming router, with mutual TLS between them. */
async function sidecars(t: TestContext, setting: Setting) {
  const { protocol = "http", servicePort, san = webSan, router = "", server = "" } = setting;
  const authority = testAuthority(t);
  const [own, caller] = [authority.issue("users.test"), authority.issue("web", { san })];
  const port = await deadPort();
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  label: outgoing
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client:
    tls:
      commonName: users.test
      trustCertsBundle: ${authority.caPath}
      clientAuth: { ${filesYaml(caller)} }
- protocol: ${protocol}
  label: incoming
  dtab: /svc => /$/inet/127.0.0.1/${servicePort} ;
  ${router}
  servers:
  - port: ${port}
    tls: { ${filesYaml(own)}, caCertPath: ${authority.caPath}, requireClientAuth: true }
    ${server}
  client: { ${setting.client ?? ""} }
`,
  );
  const certificate = new X509Certificate(readFileSync(caller.certPath));
  const hash = createHash("sha256").update(certificate.raw).digest("hex").toUpperCase();
  const refused = () => proxy.metric(`rt/incoming/server/127.0.0.1/${port}/allow/refused`);
  return { proxy, hash, refused };
}

/** Responds with what it got as the caller's certificate. */
const showing = (t: TestContext) =>
  service(t, ({ headers }, response) => {
    response.end(String(headers["x-forwarded-client-cert"] ?? "nothing"));
  });

const forged = {
  host: "users",
  "X-Forwarded-Client-Cert": "Hash=1;SAN=spiffe://example.com/admin",
};

test("forwardClientCert says who the caller is as Linkerd does, and what callers claim is removed", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await showing(t);
  const client = "forwardClientCert: true";
  const { proxy, hash } = await sidecars(t, { servicePort: users.port, client });
  const expected = `Hash=${hash};SAN=spiffe://example.com/web;DNS=web.test;Subject="CN=web"`;
  assert.equal((await ask(proxy.port, "/", forged)).body, expected);
  assert.equal((await ask(proxy.port, "/", { host: "users" })).body, expected);
});

test("without forwardClientCert, or without a certificate, endpoints get nothing of it", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await showing(t);
  const { proxy } = await sidecars(t, { servicePort: users.port });
  assert.equal((await ask(proxy.port, "/", forged)).body, "nothing");
  const plain = await startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  client: { forwardClientCert: true }
  servers: [{ port: 0 }]
`,
  );
  assert.equal((await ask(plain.port, "/", forged)).body, "nothing");
});

test("names that could pass for other fields are not forwarded", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await showing(t);
  const san = "URI:spiffe://a/x;SAN=spiffe://b/admin,URI:spiffe://a/y";
  const { proxy, hash } = await sidecars(t, {
    servicePort: users.port,
    san,
    client: "forwardClientCert: true",
  });
  const { body } = await ask(proxy.port, "/", { host: "users" });
  assert.equal(body, `Hash=${hash};SAN=spiffe://a/y;Subject="CN=web"`);
});

test("the access log names the caller by its certificate", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await service(t, "hello");
  const folder = testAuthority(t).folder;
  for (const format of ["json", "common"]) {
    const file = join(folder, `access.${format}`);
    const router = `{ httpAccessLog: ${file}, httpAccessLogFormat: ${format} }`.slice(1, -1);
    const { proxy } = await sidecars(t, {
      servicePort: users.port,
      router: router.trim().replace(", ", "\n  "),
    });
    await ask(proxy.port, "/", { host: "users" });
    await proxy.close(1_000);
    const line = readFileSync(file, "utf8");
    if (format === "common")
      assert.match(line, /^users 127\.0\.0\.1 - spiffe:\/\/example\.com\/web \[/);
    else
      assert.equal((JSON.parse(line) as { identity: string }).identity, "spiffe://example.com/web");
  }
});

type Outcome = { readonly ok: true } | { readonly ok: false; readonly words: string };

/** Calls a service through both sidecars. */
const calls: Readonly<
  Record<
    string,
    (t: TestContext, setting: Partial<Setting>) => Promise<Outcome & { refused: number }>
  >
> = {
  async http(t, setting) {
    const users = await service(t, "hello");
    const { proxy, refused } = await sidecars(t, { servicePort: users.port, ...setting });
    const { status, body } = await ask(proxy.port, "/", { host: "users" });
    if (status === 200) return { ok: true, refused: await refused() };
    assert.equal(status, 403);
    return { ok: false, words: body, refused: await refused() };
  },
  async mux(t, setting) {
    const users = await muxService(t, "hello ");
    const { proxy, refused } = await sidecars(t, { servicePort: users.port, ...setting });
    const client = await muxClient(t, proxy.port);
    const { status, text } = await client.dispatch({ payload: "x", dst: "/users" });
    if (status === 0) return { ok: true, refused: await refused() };
    assert.equal(status, 1, "an error: a nack would be sent again");
    return { ok: false, words: text, refused: await refused() };
  },
  thrift: (t, setting) => thriftCall(t, setting),
  thriftmux: (t, setting) => thriftCall(t, setting),
};

async function thriftCall(t: TestContext, setting: Partial<Setting>) {
  const users = await echoServer(t);
  const { proxy, refused } = await sidecars(t, { servicePort: users.port, ...setting });
  try {
    await echoClient(t, proxy.port).echo("hello");
    return { ok: true, refused: await refused() } as const;
  } catch (error) {
    return { ok: false, words: String(error), refused: await refused() } as const;
  }
}

for (const [protocol, call] of Object.entries(calls)) {
  test(`${protocol}: allow lets callers call what their certificates permit, and nothing else`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const permitted = await call(t, {
      protocol,
      server:
        "allow: [{ san: spiffe://example.com/admin }, { san: spiffe://example.com/*, paths: [/svc] }]",
    });
    assert.deepEqual(permitted, { ok: true, refused: 0 });
    const stranger = await call(t, {
      protocol,
      server: "allow: [{ san: spiffe://example.com/admin }]",
    });
    assert.ok(!stranger.ok && stranger.refused === 1);
    assert.match(
      stranger.words,
      /spiffe:\/\/example\.com\/web may not call \/svc\S*: no san there matches \(allow of the server at port \d+\)/,
    );
    const other = await call(t, {
      protocol,
      server: "allow: [{ san: web.test, paths: [/svc/other] }]",
    });
    assert.ok(!other.ok && other.refused === 1);
    assert.match(other.words, /the paths there do not permit it/);
  });
}

test("a resumed connection has the identity of its first handshake", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await service(t, "hello");
  const { proxy, refused } = await sidecars(t, {
    servicePort: users.port,
    server: "allow: [{ san: web.test }]\n    serverSession: { lifeTimeMs: 1 }",
  });
  for (let i = 0; i < 5; i++) {
    assert.equal((await ask(proxy.port, "/", { host: "users" })).status, 200);
  }
  assert.equal(await refused(), 0);
});

test("a dtab does not lead a permitted name to another one", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await service(t, "hello");
  const { proxy } = await sidecars(t, {
    servicePort: users.port,
    server: "allow: [{ san: web.test, paths: [/svc/users] }]",
  });
  const headers = { host: "users", "l5d-dtab": "/svc/users => /svc/admin" };
  const { status, body } = await ask(proxy.port, "/", headers);
  assert.equal(status, 400);
  assert.match(body, /dtab/);
});
