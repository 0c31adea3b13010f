// TLS for callers, with OpenSSL and curl as callers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "node:tls";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { service } from "../support/service.ts";
import { binary, framed } from "../support/thrift-bytes.ts";
import { until } from "../support/until.ts";

async function server(t: TestContext, tls: string, protocol = "http"): Promise<TestProxy> {
  const users = await service(t, (request, response) => {
    response.end(`${request.method} ${request.url}\n`);
  });
  return startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  servers: [{ port: 0, tls: { ${tls} } }]
`,
  );
}

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Runs a program without blocking the proxy, which lives in this process. */
function run(program: string, args: readonly string[], input = ""): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, text }));
    child.stdin.end(input);
  });
}

const curl = (port: number, ca: string, ...more: string[]) =>
  run("curl", [
    "-sS",
    "--max-time",
    "10",
    "--cacert",
    ca,
    "--resolve",
    `users.test:${port}:127.0.0.1`,
    ...more,
    `https://users.test:${port}/path`,
  ]);

const s_client = (port: number, ...more: string[]) =>
  run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...more], "Q\n");

test("curl is served, over every version of TLS that the server has, with both types of keys", async (t) => {
  if (!hasPeer(t, "openssl") || !hasPeer(t, "curl")) return;
  const authority = testAuthority(t);
  for (const key of ["ec", "rsa"] as const) {
    const issued = authority.issue("users.test", { key });
    const proxy = await server(t, filesYaml(issued));
    for (const version of ["1.2", "1.3"]) {
      const only = [`--tlsv${version}`, "--tls-max", version];
      const got = await curl(proxy.port, authority.caPath, ...only);
      assert.deepEqual(got, { code: 0, text: "GET /path\n" }, `${key} ${version}`);
    }
    const old = await s_client(proxy.port, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
    assert.match(old.text, /alert protocol version|no protocols available/);
  }
});

test("http/1.1 is chosen by ALPN, a caller that only speaks HTTP/2 is refused", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const proxy = await server(t, filesYaml(testAuthority(t).issue("users.test")));
  const both = await s_client(proxy.port, "-alpn", "h2,http/1.1");
  assert.match(both.text, /ALPN protocol: http\/1\.1/);
  const other = await s_client(proxy.port, "-alpn", "h2");
  assert.match(other.text, /no application protocol/);
});

test("sessions are resumed", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const proxy = await server(t, filesYaml(testAuthority(t).issue("users.test")));
  const { text } = await s_client(proxy.port, "-tls1_2", "-reconnect");
  assert.equal(text.match(/^Reused, TLSv1\.2/gm)?.length, 5);
});

test("the certificate is chosen by the name that the caller asks for", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const main = authority.issue("main.test");
  const shop = authority.issue("shop.test");
  const wild = authority.issue("wild.test", { san: "DNS:*.wild.test,DNS:b.shop.test" });
  const others = [shop, wild].map((issued) => `{ ${filesYaml(issued)} }`).join(", ");
  const proxy = await server(t, `${filesYaml(main)}, certificates: [${others}]`);
  const presented = async (...name: string[]) => {
    const { text } = await s_client(proxy.port, ...name);
    return /subject=CN = (\S+)/.exec(text)?.[1];
  };
  assert.equal(await presented("-noservername"), "main.test");
  assert.equal(await presented("-servername", "main.test"), "main.test");
  assert.equal(await presented("-servername", "SHOP.test"), "shop.test");
  assert.equal(await presented("-servername", "a.wild.test"), "wild.test");
  assert.equal(await presented("-servername", "b.shop.test"), "wild.test");
  assert.equal(await presented("-servername", "a.b.wild.test"), "main.test");
  assert.equal(await presented("-servername", "unknown"), "main.test");
});

test("with requireClientAuth only callers with a certificate of the CA are served", async (t) => {
  if (!hasPeer(t, "openssl") || !hasPeer(t, "curl")) return;
  const authority = testAuthority(t);
  const users = authority.issue("users.test");
  const proxy = await server(
    t,
    `${filesYaml(users)}, caCertPath: ${authority.caPath}, requireClientAuth: true`,
  );
  const as = ({ certPath, keyPath }: { certPath: string; keyPath: string }) =>
    curl(proxy.port, authority.caPath, "--cert", certPath, "--key", keyPath);
  assert.deepEqual(await as(authority.issue("good.test")), { code: 0, text: "GET /path\n" });
  const refused: readonly (readonly [problem: RegExp, ended: () => Promise<Ended>])[] = [
    [/no certificate, which requireClientAuth demands/, () => curl(proxy.port, authority.caPath)],
    [/not accepted: it has expired/, () => as(authority.issue("old.test", { days: -1 }))],
    [/its CA is not trusted/, () => as(testAuthority(t).issue("good.test"))],
  ];
  for (const [i, [, attempt]] of refused.entries()) {
    assert.notEqual((await attempt()).code, 0);
    const name = `rt/http/server/127.0.0.1/${proxy.port}/tls/handshake_failures`;
    await until(
      () => proxy.metric(name),
      (count) => count === i + 1,
      "a counted failure",
    );
  }
  // One line in ten seconds: the first.
  const logged = proxy.events.filter(({ event }) => event === "TLS handshake failed");
  assert.equal(logged.length, 1);
  assert.match(String(logged[0]?.["problem"]), refused[0]?.[0] ?? /never/);
});

for (const [what, days, foreign, problem] of [
  [
    "an expired certificate",
    -1,
    false,
    /presented a certificate that is not accepted: it has expired/,
  ],
  ["a certificate of another CA", 30, true, /its CA is not trusted, or an intermediate/],
] as const) {
  test(`the log says that a caller presented ${what}`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const authority = testAuthority(t);
    const users = filesYaml(authority.issue("users.test"));
    const proxy = await server(
      t,
      `${users}, caCertPath: ${authority.caPath}, requireClientAuth: true`,
    );
    const from = foreign ? testAuthority(t) : authority;
    const { certPath, keyPath } = from.issue("caller.test", { days });
    await s_client(proxy.port, "-cert", certPath, "-key", keyPath);
    const event = await until(
      () => proxy.events.find((each) => each["event"] === "TLS handshake failed"),
      (found) => found !== undefined,
      "a line in the log",
    );
    assert.match(String(event?.["problem"]), problem);
    assert.equal(event?.["caller"], "127.0.0.1");
  });
}

test("ciphers and versions are those of the configuration, by either name", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = filesYaml(testAuthority(t).issue("users.test", { key: "rsa" }));
  const ciphers = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, ECDHE-RSA-AES128-SHA256";
  const proxy = await server(t, `${users}, ciphers: [${ciphers}], protocols: [TLSv1.2]`);
  const chosen = async (...more: string[]) => (await s_client(proxy.port, ...more)).text;
  assert.match(await chosen(), /New, TLSv1\.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384/);
  assert.match(await chosen("-cipher", "ECDHE-RSA-AES128-SHA256"), /ECDHE-RSA-AES128-SHA256/);
  assert.match(await chosen("-cipher", "ECDHE-RSA-CHACHA20-POLY1305"), /handshake failure/);
  assert.match(await chosen("-tls1_3"), /protocol version/);
});

test("renegotiation is refused", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const proxy = await server(t, filesYaml(testAuthority(t).issue("users.test")));
  const socket = connect({
    port: proxy.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
  });
  let renegotiated = false;
  socket.on("secureConnect", () => {
    socket.renegotiate({}, (error) => (renegotiated = error === null));
  });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  assert.equal(renegotiated, false);
});

test("a caller that speaks plain HTTP to a TLS port gets a response that says so, and a line in the log", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const proxy = await server(t, filesYaml(testAuthority(t).issue("users.test")));
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const response = await caller.message();
  assert.match(response, /^HTTP\/1\.1 400 /);
  assert.match(response, /this port speaks TLS: use https, or client\.tls\n$/);
  assert.equal(await caller.rest(), "");
  caller.end();
  await caller.closed();
  const logged = proxy.events.filter(({ event }) => event === "TLS handshake failed");
  assert.deepEqual(
    logged.map(({ problem }) => problem),
    ["speaks plain text to a port that speaks TLS"],
  );
});

const plainCalls: readonly (readonly [protocol: string, call: Buffer])[] = [
  ["thrift", framed(binary({ method: "ping", seqid: 7 }))],
  ["thriftmux", framed(binary({ method: "ping", seqid: 7 }))],
  ["mux", Buffer.of(0, 0, 0, 4, 65, 0, 0, 1)],
];

for (const [protocol, call] of plainCalls) {
  test(`${protocol}: a caller that speaks plain text to a TLS port gets an error in its own protocol`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const proxy = await server(t, filesYaml(testAuthority(t).issue("users.test")), protocol);
    const caller = rawCaller(t, proxy.port);
    caller.send(call);
    assert.match(await caller.rest(), /the caller speaks plain text, and this port speaks TLS/);
    caller.end();
    await caller.closed();
    assert.ok(proxy.events.some(({ problem }) => /speaks plain text/.test(String(problem))));
  });
}

test("early data (0-RTT) is neither offered nor taken", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const proxy = await server(t, filesYaml(authority.issue("users.test")));
  const [session, early] = ["session", "early"].map((name) => `${authority.folder}/${name}`);
  authority.write("early", "GET /early HTTP/1.1\r\nHost: users\r\nConnection: close\r\n\r\n");
  const request = "GET /first HTTP/1.1\r\nHost: users\r\nConnection: close\r\n\r\n";
  const to = ["s_client", "-connect", `127.0.0.1:${proxy.port}`, "-tls1_3", "-ign_eof"];
  const first = await run("openssl", [...to, "-sess_out", session ?? ""], request);
  assert.match(first.text, /GET \/first/);
  assert.match(first.text, /Max Early Data: 0/);
  const second = ["-sess_in", session ?? "", "-early_data", early ?? ""];
  const { text } = await run("openssl", [...to, ...second], request);
  assert.doesNotMatch(text, /GET \/early\n/);
  assert.doesNotMatch(text, /Early data was accepted/);
});

test("a key with a passphrase, without permission to read it, or without a key prevents the start", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const issued = authority.issue("users.test");
  const secret = "open sesame";
  const pem = createPrivateKey(readFileSync(issued.keyPath)).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: secret,
  });
  const refused = async (name: string, text: string, words: RegExp) => {
    authority.write(name, text);
    const keyPath = `${authority.folder}/${name}`;
    await assert.rejects(server(t, filesYaml({ ...issued, keyPath })), (error: Error) => {
      assert.match(error.message, words);
      assert.ok(!error.message.includes(text.slice(40, 80)), "no part of the key is shown");
      return true;
    });
  };
  await refused("locked.key", pem.toString(), /locked\.key has a passphrase: store it without one/);
  await refused("broken.key", pem.toString().slice(0, 100), /passphrase|no private key/);
  await refused(
    "text.key",
    "this is no key at all, and it is longer than forty characters\n",
    /has no private key in PEM format/,
  );
  const folder = { ...issued, keyPath: authority.folder };
  await assert.rejects(server(t, filesYaml(folder)), /cannot read|EISDIR|directory/);
});

test("a key that does not belong to its certificate prevents the start, and so does a missing file", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const [one, two] = [authority.issue("one.test"), authority.issue("two.test")];
  const mixed = { certPath: one.certPath, keyPath: two.keyPath };
  await assert.rejects(server(t, filesYaml(mixed)), (error: Error) => {
    return (
      error.message === `the key ${two.keyPath} does not belong to the certificate ${one.certPath}`
    );
  });
  const missing = { ...one, keyPath: `${one.keyPath}.not` };
  await assert.rejects(
    server(t, filesYaml(missing)),
    /cannot read .*key\.not: there is no such file/,
  );
  const wrong = `${filesYaml(one)}, ciphers: [NO-SUCH-CIPHER]`;
  await assert.rejects(server(t, wrong), /OpenSSL refuses ciphers NO-SUCH-CIPHER: /);
});

test("admin.tls: the pages are served by HTTPS, to those with a certificate", async (t) => {
  if (!hasPeer(t, "openssl") || !hasPeer(t, "curl")) return;
  const authority = testAuthority(t);
  const admin = authority.issue("users.test", { san: "DNS:localhost" });
  const operator = authority.issue("operator.test");
  const users = await service(t, "hello");
  const proxy = await startProxy(
    t,
    `
admin: { port: 0, tls: { ${filesYaml(admin)}, caCertPath: ${authority.caPath}, requireClientAuth: true } }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  servers: [{ port: 0 }]
`,
  );
  const ping = (...more: string[]) =>
    run("curl", [
      "-sS",
      "--max-time",
      "10",
      "--cacert",
      authority.caPath,
      ...more,
      `https://localhost:${proxy.adminPort}/admin/ping`,
    ]);
  const good = await ping("--cert", operator.certPath, "--key", operator.keyPath);
  assert.deepEqual(good, { code: 0, text: "pong" });
  assert.notEqual((await ping()).code, 0);
  const plain = await run("curl", ["-sS", `http://localhost:${proxy.adminPort}/admin/ping`]);
  assert.notEqual(plain.code, 0);
});

test("admin.tls: half-done handshakes are bounded in number and in time", async (t) => {
  const admin = testAuthority(t).issue("users.test", { san: "DNS:localhost" });
  const keys = `${filesYaml(admin)}, maxHandshakes: 2, handshakeTimeoutMs: 2000`;
  const proxy = await startProxy(
    t,
    `
admin: { port: 0, tls: { ${keys} } }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/1 ;
  servers: [{ port: 0 }]
`,
  );
  const first = rawCaller(t, proxy.adminPort);
  await until(
    () => first.socket.connecting,
    (isConnecting) => !isConnecting,
    "the first is connected",
  );
  const others = [1, 2].map(() => rawCaller(t, proxy.adminPort));
  await until(
    () => first.hasEnded,
    (hasEnded) => hasEnded,
    "the oldest makes room",
  );
  assert.deepEqual(
    others.map(({ hasEnded }) => hasEnded),
    [false, false],
  );
  await until(
    () => others.every(({ hasEnded }) => hasEnded),
    (haveEnded) => haveEnded,
    "those that never finish are closed in time",
  );
});
