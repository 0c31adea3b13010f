// A fleet that finds its instances in a real Consul.
import assert from "node:assert/strict";
import { test } from "node:test";
import { consulAgent } from "../../support/consul.ts";
import { hasPeer } from "../../support/peers.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { untilOverview } from "./support.ts";

test("admin servers that announce themselves in Consul are found, and leave with their process", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const where = `host: ${agent.host}, port: ${agent.port}`;
  const behind = await service(t, "hello");
  const announced = await startProxy(
    t,
    `
    admin:
      port: 0
      announcers: [{ kind: io.l5d.consul, ${where} }]
      announce: [/#/io.l5d.consul/switchyard-admin]
    routers:
    - protocol: http
      servers: [{ port: 0 }]
      dtab: /svc/* => /$/inet/127.1/${behind.port}`,
  );
  const fleet = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.consul, ${where} }]
    fleet: { intervalMs: 100, name: /#/io.l5d.consul/.local/switchyard-admin }`,
  );
  await untilOverview(fleet, ({ instances }) => instances[0]?.state === "ready", "it is found");
  await announced.close(0);
  const { instances, problems } = await untilOverview(
    fleet,
    (each) => each.instances[0]?.state === "left",
    "it has left",
  );
  assert.match(instances[0]?.text ?? "", /^left \d+ s ago, and refuses connections/);
  assert.equal(problems.find(({ kind }) => kind === "instance-down")?.severity, "notice");
});
