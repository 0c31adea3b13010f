import assert from "node:assert/strict";
import { test } from "node:test";
import { Lanes, lanesTo } from "../../../src/naming/consul/lanes.ts";
import { fakeHosts } from "../../support/naming.ts";

test("a place that is given back goes to the one that has waited longest", () => {
  const lanes = new Lanes();
  const holders = Array.from({ length: 128 }, () => lanes.take(() => {}));
  assert.ok(holders.every(({ hasPlace }) => hasPlace));
  const granted: string[] = [];
  const a = lanes.take(() => granted.push("a"));
  const b = lanes.take(() => granted.push("b"));
  lanes.take(() => granted.push("c"));
  assert.equal(a.hasPlace, false);
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 3]);
  b.release(); // gave up
  b.release();
  holders[0]?.release();
  holders[0]?.release();
  assert.deepEqual(granted, ["a"]);
  a.release();
  assert.deepEqual(granted, ["a", "c"]);
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 0]);
});

test("32 quick questions at a time, 8 of them to one data centre", () => {
  const lanes = new Lanes();
  const running: string[] = [];
  const ask = (datacenter: string) => lanes.quick(datacenter, () => running.push(datacenter));
  const far = Array.from({ length: 20 }, () => ask("far"));
  assert.equal(running.length, 8);
  ask("near");
  assert.equal(running.length, 9, "a data centre that answers nothing holds up only itself");
  far[0]?.();
  far[0]?.();
  assert.equal(running.length, 10);
  far[19]?.(); // one that waits gives up
  for (const close of far) close();
  assert.equal(running.filter((name) => name === "far").length, 19);
  for (const name of ["a", "b", "c", "d"]) for (let i = 0; i < 8; i++) ask(name);
  assert.equal(running.length, 19 + 1 + 31);
});

test("all who ask one agent share its places, within a process", () => {
  const process = fakeHosts();
  const lanes = lanesTo("localhost:8500", process);
  assert.equal(lanesTo("localhost:8500", process), lanes);
  assert.notEqual(lanesTo("localhost:8501", process), lanes);
  assert.notEqual(lanesTo("localhost:8500", fakeHosts()), lanes);
});
