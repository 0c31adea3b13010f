// Consul goes away for ten seconds and comes back with nothing; the calls do not notice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { consulAgent } from "../support/consul.ts";
import { load } from "../support/load.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

test("Consul may be away for 10 s and come back empty without one failed call", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const [first, second] = [await service(t, "first"), await service(t, "second")];
  await agent.register("web", first.port);
  await agent.register("web", second.port);
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.consul, host: ${agent.host}, port: ${agent.port} }]
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${first.port} ; /svc => /#/io.l5d.consul/dc1 ;
      servers: [{ port: 0 }]`,
  );
  const calls = await load(t, proxy.port, "web", { pauseMs: 5 });
  await agent.stop();
  await sleep(9_000);
  // A name that nobody knew before goes to the dtab's alternative, soon.
  const startedMs = performance.now();
  assert.equal((await ask(proxy.port, "/", { Host: "unknown" })).body, "first");
  assert.ok(performance.now() - startedMs < 1_100);
  const state = JSON.parse(await proxy.admin("/namer_state/io.l5d.consul.json")) as {
    readonly staleMs: number;
  };
  assert.ok(state.staleMs >= 8_500, `${state.staleMs}`);
  assert.ok((await proxy.metric("namer/#/io.l5d.consul/stale_ms")) >= 8_500);
  await sleep(1_000);

  await agent.start();
  await until(
    () => proxy.metric("namer/#/io.l5d.consul/stale_ms"),
    (staleMs) => staleMs === 0,
    "Consul is sent again",
  );
  assert.equal(((await agent.get("/v1/catalog/service/web")) as unknown[]).length, 0);
  await sleep(500);
  await agent.register("web", second.port);
  await until(
    () => calls.bodies,
    (bodies) => bodies.every((body) => body === "second"),
    "what Consul says counts again",
  );
  assert.deepEqual(await calls.stop(), []);
  assert.ok(calls.count > 1_000, `${calls.count} calls`);
});
