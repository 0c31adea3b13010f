// TLS to endpoints: whom the proxy trusts, what it says when it does not, and bodies that are cut off.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createServer } from "node:tls";
import type { TLSSocket, TlsOptions } from "node:tls";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import type { Issued } from "../support/certificates.ts";
import { discovery } from "../support/discovery.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort, service } from "../support/service.ts";
import { until } from "../support/until.ts";

interface Endpoint {
  readonly port: number;
  /** What callers asked for by SNI. */
  readonly names: (string | false | null)[];
  readonly resumed: boolean[];
  received: string;
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/** An HTTP endpoint that responds to each request as `respond` does. */
async function endpoint(
  t: TestContext,
  { certPath, keyPath }: Issued,
  respond: (socket: TLSSocket) => void = (socket) => void socket.write(hello),
  more: TlsOptions = {},
): Promise<Endpoint> {
  const files = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
  const found: Endpoint = { port: 0, names: [], resumed: [], received: "" };
  const sockets = new Set<TLSSocket>();
  const server = createServer({ ...files, ...more }, (socket) => {
    sockets.add(socket);
    found.names.push((socket as { servername?: string | false | null }).servername ?? null);
    found.resumed.push(socket.isSessionReused());
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      found.received += chunk.toString("latin1");
      respond(socket);
    });
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(found, { port: (server.address() as AddressInfo).port });
}

function proxyTo(t: TestContext, port: number, tls: string, more = "") {
  return startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client: { tls: { ${tls} }${more} }
`,
  );
}

const get = async (port: number, host = "users") => {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: "close", host },
  });
  return { status: response.status, text: await response.text() };
};

test("the commonName of an endpoint is made of captures of its prefix, and is what is asked for", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const users = await endpoint(t, authority.issue("users.test"));
  const orders = await endpoint(t, authority.issue("orders.test"));
  const plain = await service(t, "plain");
  const disco = discovery(t, { users: [users.port], orders: [orders.port], old: [plain.port] });
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]
  client:
    kind: io.l5d.static
    configs:
    - prefix: /#/io.l5d.fs/{service}
      tls: { commonName: "{service}.test", trustCerts: [${authority.caPath}] }
    - prefix: /#/io.l5d.fs/old
      tls: { enabled: false }
`,
  );
  for (const name of ["users", "orders"]) {
    const response = await fetch(`http://127.0.0.1:${proxy.port}/`, {
      headers: { "l5d-dtab": `/svc => /#/io.l5d.fs/${name}` },
    });
    assert.equal(await response.text(), "hello");
  }
  const old = await fetch(`http://127.0.0.1:${proxy.port}/`, {
    headers: { "l5d-dtab": "/svc => /#/io.l5d.fs/old" },
  });
  assert.equal(await old.text(), "plain");
  assert.deepEqual([users.names, orders.names], [["users.test"], ["orders.test"]]);
});

const rejected: readonly (readonly [
  what: string,
  commonName: string,
  wish: { readonly days?: number; readonly san?: string; readonly isForeign?: boolean },
  detail: RegExp,
])[] = [
  [
    "for another name",
    "users.test",
    { san: "DNS:orders.test" },
    /its certificate, for DNS:orders\.test, valid from .* to .*, does not name users\.test \(client\.tls at test\.yaml:\d+, commonName users\.test\)/,
  ],
  [
    "that names it only in its subject",
    "endpoint",
    { san: "" },
    /for no names, but for its subject CN=endpoint, .* does not name endpoint/,
  ],
  ["that has expired", "endpoint", { days: -1 }, /valid from .*, is not accepted: it has expired/],
  ["of another CA", "endpoint", { isForeign: true }, /is not accepted: its CA is not trusted/],
  ["for another IP address", "127.0.0.1", { san: "IP:127.0.0.2" }, /does not name 127\.0\.0\.1/],
  [
    "for another workload",
    "spiffe://a/users",
    { san: "URI:spiffe://a/orders" },
    /does not name spiffe:\/\/a\/users/,
  ],
];

for (const [what, commonName, wish, detail] of rejected) {
  test(`an endpoint with a certificate ${what} gets no byte of a call, and the failure says why`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const authority = testAuthority(t);
    const from = wish.isForeign === true ? testAuthority(t) : authority;
    const wrong = await endpoint(t, from.issue("endpoint", wish));
    const tls = `commonName: "${commonName}", trustCertsBundle: ${authority.caPath}`;
    const proxy = await proxyTo(t, wrong.port, tls);
    const { status, text } = await get(proxy.port);
    assert.equal(status, 502);
    assert.match(text, detail);
    assert.equal(wrong.received, "");
    const client = `rt/http/client/$/inet/127.0.0.1/${wrong.port}`;
    assert.ok((await proxy.metric(`${client}/failures`)) > 0);
  });
}

const accepted: readonly (readonly [what: string, commonName: string, san: string])[] = [
  ["a wildcard", "a.users.test", "DNS:*.users.test"],
  ["an IP address", "127.0.0.1", "IP:127.0.0.1"],
  ["a workload's URI", "spiffe://a/users", "DNS:b,URI:spiffe://a/users"],
];

for (const [what, commonName, san] of accepted) {
  test(`an endpoint may be named by ${what}`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const authority = testAuthority(t);
    const good = await endpoint(t, authority.issue("endpoint", { san }));
    const tls = `commonName: "${commonName}", trustCertsBundle: ${authority.caPath}`;
    assert.deepEqual(await get((await proxyTo(t, good.port, tls)).port), {
      status: 200,
      text: "hello",
    });
  });
}

test("an endpoint with the wrong certificate is ejected, as one that refuses connections", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const good = await endpoint(t, authority.issue("users.test"));
  const wrong = await endpoint(t, authority.issue("orders.test"));
  const disco = discovery(t, { users: [good.port, wrong.port] });
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs/users ;
  servers: [{ port: 0 }]
  client:
    failureAccrual: { kind: io.l5d.consecutiveFailures, failures: 1 }
    tls: { commonName: users.test, trustCertsBundle: ${authority.caPath} }
`,
  );
  for (let i = 0; i < 20; i++) assert.equal((await get(proxy.port)).text, "hello");
  assert.equal(wrong.received, "");
  assert.ok(proxy.events.some(({ event }) => event === "endpoint ejected"));
});

test("a certificate that expires while the proxy runs is not accepted any more, nor is its session", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const { caPath, issueUntil } = authority;
  const users = await endpoint(t, issueUntil("users.test", new Date(Date.now() + 3_000)));
  const tls = `commonName: users.test, trustCertsBundle: ${caPath}`;
  const proxy = await proxyTo(t, users.port, tls, ", clientSession: { lifeTimeMs: 1 }");
  const first = await get(proxy.port);
  assert.equal(first.status, 200, first.text);
  const { text } = await until(
    () => get(proxy.port),
    ({ status }) => status === 502,
    "the certificate has expired",
  );
  assert.match(text, /for DNS:users\.test, valid from .* is not accepted: it has expired/);
  assert.match(text, /client\.tls at test\.yaml:\d+/);
});

test("a certificate that is not valid yet, as when the clock is late, is not accepted", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const soon = new Date(Date.now() + 3_600_000);
  const until = new Date(Date.now() + 7_200_000);
  const users = await endpoint(t, authority.issueUntil("users.test", until, soon));
  const proxy = await proxyTo(
    t,
    users.port,
    `commonName: users.test, trustCertsBundle: ${authority.caPath}`,
  );
  assert.match((await get(proxy.port)).text, /is not accepted: it is not valid yet/);
});

test("a common name counts only where allowSubjectName says so, and no DNS name contradicts it", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const named = await endpoint(t, authority.issue("users.test", { san: "" }));
  const other = await endpoint(t, authority.issue("orders.test", { san: "DNS:other.test" }));
  const trusted = `trustCertsBundle: ${authority.caPath}`;
  const allowed = `allowSubjectName: true, ${trusted}`;
  const strict = await proxyTo(t, named.port, `commonName: users.test, ${trusted}`);
  assert.match((await get(strict.port)).text, /does not name users\.test/);
  const lenient = await proxyTo(t, named.port, `commonName: users.test, ${allowed}`);
  assert.equal((await get(lenient.port)).status, 200);
  const contradicted = await proxyTo(t, other.port, `commonName: orders.test, ${allowed}`);
  assert.match((await get(contradicted.port)).text, /does not name orders\.test/);
});

test("disableValidation accepts any certificate", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const any = await endpoint(t, testAuthority(t).issue("any", { days: -1 }));
  const proxy = await proxyTo(t, any.port, "disableValidation: true");
  assert.equal((await get(proxy.port)).text, "hello");
  assert.deepEqual(any.names, [false]);
});

test("an endpoint that does not speak TLS, or hangs up, is said to do so", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const tls = `commonName: users.test, trustCertsBundle: ${testAuthority(t).caPath}`;
  const plain = await service(t, "plain");
  assert.match(
    (await get((await proxyTo(t, plain.port, tls)).port)).text,
    /no TLS connection to .*: it does not speak TLS/,
  );
  const silent = createTcpServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  assert.match(
    (await get((await proxyTo(t, port, tls)).port)).text,
    /it closed the connection during the TLS handshake/,
  );
  const none = await deadPort();
  assert.match((await get((await proxyTo(t, none, tls)).port)).text, /refused the connection/);
});

test("a handshake that does not end is bounded by connectTimeoutMs", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const tls = `commonName: users.test, trustCertsBundle: ${testAuthority(t).caPath}`;
  const sockets: { destroy(): void }[] = [];
  const silent = createTcpServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = silent.address() as AddressInfo;
  const proxy = await proxyTo(t, port, tls, ", connectTimeoutMs: 50");
  assert.match((await get(proxy.port)).text, /did not complete a TLS handshake within 50 ms/);
});

/** A body that ends with the connection: only TLS can say that it was all. */
const untilClosed = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";

test("a body that ends with TLS's close_notify is whole; one whose connection is just closed is an error", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const issued = authority.issue("users.test");
  const tls = `commonName: users.test, trustCertsBundle: ${authority.caPath}`;
  const polite = await endpoint(t, issued, (socket) => socket.end(untilClosed));
  const whole = await proxyTo(t, polite.port, tls);
  assert.deepEqual(await get(whole.port), { status: 200, text: "hello" });
  const cut = await endpoint(t, issued, (socket) =>
    socket.write(untilClosed, () => socket.destroy()),
  );
  const proxy = await proxyTo(t, cut.port, tls);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: users\r\n\r\n");
  const response = await caller.rest();
  caller.end();
  assert.match(response, /\r\n\r\n5\r\nhello\r\n$/); // without the last chunk
});

test("a body with a length is whole, however its connection ends", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const cut = await endpoint(t, authority.issue("users.test"), (socket) =>
    socket.write(hello, () => socket.destroy()),
  );
  const proxy = await proxyTo(
    t,
    cut.port,
    `commonName: users.test, trustCertsBundle: ${authority.caPath}`,
  );
  for (let i = 0; i < 3; i++) assert.equal((await get(proxy.port)).text, "hello");
});

test("sessions with an endpoint are resumed", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const closing = await endpoint(t, authority.issue("users.test"), (socket) =>
    socket.end(untilClosed),
  );
  const proxy = await proxyTo(
    t,
    closing.port,
    `commonName: users.test, trustCertsBundle: ${authority.caPath}`,
  );
  for (let i = 0; i < 3; i++) assert.equal((await get(proxy.port)).text, "hello");
  assert.deepEqual(closing.resumed, [false, true, true]);
});

test("openssl s_server is called, and gets the certificate that it demands", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const { certPath, keyPath } = authority.issue("users.test");
  const own = authority.issue("caller.test");
  const port = await deadPort();
  const s_server = spawn(
    "openssl",
    [
      "s_server",
      "-accept",
      `127.0.0.1:${port}`,
      "-cert",
      certPath,
      "-key",
      keyPath,
      "-CAfile",
      authority.caPath,
      "-Verify",
      "2",
      "-verify_return_error",
      "-www",
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  t.after(() => s_server.kill());
  await new Promise((resolve) => s_server.stdout.once("data", resolve));
  const tls = `commonName: users.test, trustCertsBundle: ${authority.caPath}`;
  const proxy = await proxyTo(t, port, `${tls}, clientAuth: { ${filesYaml(own)} }`);
  const { status, text } = await until(
    () => get(proxy.port),
    (got) => got.status === 200,
    "a response of s_server",
  );
  assert.equal(status, 200);
  assert.match(text, /Subject: CN ?= ?caller\.test/);
});

test("an endpoint that demands a certificate which the proxy does not have is said to do so", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const strict = { requestCert: true, rejectUnauthorized: true };
  const issued = authority.issue("users.test");
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const demanding = await endpoint(t, issued, undefined, strict);
    const tls = `commonName: users.test, trustCertsBundle: ${authority.caPath}, protocols: [${version}]`;
    const { status, text } = await get((await proxyTo(t, demanding.port, tls)).port);
    assert.equal(status, 502);
    assert.match(
      text,
      /wants a certificate \(clientAuth\)|the peer ended TLS: certificate required/,
    );
    assert.equal(demanding.received, "");
  }
});

test("keys are in no page, no line of the log and no failure", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const own = authority.issue("caller.test");
  const wrong = await endpoint(t, authority.issue("orders.test"));
  const tls = `commonName: users.test, trustCertsBundle: ${authority.caPath}`;
  const proxy = await proxyTo(t, wrong.port, `${tls}, clientAuth: { ${filesYaml(own)} }`);
  const { text } = await get(proxy.port);
  const pages = [
    "/config.json",
    "/http/policy.json?path=/svc/users",
    "/client_state.json",
    "/admin/metrics.json",
  ];
  const shown = [
    text,
    JSON.stringify(proxy.events),
    ...(await Promise.all(pages.map(proxy.admin))),
  ];
  const secret = readFileSync(own.keyPath, "utf8").split("\n")[1] ?? assert.fail("no key");
  for (const each of shown) assert.ok(!each.includes(secret) && !each.includes("PRIVATE"));
});
