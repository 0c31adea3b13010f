import assert from "node:assert/strict";
import { test } from "node:test";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { Outbox } from "../../../src/telemetry/tracing/outbox.ts";
import type { SendResult } from "../../../src/telemetry/tracing/outbox.ts";
import { simulatedClock } from "../../support/clock.ts";
import { keptLog } from "../../support/naming.ts";
import { seeded } from "../../support/random.ts";

type Batch = readonly number[];

/** An outbox of numbers, each of which is so many spans, and a collector that takes its time. */
function outboxOf(t: { after(run: () => void): void }) {
  const clock = simulatedClock();
  const { stats, close } = openMetrics(clock);
  t.after(close);
  const log = keptLog();
  const sent: Batch[] = [];
  let settle: ((result: SendResult) => void) | null = null;
  const outbox = new Outbox<number>(
    {
      to: "http://zipkin/",
      advice: "check host",
      intervalMs: 1_000,
      sizeOf: (spans) => spans,
      send: (batch) => {
        sent.push(batch);
        return new Promise((resolve) => (settle = resolve));
      },
    },
    { clock, random: seeded(1), log, stats },
  );
  /** The collector's answer, and what follows from it. */
  const respond = async (result: SendResult): Promise<void> => {
    assert.ok(settle !== null, "nothing is on its way");
    settle(result);
    settle = null;
    await new Promise(setImmediate);
  };
  const events = (): string[] => log.events.map(({ event }) => event);
  return { clock, outbox, sent, respond, events };
}

const ok = { kind: "sent" } as const;
const down = { kind: "failed", problem: "connection refused" } as const;

test("what comes within an interval leaves in one batch", async (t) => {
  const { clock, outbox, sent, respond } = outboxOf(t);
  outbox.put(1);
  clock.advance(500);
  outbox.put(2);
  assert.deepEqual(sent, []);
  clock.advance(500);
  assert.deepEqual(sent, [[1, 2]]);
  await respond(ok);
  clock.advance(10_000);
  assert.deepEqual(sent, [[1, 2]], "nothing is sent without spans");
  assert.deepEqual(outbox.state, { sent: 3, dropped: 0, queued: 0, problem: null });
});

test("a full batch does not wait for the interval, and one at a time is on its way", async (t) => {
  const { clock, outbox, sent, respond } = outboxOf(t);
  for (let i = 0; i < 500; i++) outbox.put(1);
  assert.deepEqual(sent, [], "not within the call");
  clock.advance(20);
  assert.deepEqual(
    sent.map(({ length }) => length),
    [256],
  );
  clock.advance(5_000);
  assert.equal(sent.length, 1);
  await respond(ok);
  clock.advance(1_000);
  assert.deepEqual(
    sent.map(({ length }) => length),
    [256, 244],
  );
});

test("a batch that failed is sent again, after longer and longer waits, and logged once", async (t) => {
  const { clock, outbox, sent, respond, events } = outboxOf(t);
  outbox.put(7);
  clock.advance(1_000);
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    const before = sent.length;
    await respond(down);
    const startMs = clock.nowMs();
    while (sent.length === before) clock.advance(100);
    waits.push(clock.nowMs() - startMs);
  }
  assert.ok(sent.every((batch) => batch.length === 1 && batch[0] === 7));
  assert.ok((waits[0] ?? 0) >= 1_000 && (waits[0] ?? 0) <= 1_200, String(waits));
  assert.ok((waits.at(-1) ?? 0) > 10_000 && Math.max(...waits) <= 60_200, String(waits));
  assert.deepEqual(events(), ["spans cannot be sent"]);
  await respond(ok);
  assert.deepEqual(events(), ["spans cannot be sent", "spans are sent again"]);
  assert.deepEqual(outbox.state, { sent: 7, dropped: 0, queued: 0, problem: null });
});

test("the collector's Retry-After is respected, up to a minute", async (t) => {
  const { clock, outbox, sent, respond } = outboxOf(t);
  outbox.put(1);
  clock.advance(1_000);
  await respond({ ...down, retryAfterMs: 20_000 });
  clock.advance(19_900);
  assert.equal(sent.length, 1);
  clock.advance(200);
  assert.equal(sent.length, 2);
  await respond({ ...down, retryAfterMs: 86_400_000 });
  clock.advance(60_100);
  assert.equal(sent.length, 3);
});

test("a batch that the collector refuses is dropped, and the next one is sent", async (t) => {
  const { clock, outbox, sent, respond, events } = outboxOf(t);
  outbox.put(3);
  clock.advance(1_000);
  outbox.put(4);
  await respond({ kind: "refused", problem: "400: no spans" });
  clock.advance(1_000);
  assert.deepEqual(sent, [[3], [4]]);
  await respond({ kind: "refused", problem: "400: no spans" });
  assert.equal(outbox.state.dropped, 7);
  assert.deepEqual(events(), ["spans cannot be sent"], "the same problem is logged once");
});

test("while nothing can be sent the queue is bounded, and says so before a record is made", async (t) => {
  const { clock, outbox, respond } = outboxOf(t);
  outbox.put(1);
  clock.advance(1_000);
  await respond(down);
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    if (!outbox.hasRoom()) continue;
    outbox.put(1);
    taken++;
  }
  assert.equal(taken, 8_191);
  const { queued, dropped } = outbox.state;
  assert.deepEqual([queued, dropped], [8_192, 20_000 - taken]);
});

test("at the end the rest is sent, and what cannot be is counted", async (t) => {
  const { clock, outbox, sent, respond } = outboxOf(t);
  outbox.put(1);
  clock.advance(1_000);
  outbox.put(2);
  const closed = outbox.close();
  await respond(ok);
  assert.deepEqual(sent, [[1], [2]], "after the one that was on its way");
  outbox.put(5);
  await respond(ok);
  await closed;
  assert.deepEqual(outbox.state, { sent: 3, dropped: 5, queued: 0, problem: null });
});

test("the end does not wait long for a collector that is silent, nor at all for one that is down", async (t) => {
  const silent = outboxOf(t);
  silent.outbox.put(1);
  const closed = silent.outbox.close();
  await new Promise(setImmediate);
  silent.clock.advance(1_600);
  await closed;

  const dead = outboxOf(t);
  dead.outbox.put(1);
  dead.clock.advance(1_000);
  await dead.respond(down);
  await dead.outbox.close();
  assert.equal(dead.sent.length, 1);
  assert.equal(dead.outbox.state.dropped, 1);
});
