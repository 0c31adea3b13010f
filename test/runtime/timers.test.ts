import assert from "node:assert/strict";
import { test } from "node:test";
import { Alarm } from "../../src/net/alarm.ts";
import { systemClock, TimerWheel } from "../../src/runtime/timers.ts";
import { simulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";

/** A wheel on simulated time, and how often the system timer was set. */
function wheel() {
  const clock = simulatedClock();
  const counts = { sleeps: 0 };
  const timers = new TimerWheel({
    nowMs: clock.nowMs,
    sleep(delayMs, wake) {
      counts.sleeps++;
      return clock.after(delayMs, wake);
    },
  });
  return { clock, timers, counts };
}

test("a timer runs once, not early, and at most a tick late", () => {
  const { clock, timers } = wheel();
  const random = seeded(7);
  const ran: { dueMs: number; atMs: number }[] = [];
  for (let i = 0; i < 1_000; i++) {
    clock.advance(random() * 3);
    const dueMs = clock.nowMs() + random() * 500;
    timers.after(dueMs - clock.nowMs(), () => ran.push({ dueMs, atMs: clock.nowMs() }));
  }
  clock.advance(1_000);
  assert.equal(ran.length, 1_000);
  for (const { dueMs, atMs } of ran) {
    assert.ok(atMs >= dueMs, `${dueMs - atMs} ms early`);
    assert.ok(atMs <= dueMs + 11, `${atMs - dueMs} ms late`);
  }
  assert.equal(timers.size, 0);
});

test("timers run in the order of their ticks, and of one tick in the order they were set", () => {
  const { clock, timers } = wheel();
  const order: string[] = [];
  timers.after(95, () => order.push("late"));
  timers.after(15, () => order.push("a"));
  timers.after(16, () => order.push("b"));
  timers.after(5, () => order.push("early"));
  clock.advance(200);
  assert.deepEqual(order, ["early", "a", "b", "late"]);
});

test("timers of a day that are cancelled immediately leave a bounded number of ticks behind", () => {
  const { clock, timers } = wheel();
  const dayMs = 86_400_000;
  let ran = 0;
  const again = () => {
    ran++;
    timers.after(50, again); // something is always due before them
  };
  again();
  let late = 0;
  timers.after(dayMs, () => late++);
  for (let call = 0; call < 100_000; call++) {
    timers.after(dayMs, () => assert.fail("it was cancelled"))();
    if (call % 100 === 0) clock.advance(10);
  }
  assert.ok(timers.ticks < 2_000, `${timers.ticks} ticks are kept for ${timers.size} timers`);
  assert.ok(ran > 100, `${ran}`); // those that are left run on
  clock.advance(dayMs);
  assert.equal(late, 1);
});

test("a closed timer does not run, also when one of its own tick closes it", () => {
  const { clock, timers } = wheel();
  const ran: string[] = [];
  const close = timers.after(10, () => ran.push("closed"));
  close();
  close();
  timers.after(10, () => {
    ran.push("first");
    closeSecond();
  });
  const closeSecond = timers.after(10, () => ran.push("second"));
  clock.advance(100);
  assert.deepEqual(ran, ["first"]);
  assert.equal(timers.size, 0);
});

test("a timer may set the next one while it runs", () => {
  const { clock, timers } = wheel();
  let count = 0;
  const again = () => {
    if (++count < 5) timers.after(0, again);
  };
  timers.after(0, again);
  clock.advance(100);
  assert.equal(count, 5);
});

test("a thousand timers of one tick cost one system timer, and none that is closed wakes", () => {
  const { clock, timers, counts } = wheel();
  const closes = Array.from({ length: 1_000 }, () => timers.after(500, () => {}));
  assert.equal(counts.sleeps, 1);
  for (const close of closes) close();
  clock.advance(1_000);
  assert.equal(clock.waiting, 0);
  assert.equal(counts.sleeps, 1);
});

test("an infinite delay never runs and costs nothing", () => {
  const { timers, counts } = wheel();
  timers.after(Infinity, () => assert.fail())();
  assert.deepEqual([timers.size, counts.sleeps], [0, 0]);
});

test("the system's clock runs timers in real time", async () => {
  const clock = systemClock();
  const startedMs = clock.nowMs();
  const keepAlive = setTimeout(() => {}, 1_000);
  await new Promise<void>((resolve) => clock.after(20, resolve));
  clearTimeout(keepAlive); // its timers do not keep a process alive
  assert.ok(clock.nowMs() - startedMs >= 20);
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1_000);
});

test("an alarm that is always moved on costs a timer now and then, and rings when it is not", () => {
  const clock = simulatedClock();
  const rings: number[] = [];
  let timers = 0;
  const counted = {
    ...clock,
    after(delayMs: number, run: () => void) {
      timers++;
      return clock.after(delayMs, run);
    },
  };
  const alarm = new Alarm(counted, () => rings.push(clock.nowMs()));
  for (let i = 0; i < 10_000; i++) {
    alarm.set(clock.nowMs() + 1_000);
    clock.advance(1);
  }
  assert.deepEqual(rings, []);
  assert.ok(timers < 20, `${timers} timers`);
  clock.advance(5_000);
  assert.deepEqual(rings, [10_999]);
});

test("an alarm can be set earlier, cleared and closed", () => {
  const clock = simulatedClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.nowMs()));
  alarm.set(1_000);
  alarm.set(100);
  clock.advance(150);
  assert.deepEqual(rings, [100]);
  alarm.set(200);
  alarm.clear();
  clock.advance(1_000);
  assert.deepEqual(rings, [100]);
  alarm.set(2_000);
  alarm.close();
  assert.equal(clock.waiting, 0);
});
