// A fleet of real sidecars: what its pages say of instances, edges, services and what is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../support/until.ts";
import { overviewOf, startFleet, startMesh, topologyOf, untilOverview } from "./support.ts";
import type { ServiceDetail } from "../../../src/fleet/views/shapes.ts";

const listed = (mesh: Awaited<ReturnType<typeof startMesh>>) =>
  `instances: [web 127.0.0.1:${mesh.web.adminPort}, rates-1 127.0.0.1:${mesh.rates.adminPort}]`;

test("a fleet shows its instances with version, configuration and health, and that nothing is wrong", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, listed(mesh));
  const overview = await untilOverview(
    fleet,
    ({ instances }) => instances.length === 2 && instances.every(({ state }) => state === "ready"),
    "both instances are ready",
  );
  // On a busy machine, the instances' event loops are late, and they say so.
  assert.deepEqual(
    overview.problems.filter(({ kind }) => kind !== "event-loop-late"),
    [],
  );
  assert.deepEqual(
    overview.instances.map(({ name, routers }) => [name, routers[0]?.label]),
    [
      ["rates-1", "incoming"],
      ["web", "outgoing"],
    ],
  );
  const [rates, web] = overview.instances;
  assert.match(rates?.configHash ?? "", /^[0-9a-f]{12}$/);
  assert.notEqual(rates?.configHash, web?.configHash);
  assert.equal(rates?.version, web?.version);
  assert.deepEqual(rates?.routers[0]?.servers, [`127.0.0.1:${mesh.rates.port}`]);
});

test("the topology joins a caller's endpoint with the instance that listens there", async (t) => {
  const mesh = await startMesh(t);
  for (let n = 0; n < 20; n++) assert.equal(await mesh.call(), 200);
  const fleet = await startFleet(t, listed(mesh));
  const topology = await until(
    () => topologyOf(fleet),
    ({ edges }) => edges.length === 2 && edges.some(({ networkMs }) => networkMs !== null),
    "both edges are there, with the time between them",
  );
  const web = `127.0.0.1:${mesh.web.adminPort}`;
  const rates = `127.0.0.1:${mesh.rates.adminPort}`;
  const between = topology.edges.find(({ from, to }) => from === web && to === rates);
  assert.ok(between, "an edge from web to rates-1");
  assert.equal(between.successRate, 1);
  assert.ok((between.perSecond ?? 0) > 0);
  assert.equal(between.protocol, "http");
  assert.equal(between.state, "open");
  assert.ok(
    between.networkMs !== null && between.networkMs >= 0,
    "both sides counted the same calls",
  );
  const behind = topology.nodes.find(({ kind }) => kind === "outside");
  assert.equal(behind?.behind, rates, "the service behind the sidecar belongs to it");
});

test("services are counted over instances, with percentiles of all their calls", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, listed(mesh));
  await untilOverview(
    fleet,
    ({ instances }) => instances.length === 2 && instances.every(({ state }) => state === "ready"),
    "both are watched",
  );
  for (let n = 0; n < 20; n++) await mesh.call();
  const detailOf = async (router: string) => {
    const page = await fleet.admin(`/fleet/service.json?router=${router}&name=/svc/rates`);
    return JSON.parse(page) as ServiceDetail;
  };
  const callsIn = ({ tenMinutes }: ServiceDetail) =>
    tenMinutes.reduce((sum, { requests }) => sum + requests, 0);
  for (const [router, name] of [
    ["outgoing", "web"],
    ["incoming", "rates-1"],
  ] as const) {
    const detail = await until(
      () => detailOf(router),
      (each) => "tenMinutes" in each && callsIn(each) === 20,
      `20 calls in ${router}`,
    );
    assert.deepEqual(
      detail.byInstance.map((each) => each.name),
      [name],
    );
    assert.equal(detail.successRate, 1);
    assert.ok(detail.perSecond > 0);
  }
});

test("an instance that stops is a problem in words, which goes when it is back", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, listed(mesh));
  await untilOverview(
    fleet,
    ({ instances }) => instances.every(({ state }) => state === "ready"),
    "ready",
  );
  await mesh.rates.close(0);
  const { problems, instances } = await untilOverview(
    fleet,
    (each) => each.problems.some(({ kind }) => kind === "instance-down"),
    "a problem",
  );
  const down = problems.find(({ kind }) => kind === "instance-down");
  assert.match(
    down?.text ?? "",
    /^rates-1 \(127\.0\.0\.1:\d+\) refuses connections: the process has stopped; last seen \d+ s ago/,
  );
  assert.match(down?.advice ?? "", /start it again/);
  assert.equal(instances.find(({ name }) => name === "rates-1")?.state, "down");
  assert.equal(instances.find(({ name }) => name === "web")?.state, "ready");
});

test("a problem that an instance sees is one of the fleet, with the instance's name", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, listed(mesh));
  await mesh.call();
  await mesh.behind.stop();
  const { problems } = await until(
    async () => {
      await mesh.call();
      return overviewOf(fleet);
    },
    (each) => each.problems.some(({ kind }) => kind === "endpoints-down"),
    "rates-1 says that its service is dead",
  );
  const down = problems.find(({ kind }) => kind === "endpoints-down");
  assert.match(down?.text ?? "", /^rates-1: /);
  assert.deepEqual(down?.instances, [`127.0.0.1:${mesh.rates.adminPort}`]);
});

test("the stream of events says what changed without being asked", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, listed(mesh));
  const aborting = new AbortController();
  const response = await fetch(`http://127.0.0.1:${fleet.adminPort}/fleet/events?view=overview`, {
    signal: aborting.signal,
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const last = text.split("\n\n").at(-2) ?? "";
    if ((last.match(/"state":"ready"/g) ?? []).length === 2) break;
  }
  assert.match(text, /^retry: 2000\nevent: overview\ndata: \{/);
  aborting.abort();
});

test("whoever follows the stream does not hold up the end of the process", async (t) => {
  const fleet = await startFleet(t, "instances: [127.0.0.1:1]");
  const response = await fetch(`http://127.0.0.1:${fleet.adminPort}/fleet/events`);
  await fleet.close(60_000);
  assert.match(await response.text(), /^retry: 2000\nevent: overview\n/);
});

test("a fleet without routers needs nothing else, and a proxy can have one beside its routers", async (t) => {
  const fleet = await startFleet(t, "instances: [127.0.0.1:1]");
  const { instances } = await untilOverview(
    fleet,
    (each) => each.instances[0]?.state === "down",
    "nobody listens on port 1",
  );
  assert.equal(instances[0]?.name, "127.0.0.1:1");
  assert.match(await fleet.admin("/admin"), /^\/fleet\/topology\.json$/m);
  const mesh = await startMesh(t);
  assert.doesNotMatch(await mesh.web.admin("/admin"), /^\/fleet\//m);
  assert.equal((await overviewOf(fleet)).title, "fleet");
});
