// The guides of docs/tls.md, run as they stand there but for ports and folders.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { request } from "node:https";
import { testAuthority } from "../support/certificates.ts";
import type { TestAuthority } from "../support/certificates.ts";
import { ask } from "../support/http-request.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";

/** The whole file below the heading. */
function guide(number: number): string {
  const page = readFileSync(resolve("docs/tls.md"), "utf8");
  const section = page.split(`## Guide ${number}: `)[1] ?? "";
  return /^```yaml\n([^]*?)^```$/m.exec(section)?.[1] ?? assert.fail("no such guide");
}

interface Places {
  readonly authority: TestAuthority;
  /** By the port in the guide. */
  readonly ports: Readonly<Record<string, number>>;
}

function run(t: TestContext, number: number, { authority, ports }: Places) {
  let text = guide(number).replaceAll("/certs/", `${authority.folder}/`);
  text = text.replace("rootDir: disco", `rootDir: ${authority.folder}`);
  for (const [written, port] of Object.entries(ports)) text = text.replaceAll(written, `${port}`);
  return startProxy(t, text);
}

const hello = (t: TestContext) =>
  service(t, ({ headers }, response) => {
    response.end(`hello ${String(headers["x-forwarded-client-cert"] ?? "somebody")}`);
  });

test("guide 1: calls in plain text go to the services with TLS", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const { certPath, keyPath } = authority.issue("users.example.com");
  const users = await hello(t);
  const secure = await startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0, tls: { certPath: ${certPath}, keyPath: ${keyPath} } }]
`,
  );
  authority.write("users", `127.0.0.1 ${secure.port}\n`);
  authority.write("orders", `127.0.0.1 ${secure.port}\n`);
  const { port } = await run(t, 1, { authority, ports: { 4140: await deadPort() } });
  assert.equal((await ask(port, "/", { host: "users" })).body, "hello somebody");
  const wrong = await ask(port, "/", { host: "orders" });
  assert.equal(wrong.status, 502);
  assert.match(wrong.body, /for DNS:users\.example\.com.*does not name orders\.example\.com/);
});

test("guide 2: callers with TLS reach a service without", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  authority.issueAs("own", "users.example.com");
  const users = await hello(t);
  const ports = { 4141: await deadPort(), 8080: users.port };
  const { port } = await run(t, 2, { authority, ports });
  const ca = readFileSync(authority.caPath);
  const body = await new Promise<string>((done, failed) => {
    const how = { host: "127.0.0.1", port, ca, servername: "users.example.com", agent: false };
    const sent = request({ ...how, headers: { host: "users" } }, (response) => {
      response.on("data", (chunk: Buffer) => done(chunk.toString()));
    });
    sent.on("error", failed).end();
  });
  assert.equal(body, "hello somebody");
});

test("guide 3: sidecars let each other in, forward who calls, and refuse other names", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const san = "DNS:users.example.com,DNS:orders.example.com";
  authority.issueAs("own", "users.example.com", { san });
  const users = await hello(t);
  for (const name of ["users", "orders"]) authority.write(name, "127.0.0.1 1\n");
  const ports = { 4140: await deadPort(), 4141: await deadPort(), 8080: users.port };
  const proxy = await run(t, 3, { authority, ports });
  const port = proxy.portOf("outgoing");
  const { body } = await ask(port, "/", { host: "users" });
  assert.match(
    body,
    /^hello Hash=[0-9A-F]{64};DNS=users\.example\.com;DNS=orders\.example\.com;Subject="CN=users\.example\.com"$/,
  );
  const refused = await ask(port, "/", { host: "orders" });
  assert.equal(refused.status, 403);
  assert.match(refused.body, /users\.example\.com may not call \/svc\/orders/);
});
