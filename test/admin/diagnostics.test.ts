import { request } from "node:http";
import { test } from "node:test";
import assert from "node:assert/strict";
import { startAdmin } from "./support.ts";

test("a CPU profile is a download; a second one at the same time is 409", async (t) => {
  const { ask } = await startAdmin(t);
  const first = ask("/admin/profile?seconds=0.3");
  const second = ask("/admin/profile?seconds=0.3");
  const statuses = (await Promise.all([first, second])).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 409]);
  const { status, headers, body } = await ask("/admin/profile?seconds=0.05");
  assert.equal(status, 200);
  assert.match(
    headers["content-disposition"] ?? "",
    /attachment; filename="switchyard-\d+\.cpuprofile"/,
  );
  const profile = JSON.parse(body) as { nodes: unknown[]; startTime: number; endTime: number };
  assert.ok(profile.nodes.length > 0);
  assert.ok(profile.endTime - profile.startTime >= 40_000);
});

test("a profile ends when its caller disconnects", async (t) => {
  const { ask, admin } = await startAdmin(t);
  const asked = request({
    host: "127.0.0.1",
    port: admin.port,
    path: "/admin/profile?seconds=100",
  });
  asked.on("error", () => {}); // it is torn down below
  const isClosed = new Promise((resolve) => void asked.on("close", resolve));
  asked.end();
  while ((await ask("/admin/profile?seconds=0.001")).status !== 409);
  asked.destroy();
  await isClosed;
  let status = 409;
  while (status === 409) ({ status } = await ask("/admin/profile?seconds=0.01"));
  assert.equal(status, 200);
});

test("durations outside the bounds are 400", async (t) => {
  const { ask } = await startAdmin(t);
  for (const path of ["/admin/profile", "/admin/event-loop"]) {
    for (const seconds of ["0", "-1", "1e9", "301", "x", ""]) {
      assert.equal((await ask(`${path}?seconds=${seconds}`)).status, 400, `${path} ${seconds}`);
    }
  }
});

test("the heap is shown as statistics, or as a snapshot", async (t) => {
  const { ask } = await startAdmin(t);
  const numbers = JSON.parse((await ask("/admin/heap")).body) as {
    memory: { rss: number };
    heap: { used_heap_size: number };
    spaces: unknown[];
  };
  assert.ok(numbers.memory.rss > 1e6 && numbers.heap.used_heap_size > 1e5);
  assert.ok(numbers.spaces.length > 3);
  const { headers, body } = await ask("/admin/heap?snapshot=1");
  assert.match(headers["content-disposition"] ?? "", /\.heapsnapshot"$/);
  assert.match(body, /^\{"snapshot":/);
  assert.match(body.slice(-3), /\}/);
});

test("the event loop's lag is measured on demand", async (t) => {
  const { ask } = await startAdmin(t);
  const asked = ask("/admin/event-loop?seconds=0.3");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const untilMs = performance.now() + 80;
  while (performance.now() < untilMs); // late on purpose
  const shown = JSON.parse((await asked).body) as {
    samples: number;
    lag_ms: Record<string, number>;
  };
  assert.ok(shown.samples > 0);
  assert.ok((shown.lag_ms["max"] ?? 0) >= 40, JSON.stringify(shown));
  assert.ok((shown.lag_ms["p50"] ?? Infinity) <= (shown.lag_ms["max"] ?? 0));
});

test("the event loop is measured for eight callers together, and the ninth is 409", async (t) => {
  const { ask } = await startAdmin(t);
  const asked = Array.from({ length: 9 }, () => ask("/admin/event-loop?seconds=0.2"));
  const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [...Array.from({ length: 8 }, () => 200), 409]);
});
