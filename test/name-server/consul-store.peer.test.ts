// Dtabs in a real Consul: written with compare-and-set, watched, kept while it is away.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { consulAgent } from "../support/consul.ts";
import { hasPeer } from "../support/peers.ts";
import { nameServer } from "./support.ts";

const serverOf = (t: TestContext, port: number) =>
  nameServer(
    t,
    `
    storage: { kind: io.l5d.consul, host: 127.0.0.1, port: ${port} }
    interfaces: [{ kind: io.l5d.httpController, port: 0 }]
    `,
  );

const text = { "Content-Type": "application/dtab" };

test("a dtab is created, updated by its version, and removed", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const server = await serverOf(t, agent.port);
  const write = (method: string, dtab: string, more = {}) =>
    server.ask(method, "/dtabs/default", dtab, { ...text, ...more });
  assert.equal((await write("POST", "/svc => /a")).status, 204);
  assert.equal((await write("POST", "/svc => /a")).status, 409);
  const { headers } = await server.ask("GET", "/dtabs/default");
  const etag = { "If-Match": headers.get("etag") ?? "" };
  assert.equal((await write("PUT", "/svc => /b", etag)).status, 204);
  assert.equal((await write("PUT", "/svc => /c", etag)).status, 412);
  assert.equal((await server.ask("DELETE", "/dtabs/default")).status, 204);
  assert.equal((await server.ask("DELETE", "/dtabs/default")).status, 404);
  assert.equal((await write("PUT", "/svc => /c", etag)).status, 404);
});

test("what others write to Consul is seen by watches, and listed", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const server = await serverOf(t, agent.port);
  const names = await server.watch("/dtabs?watch=true");
  assert.equal(await names.next(), "[]");
  const dtabs = await server.watch("/dtabs/web?watch=true");
  await agent.setKey("namerd/dtabs/web", "/svc => /a");
  assert.equal(await names.next(), '["web"]');
  assert.equal(await dtabs.next(), '[{"prefix":"/svc","dst":"/a"}]');
  await agent.setKey("namerd/dtabs/web", "/svc => /b");
  assert.equal(await dtabs.next(), '[{"prefix":"/svc","dst":"/b"}]');
});

test("while Consul is away, what is known is read, and a write says why it failed", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const server = await serverOf(t, agent.port);
  await server.put("default", "/svc => /a");
  assert.match((await server.ask("GET", "/dtabs/default")).body, /"\/a"/);
  await agent.stop();
  assert.match((await server.ask("GET", "/dtabs/default")).body, /"\/a"/);
  const { status, body } = await server.ask("PUT", "/dtabs/default", "/svc => /b", text);
  assert.equal(status, 500);
  assert.match(body, /Consul at 127.0.0.1:\d+: .*ECONNREFUSED/);
});
