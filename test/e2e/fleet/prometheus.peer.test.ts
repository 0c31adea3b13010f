// A fleet whose services come from a real Prometheus that scrapes the same instances.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceDetail, ServiceView } from "../../../src/fleet/views/shapes.ts";
import { hasPrometheus, startPrometheus } from "../../support/prometheus.ts";
import { deadPort } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { startFleet, startMesh, untilOverview } from "./support.ts";

const scrape = (targets: readonly string[]) => ({
  global: { scrape_interval: "1s" },
  scrape_configs: [
    {
      job_name: "switchyard",
      metrics_path: "/admin/metrics/prometheus",
      static_configs: [{ targets }],
    },
  ],
});

test("services and their hour come from Prometheus, instances and edges from themselves", async (t) => {
  if (!hasPrometheus(t)) return;
  const mesh = await startMesh(t);
  const targets = [mesh.web, mesh.rates].map(({ adminPort }) => `127.0.0.1:${adminPort}`);
  const prometheus = await startPrometheus(t, scrape(targets), {});
  const list = `instances: [web ${targets[0]}, rates-1 ${targets[1]}]`;
  const fleet = await startFleet(t, `${list}, prometheus: { url: "${prometheus.url}" }`);
  await untilOverview(
    fleet,
    ({ instances }) => instances.every(({ state }) => state === "ready"),
    "ready",
  );
  const servicesNow = async () => {
    await mesh.call();
    const page = await fleet.admin("/fleet/services.json");
    return (JSON.parse(page) as { services: readonly ServiceView[] }).services;
  };
  const services = await until(
    servicesNow,
    (all) =>
      all.length === 2 && all.every(({ latency, perSecond }) => latency !== null && perSecond > 0),
    "rates and latencies of both routers",
  );
  for (const { name, protocol, perSecond, successRate } of services) {
    assert.deepEqual([name, protocol, successRate], ["/svc/rates", "http", 1]);
    assert.ok(perSecond > 0);
  }
  const detail = JSON.parse(
    await fleet.admin("/fleet/service.json?router=outgoing&name=/svc/rates"),
  ) as ServiceDetail;
  assert.deepEqual([detail.hour.length, detail.tenMinutes.length], [60, 60]);
  assert.deepEqual(
    detail.byInstance.map(({ name }) => name),
    ["web"],
  );
  const { kept, problems } = await untilOverview(fleet, () => true, "it responds");
  assert.equal(kept.by, "prometheus");
  assert.ok(problems.every(({ kind }) => kind !== "prometheus"));
});

test("a Prometheus that does not respond is a problem in words, and nothing else suffers", async (t) => {
  const mesh = await startMesh(t);
  const port = await deadPort();
  const keys = `prometheus: { url: "http://127.0.0.1:${port}/prometheus" }`;
  const fleet = await startFleet(t, `instances: [web 127.0.0.1:${mesh.web.adminPort}], ${keys}`);
  const { problems, instances } = await untilOverview(
    fleet,
    (each) =>
      each.problems.some(({ kind }) => kind === "prometheus") &&
      each.instances[0]?.state === "ready",
    "a problem",
  );
  assert.equal(instances.length, 1);
  assert.match(
    problems.find(({ kind }) => kind === "prometheus")?.text ?? "",
    /^Services are not current: Prometheus at http:\/\/127\.0\.0\.1:\d+\/prometheus refuses connections/,
  );
});
