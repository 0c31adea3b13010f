// A sidecar whose names a name server binds, over each of its interfaces: changes, absences, errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testAuthority } from "../support/certificates.ts";
import { testFolder } from "../support/folder.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { nameServer } from "./support.ts";

/** The interface of the name server, and the interpreter that asks there. */
const ways = [
  { of: "io.l5d.httpController", by: "io.l5d.namerd.http" },
  { of: "io.l5d.thriftNameInterpreter", by: "io.l5d.namerd" },
] as const;

const sidecarOf = (t: TestContext, kind: string, port: number, more = "") =>
  startProxy(
    t,
    `
    routers:
    - protocol: http
      interpreter:
        kind: ${kind}
        experimental: true
        dst: /$/inet/127.0.0.1/${port}
        retry: { baseSeconds: 1 }
      ${more}
      servers: [{ port: 0 }]
    `,
  );

/** Its HTTP API comes first, and writes; `port` is that of the other interface, which the sidecar asks. */
async function serverOn(t: TestContext, folder: string, kind: string, port = 0) {
  const server = await nameServer(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${folder}/names }]
    storage: { kind: io.l5d.fs, rootDir: ${folder}/dtabs }
    interfaces: [{ kind: io.l5d.httpController, port: 0 }, { kind: ${kind}, port: ${port} }]
    `,
  );
  return { ...server, askedAt: server.proxy.running.nameServer?.interfaces[1]?.port ?? 0 };
}

async function world(t: TestContext, kind: string) {
  const folder = testFolder(t);
  const blue = await service(t, "blue");
  const green = await service(t, "green");
  folder.write("names/blue", `127.0.0.1 ${blue.port}\n`);
  folder.write("names/green", `127.0.0.1 ${green.port}\n`);
  const server = await serverOn(t, folder.path, kind);
  await server.put("default", "/svc/web => /#/io.l5d.fs/blue");
  return { folder, blue, green, server };
}

const web = async (port: number) => (await ask(port, "/", { Host: "web" })).body;

for (const { of, by } of ways) {
  test(`a dtab that changes at the name server moves the calls of its sidecars: ${by}`, async (t) => {
    const { server } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    assert.equal(await web(sidecar.port), "blue");
    await server.put("default", "/svc/web => /#/io.l5d.fs/green");
    await until(
      () => web(sidecar.port),
      (body) => body === "green",
      "calls go to green",
    );
  });

  test(`addresses that change at the name server reach the sidecar: ${by}`, async (t) => {
    const { server, folder, green } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    assert.equal(await web(sidecar.port), "blue");
    folder.write("names/blue", `127.0.0.1 ${green.port}\n`);
    await until(
      () => web(sidecar.port),
      (body) => body === "green",
      "the new address is used",
    );
  });

  test(`the router's own dtab and the caller's come after that of the namespace: ${by}`, async (t) => {
    const { server } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt, "dtab: /svc/mine => /svc/web ;");
    assert.equal((await ask(sidecar.port, "/", { Host: "mine" })).body, "blue");
    const staging = { Host: "web", "l5d-dtab": "/svc/web => /#/io.l5d.fs/green" };
    assert.equal((await ask(sidecar.port, "/", staging)).body, "green");
  });

  test(`while the name server is away, what it said last stays; back again, it is followed: ${by}`, async (t) => {
    const { server, folder } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    assert.equal(await web(sidecar.port), "blue");
    const { askedAt: port } = server;
    await server.proxy.close(0);
    assert.equal(await web(sidecar.port), "blue");
    const unknown = await ask(sidecar.port, "/", { Host: "unknown" });
    assert.equal(unknown.status, 502);
    assert.match(
      unknown.body,
      new RegExp(`the name server /\\$/inet/127.0.0.1/${port}.*(ECONNREFUSED|refused)`),
    );
    const again = await serverOn(t, folder.path, of, port);
    await again.put("default", "/svc/web => /#/io.l5d.fs/green");
    await until(
      () => web(sidecar.port),
      (body) => body === "green",
      "it is followed again",
    );
  });

  test(`a name server that is there, and does not know the name, takes it away: ${by}`, async (t) => {
    const { server } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    assert.equal(await web(sidecar.port), "blue");
    await server.ask("DELETE", "/dtabs/default");
    const gone = await until(
      () => ask(sidecar.port, "/", { Host: "web" }),
      ({ status }) => status === 502,
      "the name is gone",
    );
    assert.match(gone.body, /\/api\/1\/delegate\/default\?path=\/svc\/web/);
    assert.match(gone.body, /A name server resolves this name: change the dtab there/);
  });

  test(`the interpreter's page says what is watched and what the problem is: ${by}`, async (t) => {
    const { server } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    await web(sidecar.port);
    await server.proxy.close(0);
    const page = await until(
      () => sidecar.admin(`/http/interpreter_state/${by}/default.json`),
      (text) => /ECONNREFUSED|refused/.test(text),
      "the problem is shown",
    );
    const { names } = JSON.parse(page) as { names: Record<string, { isWatched: boolean }> };
    assert.deepEqual(Object.values(names)[0]?.isWatched, true);
  });

  test(`the sidecar's admin server shows how the name server resolves a name: ${by}`, async (t) => {
    const { server } = await world(t, of);
    const sidecar = await sidecarOf(t, by, server.askedAt);
    const page = await sidecar.admin("/delegator.json?namespace=http&path=/svc/web");
    assert.match(page, /"id":"\/#\/io.l5d.fs\/blue"/);
  });
}

for (const { of, by } of ways) {
  test(`with TLS the name server must have the name that the sidecar expects: ${by}`, async (t) => {
    const authority = testAuthority(t);
    const { certPath, keyPath } = authority.issue("namerd");
    const blue = await service(t, "blue");
    const server = await nameServer(
      t,
      `
      storage:
        kind: io.l5d.inMemory
        namespaces: { default: "/svc/web => /$/inet/127.0.0.1/${blue.port}" }
      interfaces:
      - { kind: ${of}, port: 0, tls: { certPath: ${certPath}, keyPath: ${keyPath} } }
      `,
    );
    const trust = by === "io.l5d.namerd" ? "caCert" : "trustCertsBundle";
    const callAs = async (commonName: string) => {
      const sidecar = await startProxy(
        t,
        `
        routers:
        - protocol: http
          interpreter:
            kind: ${by}
            dst: /$/inet/127.0.0.1/${server.port}
            tls: { commonName: ${commonName}, ${trust}: ${authority.caPath} }
          servers: [{ port: 0 }]
        `,
      );
      return ask(sidecar.port, "/", { Host: "web" });
    };
    assert.equal((await callAs("namerd")).body, "blue");
    const { status, body } = await callAs("other");
    assert.equal(status, 502);
    assert.match(body, /could not be asked for \/svc\/web: .*(?:namerd|altnames)/);
  });
}

for (const [what, answer] of [
  ["garbage", "<html>"],
  ["JSON of another kind", '{"type":"cat"}'],
  ["a leaf without an id", '{"type":"leaf","bound":{}}'],
] as const) {
  test(`a name server that sends ${what} fails the call with its text, and harms nothing`, async (t) => {
    const strange = await service(t, (_, response) => response.end(`${answer}\n`));
    const sidecar = await sidecarOf(t, "io.l5d.namerd.http", strange.port);
    const { status, body } = await ask(sidecar.port, "/", { Host: "web" });
    assert.equal(status, 502);
    assert.match(body, /could not be asked for \/svc\/web/);
  });
}
