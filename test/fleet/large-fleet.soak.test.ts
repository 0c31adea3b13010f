// What a fleet of 200 instances with 50 services each costs: processor time and memory.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { freePorts } from "../../demo/ports.ts";
import { SeriesMemory } from "../../src/fleet/model/call-series.ts";
import { InstanceModel } from "../../src/fleet/model/instance.ts";
import { Services } from "../../src/fleet/model/services.ts";
import { PageReader } from "../../src/fleet/page/reader.ts";
import { testFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";
import { pageOf, simulateInstances } from "./simulated-instances.ts";

const instances = 200;
const services = 50;
/** A tenth is the goal, and what it takes on an ordinary machine; a slow or busy one may need twice that. */
const maxShareOfCore = 0.2;
const maxMiB = 150;
const binary = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));

/** A `switchyard fleet` of its own that watches the ports. */
async function startFleet(t: TestContext, ports: readonly number[]) {
  const folder = testFolder(t);
  const [admin = 0] = await freePorts(1);
  writeFileSync(
    `${folder.path}/list`,
    ports.map((port, n) => `i-${n} 127.0.0.1:${port}`).join("\n"),
  );
  folder.write("fleet.yaml", `admin: { port: ${admin} }\nfleet: { file: ${folder.path}/list }\n`);
  const child = spawn(binary, ["fleet", `${folder.path}/fleet.yaml`], { stdio: "ignore" });
  t.after(() => void child.kill());
  const overview = async () => {
    await sleep(1_000); // each look costs what a watcher costs
    try {
      const response = await fetch(`http://127.0.0.1:${admin}/fleet.json`);
      return (await response.json()) as { instances: readonly { state: string }[] };
    } catch {
      return { instances: [] };
    }
  };
  const areReady = (state: Awaited<ReturnType<typeof overview>>) =>
    state.instances.filter((each) => each.state === "ready").length === instances;
  await until(overview, areReady, "all are watched");
  return { pid: child.pid ?? 0, overview };
}

/** Processor time so far, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMiB(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) / 1024;
}

test("200 instances with 50 services each take about a tenth of a core", async (t) => {
  const simulated = await simulateInstances(instances, services);
  t.after(() => simulated.close());
  const { pid } = await startFleet(t, simulated.ports);
  await sleep(10_000); // until everything is compiled
  const [askedBefore, cpuBefore, startedMs] = [simulated.asked, cpuSeconds(pid), performance.now()];
  await sleep(40_000);
  const seconds = (performance.now() - startedMs) / 1_000;
  const share = (cpuSeconds(pid) - cpuBefore) / seconds;
  const perSecond = (simulated.asked - askedBefore) / seconds;
  const figures =
    `${(share * 100).toFixed(1)} % of a core, ${perSecond.toFixed(0)} pages/s, ` +
    `${residentMiB(pid).toFixed(0)} MiB resident`;
  t.diagnostic(figures);
  assert.ok(perSecond > 30, figures);
  assert.ok(share <= maxShareOfCore, figures);
  assert.ok(residentMiB(pid) <= maxMiB, figures);
});

/** Collects what is garbage, so that what is left can be measured. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") (gc as () => void)();
}

test("an hour of 200 instances with 50 services each fits into 150 MiB", (t) => {
  const startedMs = Date.UTC(2026, 0, 1);
  let wallMs = startedMs;
  const shared = {
    wallMs: () => wallMs,
    keepsHistory: true,
    budget: { max: 60_000, used: 0, refused: 0, memory: new SeriesMemory() },
    services: new Services(),
  };
  const models = Array.from({ length: instances }, () => new InstanceModel(shared));
  collect();
  const before = process.memoryUsage();
  for (let minute = 0; minute <= 60; minute++) {
    wallMs = startedMs + minute * 60_000;
    for (const [instance, model] of models.entries()) {
      const reader = new PageReader(model);
      const page = pageOf(instance, services, startedMs, wallMs, model.after);
      assert.equal(reader.feed(Buffer.from(page)), null);
      assert.equal(reader.end(), null);
      model.ended();
    }
    shared.services.prune(wallMs);
  }
  collect();
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  const figures = `${(grown / 1024 / 1024).toFixed(0)} MiB for ${shared.budget.used} series`;
  t.diagnostic(figures);
  assert.equal(shared.budget.refused, 0);
  assert.equal(shared.services.find("outgoing", "/svc/service-7")?.hour(wallMs).length, 60);
  assert.ok(grown / 1024 / 1024 <= 100, figures);
  assert.ok(models.every(({ routers }) => routers.size === 2));
});
