// The namer against a real agent: what names give, and how changes arrive.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ok } from "../../../src/core/live.ts";
import { fakeHosts, stateWhen } from "../../support/naming.ts";
import { hasPeer } from "../../support/peers.ts";
import { consulAgent } from "../../support/consul.ts";
import { openNamer, stateOf } from "./support.ts";

test("io.l5d.consul follows a real agent", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const { host, port } = agent;

  await t.test("three instances, one of them deregistered", async (t) => {
    for (const each of [1, 2, 3]) await agent.register("web", each);
    const { watch } = openNamer(t, { host, port });
    const web = watch("/dc1/web/rest/of");
    await web.is("127.0.0.1:1 127.0.0.1:2 127.0.0.1:3");
    assert.equal(web.bound?.id, "/#/io.l5d.consul/dc1/web");
    assert.equal(web.bound?.residual, "/rest/of");
    await agent.deregister("web-2");
    await web.is("127.0.0.1:1 127.0.0.1:3");
  });

  await t.test("a name without instances is negative, and comes when one registers", async (t) => {
    const { watch } = openNamer(t, { host, port });
    const late = watch("/dc1/late");
    await late.is("neg");
    const id = await agent.register("late", 1);
    await late.is("127.0.0.1:1");
    await agent.deregister(id);
    await late.is("neg");
  });

  await t.test("a change reaches the router in less than 50 ms: median of 20", async (t) => {
    const { watch } = openNamer(t, { host, port });
    const fast = watch("/dc1/fast");
    await fast.is("neg");
    const tookMs: number[] = [];
    for (let i = 0; i < 10; i++) {
      for (const isThere of [true, false]) {
        const startedMs = performance.now();
        if (isThere) await agent.register("fast", 1);
        else await agent.deregister("fast-1");
        await fast.is(isThere ? "127.0.0.1:1" : "neg");
        tookMs.push(performance.now() - startedMs);
      }
    }
    const median = tookMs.sort((a, b) => a - b)[10] ?? Infinity;
    assert.ok(median < 50, `median ${median} ms`);
  });

  await t.test("tags stand in the name when includeTag is set", async (t) => {
    await agent.register("tagged", 1, { Tags: ["blue"] });
    await agent.register("tagged", 2, { Tags: ["green", "large"] });
    const { watch } = openNamer(t, { host, port, includeTag: true });
    const green = watch("/dc1/green/tagged/x");
    await green.is("127.0.0.1:2");
    assert.equal(green.bound?.id, "/#/io.l5d.consul/dc1/green/tagged");
    assert.equal(green.bound?.residual, "/x");
    await watch("/dc1/red/tagged").is("neg");
    await watch("/dc1/tagged").is("neg");
  });

  await t.test("names are queried in lower case, ids keep their case", async (t) => {
    await agent.register("mixed", 1);
    const { watch } = openNamer(t, { host, port });
    const upper = watch("/dc1/MIXED");
    await upper.is("127.0.0.1:1");
    assert.equal(upper.bound?.id, "/#/io.l5d.consul/dc1/MIXED");
    assert.equal(watch("/dc1/mixed").bound?.addresses, upper.bound?.addresses);
  });

  await t.test("a path too short is negative; an unknown data centre is an error", async (t) => {
    const { watch } = openNamer(t, { host, port });
    assert.equal(watch("/dc1").now, "neg");
    assert.equal(watch("/").now, "neg");
    const startedMs = performance.now();
    const elsewhere = watch("/nowhere/web");
    await elsewhere.is("soft");
    assert.ok(performance.now() - startedMs < 1_000);
  });

  await t.test(".local is the agent's own data centre", async (t) => {
    await agent.register("near", 1);
    const { watch } = openNamer(t, { host, port });
    const near = watch("/.local/near");
    await near.is("127.0.0.1:1");
    assert.equal(near.bound?.id, "/#/io.l5d.consul/.local/near");
  });

  await t.test("without useHealthCheck all instances count", async (t) => {
    await agent.register("ill", 1, { Check: { TTL: "1h" } }); // critical until it says otherwise
    const { watch } = openNamer(t, { host, port });
    await watch("/dc1/ill").is("127.0.0.1:1");
  });

  await t.test("with useHealthCheck an instance leaves while it is critical", async (t) => {
    const check = { Check: { TTL: "1h", Status: "passing" } };
    await agent.register("sick", 1, check);
    await agent.register("sick", 2, check);
    const { watch } = openNamer(t, { host, port, useHealthCheck: true });
    const sick = watch("/dc1/sick");
    await sick.is("127.0.0.1:1 127.0.0.1:2");
    await agent.put("/v1/agent/check/fail/service:sick-1");
    await sick.is("127.0.0.1:2");
    await agent.put("/v1/agent/check/pass/service:sick-1");
    await sick.is("127.0.0.1:1 127.0.0.1:2");
  });

  await t.test("the worst of an instance's checks decides, maintenance above all", async (t) => {
    const checks = [
      { CheckID: "good", TTL: "1h", Status: "passing" },
      { CheckID: "odd", TTL: "1h", Status: "warning" },
    ];
    await agent.register("frail", 1, { Checks: checks });
    await agent.register("frail", 2);
    const all = ["passing", "warning", "critical"];
    const tolerant = openNamer(t, { host, port, useHealthCheck: true, healthStatuses: all });
    const strict = openNamer(t, { host, port, useHealthCheck: true });
    await tolerant.watch("/dc1/frail").is("127.0.0.1:1 127.0.0.1:2");
    await strict.watch("/dc1/frail").is("127.0.0.1:2");
    await agent.put("/v1/agent/service/maintenance/frail-1?enable=true");
    await tolerant.watch("/dc1/frail").is("127.0.0.1:2");
    await agent.put("/v1/agent/service/maintenance/frail-1?enable=false");
    await tolerant.watch("/dc1/frail").is("127.0.0.1:1 127.0.0.1:2");
  });

  await t.test("a killed instance leaves when its check fails", async (t) => {
    // A TTL check without heartbeats.
    const check = { Check: { TTL: "1s", Status: "passing" } };
    await agent.register("mortal", 1, check);
    await agent.register("mortal", 2);
    const { watch } = openNamer(t, { host, port, useHealthCheck: true });
    const mortal = watch("/dc1/mortal");
    await mortal.is("127.0.0.1:1 127.0.0.1:2");
    await mortal.is("127.0.0.1:2");
  });

  await t.test("tags give weights, the greatest wins, 1 without one", async (t) => {
    await agent.register("heavy", 1, { Tags: ["big", "huge"] });
    await agent.register("heavy", 2, { Tags: ["other"] });
    const weights = [
      { tag: "big", weight: 3 },
      { tag: "huge", weight: 9 },
    ];
    const { watch } = openNamer(t, { host, port, weights });
    const heavy = watch("/dc1/heavy");
    await heavy.is("127.0.0.1:1 127.0.0.1:2");
    assert.deepEqual(
      heavy.addresses.map(({ weight }) => weight),
      [9, 1],
    );
  });

  await t.test("setHost gives every address its DNS name in Consul as authority", async (t) => {
    await agent.register("named", 1, { Tags: ["v1"] });
    const plain = openNamer(t, { host, port, setHost: true });
    const tagged = openNamer(t, { host, port, setHost: true, includeTag: true });
    const cases = [
      [plain.watch("/dc1/Named"), "named.service.dc1.consul"],
      [plain.watch("/.local/named"), "named.service.dc1.consul"],
      [tagged.watch("/dc1/v1/named"), "v1.named.service.dc1.consul"],
    ] as const;
    for (const [name, authority] of cases) {
      await name.is("127.0.0.1:1");
      assert.deepEqual(name.addresses[0]?.meta, { authority });
    }
  });

  await t.test("the metadata of node and service comes along when configured", async (t) => {
    await agent.register("described", 1, { Meta: { version: "7" } });
    const having = openNamer(t, { host, port, transferMetadata: true }).watch("/dc1/described");
    const without = openNamer(t, { host, port }).watch("/dc1/described");
    await having.is("127.0.0.1:1");
    await without.is("127.0.0.1:1");
    assert.equal(having.addresses[0]?.meta?.["version"], "7");
    assert.equal(without.addresses[0]?.meta, undefined);
  });

  await t.test("preferServiceAddress: false takes the address of the node", async (t) => {
    await agent.register("placed", 1, { Address: "127.0.0.9" });
    await openNamer(t, { host, port }).watch("/dc1/placed").is("127.0.0.9:1");
    const { watch } = openNamer(t, { host, port, preferServiceAddress: false });
    await watch("/dc1/placed").is("127.0.0.1:1");
  });

  await t.test("a service at a host name has the addresses of that name", async (t) => {
    await agent.register("hosted", 1, { Address: "some.host" });
    const hosts = fakeHosts();
    const { watch } = openNamer(t, { host, port }, { hosts });
    const hosted = watch("/dc1/hosted");
    hosts.cell("some.host").set(ok(["10.0.0.1", "10.0.0.2"]));
    await hosted.is("10.0.0.1:1 10.0.0.2:1");
    hosts.cell("some.host").set(ok([]));
    await hosted.is("neg");
  });

  for (const consistencyMode of ["stale", "consistent"]) {
    await t.test(`reads with consistencyMode ${consistencyMode}`, async (t) => {
      const id = await agent.register(consistencyMode, 1);
      const { watch } = openNamer(t, { host, port, consistencyMode });
      const name = watch(`/dc1/${consistencyMode}`);
      await name.is("127.0.0.1:1");
      await agent.deregister(id);
      await name.is("neg");
    });
  }

  await t.test("when the last instance goes, its addresses stay for a second", async (t) => {
    // Callers have this long to bind the dtab's alternative, which may need a response.
    const id = await agent.register("leaving", 1);
    const { watch } = openNamer(t, { host, port });
    const leaving = watch("/dc1/leaving");
    await leaving.is("127.0.0.1:1");
    const addresses = leaving.bound?.addresses ?? assert.fail();
    const close = addresses.watch(() => {});
    t.after(close);
    await agent.deregister(id);
    await leaving.is("neg");
    assert.ok(addresses.state.kind === "ok" && addresses.state.value !== "neg");
    await stateWhen(addresses, (state) => state.kind === "ok" && state.value === "neg");
  });

  await t.test("a response that repeats the last one is not a change", async (t) => {
    await agent.register("steady", 1);
    const { watch } = openNamer(t, { host, port });
    const steady = watch("/dc1/steady");
    await steady.is("127.0.0.1:1");
    steady.changes();
    await agent.register("steady", 1, { Meta: { touched: "yes" } }); // wakes the watch
    const other = watch("/dc1/other");
    await agent.register("steady", 2);
    await steady.is("127.0.0.1:1 127.0.0.1:2");
    await other.is("neg");
    assert.equal(steady.changes(), 1);
  });

  await t.test("an unwatched name is not queried", async (t) => {
    const { namer, watch } = openNamer(t, { host, port });
    const web = watch("/dc1/web");
    await web.is("127.0.0.1:1 127.0.0.1:3");
    assert.equal(stateOf(namer, "/dc1/web").state.running, true);
    web.close();
    assert.equal(stateOf(namer, "/dc1/web").state.running, false);
    const { watches } = namer.watchState?.() ?? {};
    assert.deepEqual(watches, { blocking: 0, blockingAtMost: 128, polled: 0 });
    // It is queried again with the next watcher.
    await agent.deregister("web-1");
    await watch("/dc1/web").is("127.0.0.1:3");
  });
});
