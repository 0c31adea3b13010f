// The watch on its own: what it queries and when, with a fake agent and a simulated clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failed, late, pending } from "../../../src/core/live.ts";
import type { State } from "../../../src/core/live.ts";
import { failure } from "../../../src/core/failure.ts";
import type { Client, Outcome } from "../../../src/naming/consul/api.ts";
import { QuerySlots } from "../../../src/naming/consul/query-slots.ts";
import type { WatchSpec } from "../../../src/naming/consul/watch-spec.ts";
import { Watch } from "../../../src/naming/consul/watch.ts";
import { simulatedClock } from "../../support/clock.ts";
import { keptLog } from "../../support/naming.ts";

interface SentQuery {
  readonly index: number | null;
  readonly waitMs: number;
  readonly timeoutMs: number;
  respond(outcome: Outcome): void;
}

/** One watch of a text; the text "gone" is what is absent. */
function setup(spec: Partial<WatchSpec<string>> = {}, slots = new QuerySlots()) {
  const clock = simulatedClock();
  const log = keptLog();
  const sent: SentQuery[] = [];
  let cancelled = 0;
  const client = {
    query(_question, blocking, timeoutMs, done) {
      let isOver = false;
      sent.push({
        index: blocking?.index ?? null,
        waitMs: blocking?.waitMs ?? 0,
        timeoutMs,
        respond(outcome) {
          assert.ok(!isOver, "responded twice, or after the query was cancelled");
          isOver = true;
          done(outcome);
        },
      });
      return () => {
        if (!isOver) cancelled += 1;
        isOver = true;
      };
    },
  } as Client;
  const counts = { updates: { value: 0 }, errors: { value: 0 } };
  const watch = new Watch<string>(
    {
      name: "/dc1/web",
      query: { kind: "self", datacenter: null },
      read: (body) => (typeof body === "string" ? { value: body } : "no text"),
      isSame: Object.is,
      absent: "gone",
      mayBeMissing: false,
      isBlocking: true,
      late,
      unknown: (problem) => failed(failure("unresolved", problem)),
      ...spec,
    },
    {
      client,
      slots,
      agent: "agent:1",
      resyncIntervalMs: 300_000,
      clock,
      log,
      counts,
      backoff: { minMs: 10, maxMs: 5_000 },
      random: () => 0.5,
    },
  );
  const states: State<string>[] = [];
  const start = () => watch.live.watch((state) => void states.push(state));
  const last = (): SentQuery => sent.at(-1) ?? assert.fail("nothing was sent");
  const say = (body: unknown, index: number | null) =>
    last().respond({ kind: "response", index, body });
  const fail = (problem = "refused") => last().respond({ kind: "error", problem });
  return {
    clock,
    log,
    sent,
    watch,
    states,
    counts,
    start,
    last,
    say,
    fail,
    get cancelled() {
      return cancelled;
    },
    get value() {
      const { state } = watch.live;
      return state.kind === "ok" ? state.value : state.kind;
    },
  };
}

test("it queries immediately, then blocks on the index of each response", () => {
  const w = setup();
  w.start();
  assert.equal(w.last().index, null);
  w.say("a", 7);
  assert.equal(w.value, "a");
  assert.equal(w.last().index, 7);
  w.say("b", 9);
  assert.equal(w.value, "b");
  assert.equal(w.last().index, 9);
  assert.equal(w.sent.length, 3);
});

test("a response is awaited a little longer than Consul takes, never for ever", () => {
  const w = setup();
  w.start();
  assert.equal(w.last().timeoutMs, 10_000);
  w.say("a", 7);
  const { waitMs, timeoutMs } = w.last();
  assert.equal(waitMs, 60_000);
  assert.ok(timeoutMs >= waitMs + waitMs / 16 && timeoutMs < waitMs + 20_000);
});

test("an index that goes backwards is reset by a query that does not block", () => {
  const w = setup();
  w.start();
  w.say("a", 100);
  w.say("b", 5);
  assert.equal(w.value, "b");
  assert.equal(w.last().index, null);
  w.say("b", 5);
  assert.equal(w.last().index, 5);
});

test("the index 0, which would not block, is taken for 1", () => {
  const w = setup();
  w.start();
  w.say("a", 0);
  assert.equal(w.last().index, 1);
});

test("a response without an index counts, and the watch continues", () => {
  const w = setup();
  w.start();
  w.say("a", null);
  assert.equal(w.value, "a");
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    const before = w.sent.length;
    let waitedMs = 0;
    while (w.sent.length === before) {
      w.clock.advance(1);
      waitedMs += 1;
    }
    waits.push(waitedMs);
    assert.equal(w.last().index, null);
    w.say("a", null);
  }
  assert.ok(waits[0] !== undefined && waits[0] <= 10);
  assert.ok((waits.at(-1) ?? 0) <= 5_000 && (waits.at(-1) ?? 0) > 1_000);
  w.clock.advance(5_000);
  w.say("b", 12);
  assert.equal(w.value, "b");
  assert.equal(w.last().index, 12);
});

test("after a failure it queries without an index, ever more slowly, from 10 ms to 5 s", () => {
  const w = setup();
  w.start();
  w.say("a", 7);
  w.fail();
  const waits: number[] = [];
  for (let i = 0; i < 15; i++) {
    const before = w.sent.length;
    let waitedMs = 0;
    while (w.sent.length === before) {
      w.clock.advance(1);
      waitedMs += 1;
    }
    waits.push(waitedMs);
    assert.equal(w.last().index, null);
    assert.equal(w.value, "a");
    w.fail();
  }
  // Half of the full wait may be left out, and `random` is 0.5: three quarters.
  assert.deepEqual(waits.slice(0, 5), [8, 15, 30, 60, 120]);
  assert.equal(waits.at(-1), 3_750);
  assert.equal(w.counts.errors.value, 16);
  assert.equal(w.log.events.filter(({ level }) => level === "warn").length, 1);
  w.clock.advance(5_000);
  w.say("b", 8);
  assert.equal(w.value, "b");
  w.fail();
  const before = w.sent.length;
  w.clock.advance(10);
  assert.equal(w.sent.length, before + 1, "the wait started over");
});

test("a body that cannot be read is a failure", () => {
  const w = setup();
  w.start();
  w.say("a", 7);
  w.say({ some: "thing" }, 8);
  assert.equal(w.value, "a");
  assert.equal(w.watch.report.problem, "no text");
});

test("404 is a failure, unless the spec says it is absence", () => {
  const missing: Outcome = { kind: "missing", index: 3, problem: "not found" };
  const strict = setup();
  strict.start();
  strict.last().respond(missing);
  assert.equal(strict.value, "failed");
  const lenient = setup({ mayBeMissing: true });
  lenient.start();
  lenient.last().respond(missing);
  assert.equal(lenient.value, "gone");
  assert.equal(lenient.last().index, 3);
});

test("what was never known is called so at the first failure", () => {
  const refused = setup();
  refused.start();
  assert.equal(refused.value, "pending");
  refused.fail();
  assert.equal(refused.value, "failed");
});

test("a first response that takes more than 900 ms is late, until it comes or fails", () => {
  const silent = setup();
  silent.start();
  silent.clock.advance(899);
  assert.deepEqual(silent.watch.live.state, pending);
  silent.clock.advance(1);
  assert.deepEqual(silent.watch.live.state, late("agent:1 has not responded within 900 ms"));
  silent.say("a", 7);
  assert.equal(silent.value, "a");
  const broken = setup();
  broken.start();
  broken.clock.advance(900);
  broken.fail();
  assert.equal(broken.value, "failed");
});

test("each resync queries from scratch", () => {
  const w = setup();
  w.start();
  w.say("a", 7);
  // Consul responds each minute that nothing changed; `random` is 0.5: no more and no less than 5 min.
  for (let minute = 1; minute < 5; minute++) {
    w.clock.advance(60_000);
    assert.equal(w.last().index, 7);
    w.say("a", 7);
  }
  w.clock.advance(60_000);
  w.say("a", 7);
  assert.equal(w.last().index, null, "the index is forgotten");
  w.say("b", 7);
  assert.equal(w.value, "b", "a change that the index did not show");
  assert.equal(w.last().index, 7);
});

test("the same again is no change", () => {
  const w = setup();
  w.start();
  w.say("a", 7);
  const { length } = w.states;
  w.say("a", 8);
  w.say("a", 9);
  assert.equal(w.states.length, length);
  assert.equal(w.counts.updates.value, 1);
});

test("a name that changes all the time is queried ten times a second, after a burst", () => {
  const w = setup();
  w.start();
  let index = 1;
  const answerAll = () => {
    for (let before = -1; before !== w.sent.length;) {
      before = w.sent.length;
      if (w.clock.waiting === 0 || answered < w.sent.length) w.say(`v${index}`, ++index);
      answered = before;
    }
  };
  let answered = 0;
  answerAll();
  const burst = w.sent.length;
  assert.ok(burst >= 25 && burst <= 35, `${burst} at once`);
  for (let i = 0; i < 100; i++) {
    w.clock.advance(100);
    answerAll();
  }
  const later = w.sent.length - burst;
  assert.ok(later >= 95 && later <= 105, `${later} in ten seconds`);
});

test("what is gone from a server that was away stays for 30 s, and until a second response", () => {
  const w = setup();
  w.start();
  w.say("a", 100);
  w.fail();
  w.clock.advance(10);
  w.say("gone", 101);
  assert.equal(w.value, "a");
  assert.ok(w.watch.report.isInDoubt);
  assert.equal(w.last().index, 101, "it continues to watch");
  w.clock.advance(29_000);
  w.say("gone", 102);
  assert.equal(w.value, "a");
  w.clock.advance(1_000);
  assert.equal(w.value, "a", "time alone takes nothing away");
  assert.equal(w.last().index, null, "Consul is asked again, from scratch");
  w.say("gone", 102);
  assert.equal(w.value, "gone");
  assert.ok(!w.watch.report.isInDoubt);
});

test("a server that lost a name and then fails takes nothing away, however long it fails", () => {
  const w = setup();
  w.start();
  w.say("a", 100);
  w.say("gone", 1);
  for (let i = 0; i < 60; i++) {
    w.fail("Consul responded with 500");
    w.clock.advance(5_000);
  }
  assert.equal(w.value, "a");
  assert.ok(w.watch.report.isInDoubt);
  w.say("gone", 2);
  assert.equal(w.value, "gone", "a second good response does");
});

test("a 404 takes away what was there only when a second one follows", () => {
  const missing: Outcome = { kind: "missing", index: 101, problem: "not found" };
  const w = setup({ mayBeMissing: true });
  w.start();
  w.say("a", 100);
  w.last().respond(missing);
  assert.equal(w.value, "a");
  w.fail();
  w.clock.advance(60_000);
  w.fail();
  assert.equal(w.value, "a", "routes outlive a 404 and the outage after it");
  w.clock.advance(5_000);
  w.say("b", 102);
  assert.equal(w.value, "b");
  w.last().respond({ ...missing, index: 103 });
  w.clock.advance(1_000);
  w.last().respond({ ...missing, index: 103 });
  assert.equal(w.value, "gone");
});

test("a 404 without an index does not come from Consul", () => {
  const w = setup({ mayBeMissing: true });
  w.start();
  w.say("a", 100);
  for (let i = 0; i < 3; i++) {
    w.last().respond({ kind: "missing", index: null, problem: "not found" });
    w.clock.advance(60_000);
  }
  assert.equal(w.value, "a");
  assert.match(w.watch.report.problem ?? "", /not by Consul/);
});

test("what comes back within that time counts immediately", () => {
  const w = setup();
  w.start();
  w.say("a", 100);
  w.say("gone", 3); // a server that restarted
  assert.equal(w.value, "a");
  w.say("b", 4);
  assert.equal(w.value, "b");
  w.say("gone", 5);
  assert.equal(w.value, "gone", "and is trusted when it goes the usual way");
});

test("closing the last watcher cancels the query; nothing is queried or set after that", () => {
  const w = setup();
  const close = w.start();
  w.say("a", 7);
  close();
  assert.equal(w.cancelled, 1);
  assert.equal(w.clock.waiting, 0);
  assert.equal(w.value, "pending");
  assert.equal(w.watch.report.isRunning, false);
});

test("closing while it waits leaves no timer", () => {
  const w = setup();
  const close = w.start();
  w.fail();
  close();
  assert.equal(w.clock.waiting, 0);
  const inDoubt = setup();
  const closeIt = inDoubt.start();
  inDoubt.say("a", 100);
  inDoubt.say("gone", 3);
  closeIt();
  assert.equal(inDoubt.clock.waiting, 0);
});

test("a returning watcher gets Consul's current value, or the last known without a response", () => {
  const w = setup();
  const close = w.start();
  w.say("a", 7);
  close();
  const closeAgain = w.start();
  assert.equal(w.value, "pending");
  w.say("b", 9);
  assert.equal(w.value, "b");
  closeAgain();
  w.start();
  w.fail();
  assert.equal(w.value, "b");
});

test("a watcher may close and start again while it is called", () => {
  const w = setup();
  let close = () => {};
  let isAgain = false;
  close = w.watch.live.watch(() => {
    if (isAgain) return;
    isAgain = true;
    close();
    w.start();
  });
  w.say("a", 7);
  assert.equal(w.sent.length, 2, "one query, not two");
  w.say("b", 8);
  assert.equal(w.value, "b");
});

test("a closed watch stays closed", () => {
  const w = setup();
  w.start();
  w.say("a", 7);
  w.watch.close();
  assert.equal(w.cancelled, 1);
  assert.equal(w.value, "a");
  w.start();
  assert.equal(w.sent.length, 2);
  assert.equal(w.clock.waiting, 0);
});

test("without a slot for blocking queries it polls every 10 s, and blocks when it gets one", () => {
  const slots = new QuerySlots();
  const held = Array.from({ length: 128 }, () =>
    slots.take({ slotGranted() {}, slotRevoked() {} }),
  );
  const w = setup({}, slots);
  w.start();
  w.say("a", 7);
  assert.equal(w.watch.report.mode, "polled");
  assert.equal(w.sent.length, 1);
  w.clock.advance(10_000);
  assert.equal(w.last().index, null);
  w.say("b", 8);
  assert.equal(w.value, "b");
  assert.equal(w.log.events[0]?.event, "consul watches polled");
  held[0]?.release();
  assert.equal(w.watch.report.mode, "blocking");
  assert.equal(w.last().index, 8, "at once");
});

test("a watch that loses its slot ends its blocking query and polls", () => {
  const slots = new QuerySlots();
  for (let i = 0; i < 127; i++) slots.take({ slotGranted() {}, slotRevoked() {} });
  const w = setup({}, slots);
  w.start();
  w.say("gone", 7);
  assert.equal(w.last().index, 7);
  slots.take({ slotGranted() {}, slotRevoked() {} }).setPriority("high");
  assert.equal(w.watch.report.mode, "polled");
  assert.equal(w.cancelled, 1);
  assert.equal(w.sent.length, 2);
  w.clock.advance(10_000);
  assert.equal(w.sent.length, 3);
  assert.equal(w.last().index, null);
  w.say("gone", 8);
  assert.equal(w.watch.report.mode, "polled");
});

test("a query that cannot block is repeated with every resync", () => {
  const w = setup({ isBlocking: false });
  w.start();
  w.say("a", null);
  w.clock.advance(299_000);
  assert.equal(w.sent.length, 1);
  w.clock.advance(1_000);
  assert.equal(w.sent.length, 2);
});
