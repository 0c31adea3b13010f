import { test } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import { metricsJson } from "../../src/telemetry/metrics-json.ts";
import { textOf } from "./page-text.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { countProcess } from "../../src/telemetry/process-metrics.ts";

test("the process shows its memory, time, files and event loop, and leaves no timer behind", async () => {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const close = countProcess(metrics.stats, clock, 1_024);
  const busyUntilMs = performance.now() + 60;
  await new Promise((resolve) => setTimeout(resolve, 30)); // the monitor's first look
  while (performance.now() < busyUntilMs + 60); // late on purpose
  await new Promise((resolve) => setTimeout(resolve, 30));
  clock.advance(1_000);
  const page = await metricsJson(metrics.root, { isPretty: false, isTree: false, below: null });
  const flat = JSON.parse(await textOf(page!)) as Record<string, number>;
  for (const name of ["jvm/heap/used", "jvm/mem/current/used", "process/mem/rss"]) {
    assert.ok((flat[name] ?? 0) > 1e6, `${name}: ${flat[name]}`);
  }
  for (const name of [
    "jvm/uptime",
    "jvm/num_cpus",
    "jvm/fd_limit",
    "process/cpu/user_ms",
    "process/fds",
  ]) {
    assert.ok((flat[name] ?? 0) > 0, `${name}: ${flat[name]}`);
  }
  assert.equal(flat["process/event_loop/lag_ms.count"], 1);
  assert.ok((flat["process/event_loop/lag_ms.max"] ?? 0) >= 20);
  close();
  metrics.close();
  assert.equal(clock.waiting, 0);
});
