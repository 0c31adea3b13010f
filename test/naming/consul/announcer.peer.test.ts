// The announcer against a real agent: registered, kept alive, forgotten, taken out.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as v from "valibot";
import { hostResolver } from "../../../src/naming/hosts/resolver.ts";
import type { ListeningAt } from "../../../src/core/announcer.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { consulAnnouncer } from "../../../src/naming/announcers/consul.ts";
import { consulAgent } from "../../support/consul.ts";
import type { ConsulAgent } from "../../support/consul.ts";
import { keptLog } from "../../support/naming.ts";
import { hasPeer } from "../../support/peers.ts";
import { realClock } from "../../support/real-clock.ts";

const admin: ListeningAt = { host: "127.0.0.1", port: 9990 };

function announcer(
  t: TestContext,
  { host, port }: Pick<ConsulAgent, "host" | "port">,
  keys: object = {},
  at = admin,
) {
  const log = keptLog();
  const config = v.parse(consulAnnouncer.schema, {
    kind: "io.l5d.consul",
    host,
    port,
    intervalMs: 100,
    ...keys,
  });
  const hosts = hostResolver(realClock, log);
  const deps = { clock: realClock, random: Math.random, log, hosts, admin: at };
  const made = consulAnnouncer.create(config, deps);
  t.after(() => made.close());
  const announce = (name: string, server: ListeningAt) => {
    const announcement = made.announce(pathLiteral(name), server);
    t.after(() => announcement.withdraw());
    return announcement;
  };
  return { log, announce };
}

interface Entry {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[];
    readonly Meta: Readonly<Record<string, string>>;
  };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}

/** The instances of a service, once they are so many; 5 s at most. */
async function instances(agent: ConsulAgent, service: string, count: number): Promise<Entry[]> {
  for (let attempts = 0; attempts < 500; attempts++) {
    const found = (await agent.get(`/v1/health/service/${service}`)) as Entry[];
    if (found.length === count) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return assert.fail(`${service} never had ${count} instances`);
}

async function status(agent: ConsulAgent, service: string, wanted: string): Promise<void> {
  for (let attempts = 0; attempts < 500; attempts++) {
    const [found] = (await agent.get(`/v1/health/service/${service}`)) as Entry[];
    const check = found?.Checks.find(({ CheckID }) => CheckID.startsWith("service:"));
    if (check?.Status === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${service} never was ${wanted}`);
}

test("Consul is asked to deregister a service that has been critical for a minute", async (t) => {
  // Consul waits at least that minute, so this test does not see it happen.
  let sent = "";
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => (sent += chunk.toString()));
    request.on("end", () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { log, announce } = announcer(t, { host: "127.0.0.1", port });
  const announced = log.next();
  announce("/crashing", { host: "127.0.0.1", port: 1 });
  await announced;
  const { Check } = JSON.parse(sent) as { Check: Record<string, string> };
  assert.deepEqual(Check, {
    TTL: "300ms",
    Status: "passing",
    DeregisterCriticalServiceAfter: "60000ms",
  });
});

test("the announcer io.l5d.consul registers in a real agent", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);

  await t.test("a server is an instance that passes, until it is withdrawn", async (t) => {
    const { announce, log } = announcer(t, agent, { tags: ["v1"], meta: { zone: "a" } });
    const announcement = announce("/web", { host: "127.0.0.1", port: 4140 });
    const [entry] = await instances(agent, "web", 1);
    const { ID, Address, Port, Tags, Meta } = entry?.Service ?? assert.fail();
    assert.deepEqual(
      { ID, Address, Port, Tags, zone: Meta["zone"] },
      { ID: "web-127.0.0.1-4140", Address: "127.0.0.1", Port: 4140, Tags: ["v1"], zone: "a" },
    );
    await status(agent, "web", "passing");
    assert.equal(announcement.state()["isRegistered"], true);
    await announcement.withdraw();
    await announcement.withdraw();
    await instances(agent, "web", 0);
    assert.deepEqual(
      log.events.map(({ event }) => event),
      ["announced", "withdrawn"],
    );
  });

  await t.test("a server on all addresses has the address of the agent's node", async (t) => {
    const { announce } = announcer(t, agent);
    announce("/every", { host: "0.0.0.0", port: 1 });
    const [entry] = await instances(agent, "every", 1);
    assert.equal(entry?.Service.Address, "");
    const given = announcer(t, agent, { address: "10.1.2.3" });
    given.announce("/given", { host: "0.0.0.0", port: 1 });
    const [other] = await instances(agent, "given", 1);
    assert.equal(other?.Service.Address, "10.1.2.3");
  });

  await t.test("its heartbeats keep it passing; without them it turns critical", async (t) => {
    const { announce } = announcer(t, agent, { intervalMs: 200 });
    const living = announce("/living", { host: "127.0.0.1", port: 1 });
    // Longer than the time to live, which is three intervals.
    await new Promise((resolve) => setTimeout(resolve, 800));
    await status(agent, "living", "passing");
    await living.withdraw();

    const dead = await agent.register("dead", 1, { Check: { TTL: "300ms", Status: "passing" } });
    await status(agent, "dead", "critical");
    await agent.deregister(dead);
  });

  await t.test("with check: http the agent asks /admin/ready", async (t) => {
    let isReady = true;
    const sent: string[] = [];
    const server = createServer((request, response) => {
      sent.push(request.url ?? "");
      response.statusCode = isReady ? 200 : 503;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { announce } = announcer(t, agent, { check: "http" }, { host: "0.0.0.0", port });
    announce("/sent", { host: "127.0.0.1", port: 1 });
    await instances(agent, "sent", 1);
    isReady = false;
    await status(agent, "sent", "critical");
    isReady = true;
    await status(agent, "sent", "passing");
    assert.ok(sent.every((path) => path === "/admin/ready"));
  });

  for (const check of ["ttl", "http"]) {
    await t.test(`what the agent forgot is registered again (${check})`, async (t) => {
      const { announce, log } = announcer(t, agent, { check });
      announce(`/forgotten-${check}`, { host: "127.0.0.1", port: 1 });
      const [entry] = await instances(agent, `forgotten-${check}`, 1);
      await agent.deregister(entry?.Service.ID ?? "");
      await instances(agent, `forgotten-${check}`, 1);
      assert.ok(log.events.some(({ event }) => event === "consul lost our registration"));
    });
  }

  await t.test("Consul may start later, and restart", async (t) => {
    const late = await consulAgent(t, { isStopped: true });
    const { announce, log } = announcer(t, late);
    const announcement = announce("/early", { host: "127.0.0.1", port: 1 });
    while (announcement.state()["error"] === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.match(String(announcement.state()["error"]), /ECONNREFUSED/);
    await late.start();
    await instances(late, "early", 1);
    await late.stop();
    await late.start();
    await instances(late, "early", 1);
    assert.ok(
      log.events.filter(({ level }) => level === "warn").length <= 4,
      "logged once, not repeated",
    );
  });

  await t.test("withdrawing from an agent that is away takes no longer than 2 s", async (t) => {
    const other = await consulAgent(t);
    const { announce } = announcer(t, other);
    const announcement = announce("/gone", { host: "127.0.0.1", port: 1 });
    await instances(other, "gone", 1);
    await other.freeze();
    const startedMs = performance.now();
    await announcement.withdraw();
    assert.ok(performance.now() - startedMs < 2_000);
    other.thaw();
    const down = announcer(t, other);
    await other.stop();
    await down.announce("/never", { host: "127.0.0.1", port: 1 }).withdraw();
  });
});
