import assert from "node:assert/strict";
import { test } from "node:test";
import { totalmem } from "node:os";
import { defaultLimitBytes, HeldMemory } from "../../src/runtime/held-memory.ts";
import { ProcessLimits } from "../../src/runtime/process-limits.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { simulatedClock } from "../support/clock.ts";

const unlimited = {
  maxConnections: Infinity,
  maxBufferedBytes: Infinity,
  shedAboveLagMs: Infinity,
};

function limits(options: Partial<typeof unlimited>) {
  const clock = simulatedClock();
  const { stats } = openMetrics(simulatedClock());
  const memory = new HeldMemory();
  const made = new ProcessLimits({ ...unlimited, ...options }, { clock, stats, memory });
  /** The clock of a process that does nothing else for so long: its timers come late. */
  let stolenMs = 0;
  const blocked = { ...clock, nowMs: () => clock.nowMs() + stolenMs };
  return {
    clock,
    made,
    memory,
    stats,
    refusal: () => made.refusal?.(blocked.nowMs()) ?? null,
    block: (ms: number) => void (stolenMs += ms),
  };
}

test("without limits nothing is watched and nothing is refused", () => {
  const { made, clock } = limits({});
  assert.deepEqual([made.connections, made.refusal, clock.waiting], [null, null, 0]);
});

test("one connection too many is not taken, and is when another has closed", () => {
  const { made, stats } = limits({ maxConnections: 2 });
  const gate = made.connections;
  assert.deepEqual([gate?.opened(), gate?.opened(), gate?.opened()], [true, true, false]);
  gate?.closed();
  assert.equal(gate?.opened(), true);
  assert.equal(stats.counter("refused_connections").value, 1);
});

test("a late event loop refuses new requests, to be sent again elsewhere", () => {
  const { clock, refusal, block, stats } = limits({ shedAboveLagMs: 100 });
  clock.advance(1_000);
  assert.equal(refusal(), null);
  block(149);
  assert.equal(refusal(), null, "the next look is due in 50 ms: it is 99 ms late");
  block(2);
  const why = refusal();
  assert.deepEqual([why?.kind, why?.retry, why?.retryAfterMs], ["exhausted", "safe", 0]);
  assert.match(why?.detail ?? "", /more than 100 ms late/);
  assert.equal(stats.counter("shed", "lag").value, 1);
});

test("held memory refuses new requests until there is room again, immediately", () => {
  const { refusal, memory, stats } = limits({ maxBufferedBytes: 1_000 });
  assert.equal(memory.take(1_001), false, "more than the limit is not taken");
  memory.add(1_000); // what could not be refused
  assert.match(refusal()?.detail ?? "", /holds 1000 bytes of calls and responses/);
  assert.equal(stats.counter("shed", "buffered").value, 1);
  memory.release(1);
  assert.equal(refusal(), null);
  assert.equal(memory.take(1), true);
});

test("by default a quarter of the memory may be held", () => {
  const bytes = defaultLimitBytes();
  assert.ok(bytes > 0 && bytes <= totalmem() / 4, `${bytes}`);
});
