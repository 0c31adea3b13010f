import assert from "node:assert/strict";
import { test } from "node:test";
import { QuerySlots, querySlotsOf } from "../../../src/naming/consul/query-slots.ts";
import { fakeHosts } from "../../support/naming.ts";

function holder(name: string, events: string[]) {
  return {
    slotGranted: () => void events.push(`${name} granted`),
    slotRevoked: () => void events.push(`${name} revoked`),
  };
}

const silent = { slotGranted() {}, slotRevoked() {} };

test("a released slot goes to the watch that has waited longest", () => {
  const slots = new QuerySlots();
  const taken = Array.from({ length: 128 }, () => slots.take(silent));
  assert.ok(taken.every(({ isBlocking }) => isBlocking));
  const events: string[] = [];
  const a = slots.take(holder("a", events));
  const b = slots.take(holder("b", events));
  const c = slots.take(holder("c", events));
  assert.equal(a.isBlocking, false);
  assert.deepEqual([slots.blocking, slots.polled], [128, 3]);
  b.release(); // stopped waiting
  b.release();
  taken[0]?.release();
  taken[0]?.release();
  assert.deepEqual(events, ["a granted"]);
  assert.equal(a.isBlocking, true);
  a.release();
  assert.deepEqual(events, ["a granted", "c granted"]);
  assert.equal(c.isBlocking, true);
  assert.deepEqual([slots.blocking, slots.polled], [128, 0]);
});

test("a name without instances yields its slot to one that has some", () => {
  const slots = new QuerySlots();
  const events: string[] = [];
  const taken = Array.from({ length: 128 }, (_, i) => slots.take(holder(`${i}`, events)));
  const late = slots.take(holder("late", events));
  late.setPriority("high");
  assert.deepEqual(events, [], "the priority of the others is still unknown");
  taken[7]?.setPriority("low");
  assert.deepEqual(events, ["7 revoked", "late granted"]);
  assert.deepEqual([slots.blocking, slots.polled], [128, 1]);
  taken[8]?.setPriority("low");
  assert.equal(events.length, 2, "no watch of higher priority is waiting");
  taken[7]?.setPriority("high"); // its service has come
  assert.deepEqual(events.slice(2), ["8 revoked", "7 granted"]);
  for (const slot of [...taken, late]) slot.setPriority("high");
  assert.equal(events.length, 4, "128 of 129, all of high priority");
  assert.deepEqual([slots.blocking, slots.polled], [128, 1]);
});

test("32 quick queries at a time, 8 of them to one data centre", () => {
  const slots = new QuerySlots();
  const running: string[] = [];
  const ask = (datacenter: string) => slots.quick(datacenter, () => running.push(datacenter));
  const far = Array.from({ length: 20 }, () => ask("far"));
  assert.equal(running.length, 8);
  ask("near");
  assert.equal(running.length, 9, "a silent data centre holds up only itself");
  far[0]?.();
  far[0]?.();
  assert.equal(running.length, 10);
  far[19]?.(); // cancelled while queued
  for (const close of far) close();
  assert.equal(running.filter((name) => name === "far").length, 19);
  for (const name of ["a", "b", "c", "d"]) for (let i = 0; i < 8; i++) ask(name);
  assert.equal(running.length, 19 + 1 + 31);
});

test("everything in a process shares the slots of an agent", () => {
  const process = fakeHosts();
  const slots = querySlotsOf("localhost:8500", process);
  assert.equal(querySlotsOf("localhost:8500", process), slots);
  assert.notEqual(querySlotsOf("localhost:8501", process), slots);
  assert.notEqual(querySlotsOf("localhost:8500", fakeHosts()), slots);
});
