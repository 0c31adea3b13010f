// The article's system on a real Consul: registered, found, weighed, moved, taken out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runProxy } from "../support/command.ts";
import { consulAgent } from "../support/consul.ts";
import { load } from "../support/load.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

const allAre = (wanted: string) => (bodies: readonly string[]) =>
  bodies.every((body) => body === wanted);

test("calls flow by a real Consul", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const namer = (keys = "") =>
    `namers: [{ kind: io.l5d.consul, host: ${agent.host}, port: ${agent.port}${keys} }]`;

  await t.test("an instance that dies, one that is deregistered: no call fails", async (t) => {
    const instances = [await service(t, "a"), await service(t, "b"), await service(t, "c")];
    const [a, b] = instances;
    for (const { port } of instances) {
      const TCP = `127.0.0.1:${port}`;
      await agent.register("trio", port, { Check: { TCP, Interval: "200ms", Status: "passing" } });
    }
    const proxy = await startProxy(
      t,
      `
      ${namer(", useHealthCheck: true")}
      routers:
      - protocol: http
        dtab: /svc => /#/io.l5d.consul/.local
        servers: [{ port: 0 }]
        # A call may be in the hands of the instance when it dies.
        service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }`,
    );
    const calls = await load(t, proxy.port, "trio", { pauseMs: 1 });
    const addresses = async () => {
      const states = JSON.parse(await proxy.admin("/client_state.json")) as Record<
        string,
        { readonly addresses: readonly string[] }
      >;
      return states["/#/io.l5d.consul/.local/trio"]?.addresses.length ?? 0;
    };
    assert.equal(await addresses(), 3);
    await a?.stop();
    await until(addresses, (count) => count === 2, "the dead one is gone");
    await agent.deregister(`trio-${b?.port ?? 0}`);
    await until(addresses, (count) => count === 1, "the deregistered one is gone");
    await until(() => calls.bodies, allAre("c"), "only c is called");
    assert.deepEqual(await calls.stop(), []);
  });

  await t.test("tags weigh: nine of ten calls to the stable instance", async (t) => {
    const [stable, canary] = [await service(t, "stable"), await service(t, "canary")];
    await agent.register("weighed", stable.port, { Tags: ["stable"] });
    await agent.register("weighed", canary.port, { Tags: ["canary"] });
    const proxy = await startProxy(
      t,
      `
      ${namer(", weights: [{ tag: stable, weight: 9 }]")}
      routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.consul/dc1", servers: [{ port: 0 }] }]`,
    );
    for (let i = 0; i < 500; i++) await ask(proxy.port, "/", { Host: "weighed" });
    // Expected 450 with a standard deviation of 6.7: within four of them.
    assert.ok(Math.abs(stable.count - 450) < 27, `${stable.count} to ${canary.count}`);
  });

  await t.test("a dtab edited in Consul moves traffic without a failed call", async (t) => {
    const [blue, green] = [await service(t, "blue"), await service(t, "green")];
    await agent.register("web-blue", blue.port);
    await agent.register("web-green", green.port);
    await agent.setKey("namerd/dtabs/web", "/svc/web => /#/io.l5d.consul/dc1/web-blue");
    const kind = "io.l5d.consul.interpreter";
    const proxy = await startProxy(
      t,
      `
      ${namer()}
      routers:
      - protocol: http
        interpreter: { kind: ${kind}, host: ${agent.host}, port: ${agent.port}, namespace: web }
        servers: [{ port: 0 }]`,
    );
    const calls = await load(t, proxy.port, "web");
    assert.ok(allAre("blue")(calls.bodies));
    const both = "/svc/web => /#/io.l5d.consul/dc1/web-blue & /#/io.l5d.consul/dc1/web-green";
    await agent.setKey("namerd/dtabs/web", both);
    await until(
      () => calls.bodies,
      (bodies) => bodies.includes("green"),
      "green is used",
    );
    await agent.setKey("namerd/dtabs/web", "/svc/web => /#/io.l5d.consul/dc1/web-green");
    await until(() => calls.bodies, allAre("green"), "only green is used");
    await agent.setKey("namerd/dtabs/web", "/svc/web -> nonsense");
    await until(
      () => proxy.events.find(({ event }) => event === "bad dtab"),
      (event) => event !== undefined,
      "the bad edit is logged",
    );
    const state = await proxy.admin(`/http/interpreter_state/${kind}.json`);
    assert.match(state, /does not hold a dtab: '=>' expected/);
    assert.deepEqual(await calls.stop(), []);
    assert.ok(allAre("green")(calls.bodies));
  });

  await t.test("a server announces itself, is found, and withdraws before it closes", async (t) => {
    const rates = await service(t, "rates");
    const sidecar = await startProxy(
      t,
      `
      routers:
      - protocol: http
        dtab: /svc/* => /$/inet/127.1/${rates.port}
        announcers: [{ kind: io.l5d.consul, host: ${agent.host}, port: ${agent.port} }]
        servers: [{ port: 0, announce: [/#/io.l5d.consul/rates] }]`,
    );
    const other = await startProxy(
      t,
      `
      ${namer(", useHealthCheck: true")}
      routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.consul/dc1", servers: [{ port: 0 }] }]`,
    );
    await until(
      () => ask(other.port, "/", { Host: "rates" }),
      ({ status }) => status === 200,
      "it is found",
    );
    const [announced] = JSON.parse(await sidecar.admin("/admin/announcer")) as {
      readonly name: string;
      readonly isRegistered: boolean;
      readonly port: number;
    }[];
    assert.deepEqual(
      [announced?.name, announced?.isRegistered, announced?.port],
      ["/#/io.l5d.consul/rates", true, sidecar.port],
    );
    const found = (await agent.get("/v1/health/service/rates?passing")) as unknown[];
    assert.equal(found.length, 1);
    await sidecar.close(1_000);
    assert.deepEqual(await agent.get("/v1/catalog/service/rates"), []);
    await until(
      () => ask(other.port, "/", { Host: "rates" }),
      ({ status }) => status === 502,
      "the calls have stopped",
    );
  });

  // Node 24 takes some 15 MiB more before it does anything.
  const isMeasured = process.platform === "linux" && process.version.startsWith("v20.");
  await t.test("the article's sidecar idles in 72 MiB", { skip: !isMeasured }, async (t) => {
    const instance = await service(t, "hello");
    await agent.register("hello", instance.port);
    const sidecar = await runProxy(
      t,
      `
      ${namer(", useHealthCheck: true")}
      routers:
      - protocol: http
        label: incoming
        dtab: /svc/* => /$/inet/127.1/${instance.port}
        servers: [{ port: 0 }]
      - protocol: http
        label: outgoing
        dtab: /svc => /#/io.l5d.consul/.local
        servers: [{ port: 0 }]`,
    );
    const response = await ask(sidecar.portOf("outgoing"), "/", { Host: "hello" });
    assert.equal(response.body, "hello");
    const status = readFileSync(`/proc/${sidecar.pid}/status`, "utf8");
    const mebibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    assert.ok(mebibytes <= 72, `${mebibytes.toFixed(1)} MiB`);
  });
});
