// Consul away, back, empty, hanging: what names give meanwhile, against real agents.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { consulAgent } from "../../support/consul.ts";
import { hasPeer } from "../../support/peers.ts";
import { realClock } from "../../support/real-clock.ts";
import { openNamer, stateOf } from "./support.ts";

/** Resolves when `isSo`, asking often; rejects after 5 s. */
async function until(isSo: () => boolean): Promise<void> {
  for (let attempts = 0; attempts < 1_000; attempts++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("what was waited for did not come");
}

test("names outlive the absence of Consul", async (t) => {
  if (!hasPeer(t, "consul")) return;

  await t.test(
    "the last good addresses stay, staleness is reported, then updates continue",
    async (t) => {
      const agent = await consulAgent(t);
      const { host, port } = agent;
      await agent.register("web", 1);
      const metrics = openMetrics(realClock);
      t.after(() => metrics.close());
      const { namer, log, watch } = openNamer(t, { host, port }, { stats: metrics.stats });
      const staleMs = () => {
        const metric = metrics.root.children.get("stale_ms")?.metric;
        return metric?.kind === "gauge" ? metric.read() : -1;
      };
      const web = watch("/dc1/web");
      await web.is("127.0.0.1:1");
      assert.equal(staleMs(), 0);
      await agent.stop();
      await until(() => staleMs() >= 100);
      assert.equal(web.now, "127.0.0.1:1");
      assert.ok(stateOf(namer, "/dc1/web").poll.staleMs >= 100);
      assert.match(String(stateOf(namer, "/dc1/web").poll.error), /ECONNREFUSED|closed|hang up/);
      const warnings = log.events.filter(({ level }) => level === "warn");
      assert.equal(warnings.length, 1, "logged once, not with every attempt");

      await agent.start();
      await agent.register("web", 2);
      await web.is("127.0.0.1:2");
      assert.equal(staleMs(), 0);
      assert.equal(stateOf(namer, "/dc1/web").poll.error, null);
      assert.ok(log.events.some(({ event }) => event === "consul responds again"));
      await agent.register("web", 3);
      await web.is("127.0.0.1:2 127.0.0.1:3");
    },
  );

  await t.test("a name first queried meanwhile fails within a second", async (t) => {
    const agent = await consulAgent(t);
    const { host, port } = agent;
    await agent.register("new", 1);
    const { watch } = openNamer(t, { host, port });
    await agent.stop();
    const startedMs = performance.now();
    const name = watch("/dc1/new");
    await name.is("soft");
    assert.ok(performance.now() - startedMs < 1_000);
    await agent.start();
    await agent.register("new", 2);
    await name.is("127.0.0.1:2");
  });

  await t.test(
    "a name first queried at a silent agent is called late within a second",
    async (t) => {
      const agent = await consulAgent(t);
      const { host, port } = agent;
      await agent.register("old", 1);
      await agent.register("new", 1);
      const { watch } = openNamer(t, { host, port });
      const old = watch("/dc1/old");
      await old.is("127.0.0.1:1");
      await agent.freeze();
      const startedMs = performance.now();
      const name = watch("/dc1/new");
      await name.is("late");
      assert.ok(performance.now() - startedMs < 1_000);
      assert.equal(old.now, "127.0.0.1:1");
      agent.thaw();
      await name.is("127.0.0.1:1");
    },
  );

  await t.test("a name that was unwatched for a while has its last addresses again", async (t) => {
    const agent = await consulAgent(t);
    const { host, port } = agent;
    await agent.register("idle", 1);
    const { watch } = openNamer(t, { host, port });
    const first = watch("/dc1/idle");
    await first.is("127.0.0.1:1");
    first.close();
    await agent.stop();
    await watch("/dc1/idle").is("127.0.0.1:1");
  });

  await t.test("Consul may start after its clients", async (t) => {
    const agent = await consulAgent(t, { isStopped: true });
    const { watch } = openNamer(t, { host: agent.host, port: agent.port, setHost: true });
    const early = watch("/dc1/early");
    await early.is("soft");
    await agent.start();
    await agent.register("early", 1);
    await early.is("127.0.0.1:1");
    await until(() => early.addresses[0]?.meta?.["authority"] === "early.service.dc1.consul");
  });

  await t.test("an agent that comes back empty is not trusted immediately", async (t) => {
    const agent = await consulAgent(t);
    const { host, port } = agent;
    await agent.register("lost", 1);
    for (let i = 0; i < 20; i++) await agent.setKey("raise/the/index", String(i));
    await agent.register("lost", 2);
    const { namer, watch } = openNamer(t, { host, port });
    const lost = watch("/dc1/lost");
    await lost.is("127.0.0.1:1 127.0.0.1:2");
    lost.changes();
    await agent.stop();
    await agent.start();
    await until(() => stateOf(namer, "/dc1/lost").poll.inDoubt !== undefined);
    assert.equal(lost.now, "127.0.0.1:1 127.0.0.1:2");
    assert.equal(lost.changes(), 0);
    // The index of the new agent is lower: the watch must have reset to see this.
    await agent.register("lost", 2);
    await lost.is("127.0.0.1:2");
    assert.equal(stateOf(namer, "/dc1/lost").poll.inDoubt, undefined);
    await agent.deregister("lost-2");
    await lost.is("neg");
  });

  await t.test("one name that fails does not hold up another", async (t) => {
    const agent = await consulAgent(t);
    const { host, port } = agent;
    const { watch } = openNamer(t, { host, port });
    const lost = Array.from({ length: 50 }, (_, i) => watch(`/nowhere-${i}/web`));
    for (const name of lost) await name.is("soft");
    const startedMs = performance.now();
    await agent.register("web", 1);
    await watch("/dc1/web").is("127.0.0.1:1");
    assert.ok(performance.now() - startedMs < 500);
  });
});
