// A Consul that cannot be asked is the cause that the error of a call names, in every protocol.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { consulAgent } from "../support/consul.ts";
import { ask } from "../support/http-request.ts";
import { muxClient } from "../support/mux-peer.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort, service } from "../support/service.ts";
import { binary, framed } from "../support/thrift-bytes.ts";
import { until } from "../support/until.ts";

const protocols = ["http", "thrift", "thriftmux", "mux"] as const;

function proxyAt(t: TestContext, consulPort: number, namerKeys = ""): Promise<TestProxy> {
  const dtab = "/svc => /#/io.l5d.consul/dc1";
  const routers = protocols.map(
    (protocol) => `- { protocol: ${protocol}, dtab: ${dtab}, servers: [{ port: 0 }] }`,
  );
  return startProxy(
    t,
    `
namers: [{ kind: io.l5d.consul, host: 127.0.0.1, port: ${consulPort} ${namerKeys}}]
routers:
${routers.join("\n")}`,
  );
}

/** The error of a call to a service `web`, as each protocol tells its caller. */
async function errors(t: TestContext, proxy: TestProxy): Promise<Readonly<Record<string, string>>> {
  const http = await ask(proxy.portOf("http"), "/", { Host: "web" });
  assert.equal(http.status, 502);
  const thrift = rawCaller(t, proxy.portOf("thrift"));
  thrift.send(framed(binary({ method: "web:ask" })));
  const length = Buffer.from(await thrift.bytes(4), "latin1").readInt32BE(0);
  const exception = await thrift.bytes(length);
  const thriftmux = await muxClient(t, proxy.portOf("thriftmux"));
  const overMux = await thriftmux.dispatch({ payload: binary({ method: "web:ask" }) });
  const mux = await muxClient(t, proxy.portOf("mux"));
  const nack = await mux.dispatch({ dst: "/web", payload: "x" });
  return { http: http.body, thrift: exception, thriftmux: overMux.text, mux: nack.text };
}

test("Consul is down at the start: the error names the refused address, not the dtab", async (t) => {
  const port = await deadPort();
  const proxy = await proxyAt(t, port);
  for (const [protocol, text] of Object.entries(await errors(t, proxy))) {
    const cause = `Consul at 127.0.0.1:${port} cannot be asked: connect ECONNREFUSED`;
    assert.ok(text.includes(cause), `${protocol}: ${text}`);
    assert.match(text, /See whether Consul runs there/, protocol);
    assert.doesNotMatch(text, /add a dentry/i, protocol);
  }
});

test("Consul refuses the token: the error says 403, and what to give the namer", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const master = "5f1a1c3e-2b1c-4a57-a9d6-4b0f4a2f3a52";
  const acl = `acl { enabled = true default_policy = "deny" tokens { master = "${master}" agent = "${master}" } }`;
  const agent = await consulAgent(t, { arguments: ["-hcl", acl], token: master });
  const proxy = await proxyAt(t, agent.port, ", token: 11111111-2222-3333-4444-555555555555");
  for (const [protocol, text] of Object.entries(await errors(t, proxy))) {
    assert.match(text, /Consul responded with 403: ACL not found/, protocol);
    assert.match(text, /give it a token that may read services and nodes/, protocol);
    assert.doesNotMatch(text, /11111111-2222|add a dentry/i, protocol);
  }
});

test("once Consul is back the name that failed is found", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t, { isStopped: true });
  const web = await service(t, "web");
  const proxy = await proxyAt(t, agent.port);
  const go = () => ask(proxy.portOf("http"), "/", { Host: "web" });
  assert.match((await go()).body, /cannot be asked/);
  await agent.start();
  await agent.register("web", web.port);
  await until(
    async () => (await go()).status,
    (status) => status === 200,
    "the name is bound",
  );
});

test("a Consul that is silent is named when the wait for the name is over", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  await agent.freeze();
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.consul, host: 127.0.0.1, port: ${agent.port} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.consul/dc1
      bindingTimeoutMs: 1200
      servers: [{ port: 0 }]`,
  );
  const { status, body } = await ask(proxy.port, "/", { Host: "web" });
  agent.thaw();
  assert.equal(status, 502);
  assert.match(
    body,
    new RegExp(`Consul at 127.0.0.1:${agent.port} has not responded within 900 ms`),
  );
});
