// `/endpoints.json`: what a running proxy says of real endpoints that are well, dead or failing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { until } from "../support/until.ts";

interface Endpoint {
  readonly address: string;
  readonly state: string;
  readonly since: string;
  readonly lastError: { readonly at: string; readonly text: string } | null;
  readonly nextProbeMs: number | null;
  readonly connections: number;
  readonly lastMinute: { readonly requests: number; readonly successRate: number | null };
}

interface Client {
  readonly router: string;
  readonly client: string;
  readonly state: string;
  readonly source: { readonly ageMs: number };
  readonly endpoints: readonly Endpoint[];
}

async function clientsOf(proxy: TestProxy, query = ""): Promise<readonly Client[]> {
  const page = await proxy.admin(`/endpoints.json${query}`);
  return (JSON.parse(page) as { readonly clients: readonly Client[] }).clients;
}

test("one dead and one failing endpoint show with their errors beside the one that is well", async (t) => {
  const well = await service(t, "well");
  const sick = await service(t, (_, response) => {
    response.statusCode = 500;
    response.end("sick");
  });
  const dead = await deadPort();
  const disco = discovery(t, { web: [well.port, sick.port, dead], other: [well.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  await ask(proxy.port, "/", { Host: "other" });
  const [client] = await until(
    async () => {
      for (let call = 0; call < 20; call++) await ask(proxy.port, "/", { Host: "web" });
      return clientsOf(proxy, "?client=/%23/io.l5d.fs/web");
    },
    ([web]) => web?.endpoints.filter(({ state }) => state === "ejected").length === 2,
    "two endpoints are ejected",
  );
  assert.ok(client);
  assert.equal(client.router, "http");
  assert.equal(client.state, "bound");
  assert.ok(client.source.ageMs >= 0);
  const at = (port: number) => {
    const found = client.endpoints.find(({ address }) => address === `127.0.0.1:${port}`);
    if (found === undefined) assert.fail(`no endpoint ${port}`);
    return found;
  };
  const { state, lastError, lastMinute, connections } = at(well.port);
  assert.deepEqual([state, lastError, lastMinute.successRate], ["open", null, 1]);
  assert.ok(connections >= 1);
  assert.equal(at(sick.port).state, "ejected");
  assert.match(
    at(sick.port).lastError?.text ?? "",
    /^\d+ (?:failures in a row|of \d+ calls failed within a minute), the last: responded 500$/,
  );
  assert.ok((at(sick.port).nextProbeMs ?? 0) > 0);
  assert.equal(at(dead).state, "ejected");
  assert.match(at(dead).lastError?.text ?? "", /refused the connection/);
  assert.ok(Date.parse(at(dead).since) <= Date.now());
  assert.equal(at(dead).lastMinute.successRate, 0);

  const all = await clientsOf(proxy);
  assert.deepEqual(all.map((each) => each.client).sort(), [
    "/#/io.l5d.fs/other",
    "/#/io.l5d.fs/web",
  ]);
  assert.deepEqual(await clientsOf(proxy, "?router=none"), []);
  const states = JSON.parse(await proxy.admin("/client_state.json")) as Record<
    string,
    { readonly state: string; readonly ejected: Readonly<Record<string, string>> }
  >;
  const web = states["/#/io.l5d.fs/web"];
  assert.deepEqual([web?.state, Object.keys(web?.ejected ?? {}).length], ["bound", 2]);
  const ejections = proxy.events.filter(({ event }) => event === "endpoint ejected");
  assert.deepEqual([...new Set(ejections.map(({ level }) => level))], ["warn"]);
});
