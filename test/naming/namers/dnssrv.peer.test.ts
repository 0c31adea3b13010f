// DNS SRV records of a real Consul: found, followed, kept while it is silent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePorts } from "../../../demo/ports.ts";
import { consulAgent } from "../../support/consul.ts";
import { ask } from "../../support/http-request.ts";
import { hasPeer } from "../../support/peers.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { until } from "../../support/until.ts";

test("the records of a service are its endpoints, as they come and go", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const [dns = 0] = await freePorts(1);
  const agent = await consulAgent(t, { arguments: ["-dns-port", String(dns)] });
  const blue = await service(t, "blue");
  const green = await service(t, "green");
  const id = await agent.register("web", blue.port);
  const proxy = await startProxy(
    t,
    `
    namers:
    - { kind: io.l5d.dnssrv, dnsHosts: ["127.0.0.1:${dns}"], refreshIntervalSeconds: 1 }
    routers:
    - protocol: http
      dtab: |
        /svc/* => /$/inet/127.0.0.1/${green.port} ;
        /svc/web => /#/io.l5d.dnssrv/web.service.consul ;
      servers: [{ port: 0 }]
    `,
  );
  const web = async () => (await ask(proxy.port, "/", { Host: "web" })).body;
  await until(web, (body) => body === "blue", "the record is found");
  await agent.freeze();
  await until(
    () => proxy.events.some(({ event }) => event === "discovery does not respond"),
    Boolean,
    "its silence is noticed",
  );
  assert.equal(await web(), "blue", "the last good answer stays");
  agent.thaw();
  await agent.deregister(id);
  await until(web, (body) => body === "green", "without records the alternative is used");
});
