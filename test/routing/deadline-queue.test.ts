import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadlineQueue } from "../../src/routing/deadline-queue.ts";
import type { QueuedDeadline } from "../../src/routing/deadline-queue.ts";
import { simulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";

const limitMs = 100;

function started() {
  const clock = simulatedClock();
  const expiries = new DeadlineQueue(clock, limitMs);
  const begin = (fire: () => void): QueuedDeadline => {
    const one = { previous: null, next: null, dueMs: clock.nowMs() + limitMs, fire };
    expiries.add(one);
    return one;
  };
  return { clock, expiries, begin };
}

test("each ends when its own time is up, in the order in which they began", () => {
  const { clock, begin } = started();
  const ended: [string, number][] = [];
  begin(() => ended.push(["first", clock.nowMs()]));
  clock.advance(30);
  begin(() => ended.push(["second", clock.nowMs()]));
  begin(() => ended.push(["third", clock.nowMs()]));
  clock.advance(200);
  assert.deepEqual(ended, [
    ["first", 100],
    ["second", 130],
    ["third", 130],
  ]);
});

test("what was taken out does not end, and without anybody left there is no timer", () => {
  const { clock, expiries, begin } = started();
  const [a, b] = [begin(() => assert.fail()), begin(() => assert.fail())];
  assert.equal(clock.waiting, 1);
  expiries.remove(a);
  expiries.remove(a);
  expiries.remove(b);
  assert.equal(clock.waiting, 0);
  clock.advance(500);
});

test("one that begins or is taken out while others end is treated as it should be", () => {
  const { clock, expiries, begin } = started();
  const ended: number[] = [];
  begin(() => {
    expiries.remove(second);
    begin(() => ended.push(clock.nowMs()));
  });
  const second = begin(() => assert.fail());
  clock.advance(99);
  begin(() => ended.push(clock.nowMs()));
  clock.advance(500);
  assert.deepEqual(ended, [199, 200]);
});

test("by chance: those that stay end on time, and no others do", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  const { clock, expiries, begin } = started();
  const open = new Map<QueuedDeadline, number>();
  for (let step = 0; step < 5_000; step++) {
    const chance = random();
    if (chance < 0.5) {
      const one: QueuedDeadline = begin(() => {
        assert.equal(clock.nowMs(), open.get(one), `seed ${seed}`);
        open.delete(one);
      });
      open.set(one, clock.nowMs() + limitMs);
    } else if (chance < 0.8) {
      const one = Array.from(open.keys())[Math.floor(random() * open.size)];
      if (one === undefined) continue;
      expiries.remove(one);
      open.delete(one);
    } else clock.advance(Math.floor(random() * 20));
  }
  clock.advance(limitMs);
  assert.equal(open.size, 0, `seed ${seed}`);
  assert.equal(clock.waiting, 0);
});
