import assert from "node:assert/strict";
import { test } from "node:test";
import { QuerySlots, querySlotsOf } from "../../../src/naming/consul/query-slots.ts";
import { fakeHosts } from "../../support/naming.ts";

function holder(name: string, told: string[]) {
  return {
    granted: () => void told.push(`${name} granted`),
    revoked: () => void told.push(`${name} revoked`),
  };
}

const silent = { granted() {}, revoked() {} };

test("a place that is given back goes to the one that has waited longest", () => {
  const lanes = new QuerySlots();
  const places = Array.from({ length: 128 }, () => lanes.take(silent));
  assert.ok(places.every(({ isBlocking }) => isBlocking));
  const told: string[] = [];
  const a = lanes.take(holder("a", told));
  const b = lanes.take(holder("b", told));
  const c = lanes.take(holder("c", told));
  assert.equal(a.isBlocking, false);
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 3]);
  b.release(); // gave up
  b.release();
  places[0]?.release();
  places[0]?.release();
  assert.deepEqual(told, ["a granted"]);
  assert.equal(a.isBlocking, true);
  a.release();
  assert.deepEqual(told, ["a granted", "c granted"]);
  assert.equal(c.isBlocking, true);
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 0]);
});

test("a name without instances gives its place to one that has some", () => {
  const lanes = new QuerySlots();
  const told: string[] = [];
  const places = Array.from({ length: 128 }, (_, i) => lanes.take(holder(`${i}`, told)));
  const late = lanes.take(holder("late", told));
  late.setWorth(true);
  assert.deepEqual(told, [], "nobody knows yet what the others are worth");
  places[7]?.setWorth(false);
  assert.deepEqual(told, ["7 revoked", "late granted"]);
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 1]);
  places[8]?.setWorth(false);
  assert.equal(told.length, 2, "nobody better wants it");
  places[7]?.setWorth(true); // its service has come
  assert.deepEqual(told.slice(2), ["8 revoked", "7 granted"]);
  for (const place of [...places, late]) place.setWorth(true);
  assert.equal(told.length, 4, "128 of 129 that are all worth it");
  assert.deepEqual([lanes.blocking, lanes.polled], [128, 1]);
});

test("32 quick questions at a time, 8 of them to one data centre", () => {
  const lanes = new QuerySlots();
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
  const lanes = querySlotsOf("localhost:8500", process);
  assert.equal(querySlotsOf("localhost:8500", process), lanes);
  assert.notEqual(querySlotsOf("localhost:8501", process), lanes);
  assert.notEqual(querySlotsOf("localhost:8500", fakeHosts()), lanes);
});
