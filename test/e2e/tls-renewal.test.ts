// Certificates that change while calls flow.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { until } from "../support/until.ts";

/** The serial number of the certificate that a port presents. */
function presented(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
  });
}

function logged(proxy: TestProxy, event: string): Promise<unknown> {
  const is = (each: Readonly<Record<string, unknown>>) => each["event"] === event;
  return until(
    () => proxy.events.find(is),
    (found) => found !== undefined,
    event,
  );
}

test("no call is lost while both sidecars of a call get new certificates", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const [server, client] = [authority.issue("users.test"), authority.issue("caller.test")];
  const users = await service(t, "hello");
  const port = await deadPort();
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  label: outgoing
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client:
    clientSession: { lifeTimeMs: 100 }
    tls:
      commonName: users.test
      trustCertsBundle: ${authority.caPath}
      clientAuth: { ${filesYaml(client)} }
- protocol: http
  label: incoming
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  servers:
  - port: ${port}
    tls: { ${filesYaml(server)}, caCertPath: ${authority.caPath}, requireClientAuth: true }
`,
  );
  const seen = new Set<number>();
  const state = { isDone: false, calls: 0 };
  const calling = Array.from({ length: 4 }, async () => {
    while (!state.isDone) {
      const response = await fetch(`http://127.0.0.1:${proxy.port}/`);
      assert.equal(await response.text(), "hello");
      seen.add(response.status);
      state.calls++;
    }
  });
  for (const name of ["users.test", "caller.test"]) authority.issue(name);
  await until(
    () => proxy.events.filter(({ event }) => event === "certificate files reloaded").length,
    (count) => count >= 2,
    "both pairs reloaded",
  );
  const before = state.calls;
  await until(
    () => state.calls,
    (calls) => calls > before + 50,
    "calls with the new certificates",
  );
  state.isDone = true;
  await Promise.all(calling);
  assert.deepEqual([...seen], [200]);
  assert.equal(
    await proxy.metric(`rt/incoming/server/127.0.0.1/${port}/tls/handshake_failures`),
    0,
  );
});

test("a pair that does not fit leaves the old one in use, and is read again; a moved link is followed", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const at = (...parts: string[]) => join(authority.folder, ...parts);
  // As Kubernetes mounts a secret: files lead through a link that moves.
  const publish = (version: string, key: string) => {
    const { certPath } = authority.issue(version, { san: "DNS:users.test" });
    mkdirSync(at(`..${version}`));
    copyFileSync(certPath, at(`..${version}`, "tls.crt"));
    copyFileSync(at(`${key}.key`), at(`..${version}`, "tls.key"));
    symlinkSync(`..${version}`, at("..data_tmp"));
    renameSync(at("..data_tmp"), at("..data"));
  };
  publish("one", "one");
  symlinkSync("..data/tls.crt", at("tls.crt"));
  symlinkSync("..data/tls.key", at("tls.key"));
  const users = await service(t, "hello");
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  servers: [{ port: 0, tls: { certPath: ${at("tls.crt")}, keyPath: ${at("tls.key")} } }]
`,
  );
  const first = await presented(proxy.port);
  const failing = `tls${at("tls.crt")}/reload_failing`;
  assert.equal(await proxy.metric(failing), 0);
  publish("two", "one");
  await logged(proxy, "certificate files not usable");
  assert.equal(await presented(proxy.port), first);
  assert.equal(await proxy.metric(failing), 1);
  writeFileSync(at("..two", "tls.crt"), "no certificate");
  publish("three", "three");
  await logged(proxy, "certificate files reloaded");
  assert.notEqual(await presented(proxy.port), first);
  assert.equal(await proxy.metric(failing), 0);
  const seconds = await proxy.metric(`tls${at("tls.crt")}/not_after_seconds`);
  const days = (seconds * 1000 - Date.now()) / 86_400_000;
  assert.ok(days > 29 && days < 31, `${days} days`);
});

test("a certificate that expires soon is warned of at the start", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const issued = authority.issue("users.test", { days: 5 });
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/1 ;
  servers: [{ port: 0, tls: { ${filesYaml(issued)} } }]
`,
  );
  const warning = proxy.events.find(({ event }) => event === "certificate expires soon");
  assert.equal(warning?.["file"], issued.certPath);
});
