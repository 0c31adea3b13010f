// Every filter gives exactly one response, whether the service below responds immediately or later.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import type { Filter, Service } from "../../../src/core/service.ts";
import { ended, stack } from "../../../src/core/service.ts";
import { RetryBudget } from "../../../src/routing/budget.ts";
import { CallStats } from "../../../src/routing/stats/call-stats.ts";
import { admissionFilter } from "../../../src/routing/filters/admission.ts";
import {
  attemptTimeout,
  deadlineFilter,
  serverTimeout,
} from "../../../src/routing/filters/deadline.ts";
import { RequeueStats, requeueFilter } from "../../../src/routing/filters/requeue.ts";
import { RetryStats, retryFilter } from "../../../src/routing/filters/retry.ts";
import { statsFilter } from "../../../src/routing/filters/stats.ts";
import { WaitingRoom } from "../../../src/routing/waiting-room.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { send } from "../../support/outcome.ts";
import type { SimulatedClock } from "../../support/clock.ts";
import { simulatedClock } from "../../support/clock.ts";
import { exactlyOnce } from "../../support/exactly-once.ts";
import { seeded } from "../../support/random.ts";
import type { HeldCall, TestCall, TestResponse } from "../../support/routing.ts";
import {
  responds,
  classifier,
  defaultBudget,
  fails,
  holding,
  refused,
  testCall,
} from "../../support/routing.ts";

type TestFilter = Filter<TestCall, TestResponse>;
type TestService = Service<TestCall, TestResponse>;

const cancelled = failure("cancelled", "the caller went away");
/** Who owns the calls of a statistics filter, for a clock. */
const ownerOn = (clock: SimulatedClock) => ({
  stats: new CallStats(openMetrics(clock).stats),
  classifier,
  began: () => {},
  ended: () => {},
});

/** What is no success is worth another attempt. */
const retryable: typeof classifier = (request, response, why) =>
  classifier(request, response, why) === "success" ? "success" : "retryable";

const filters: Record<string, (clock: SimulatedClock) => TestFilter> = {
  stats: (clock) => {
    const owner = ownerOn(clock);
    return statsFilter({ clock, mark: () => {}, ownerOf: () => owner });
  },
  admission: () => admissionFilter(1_000),
  deadline: (clock) => deadlineFilter(clock, 1_000),
  "attempt timeout": (clock) => attemptTimeout(clock, 1_000),
  requeue: (clock) =>
    requeueFilter({
      stats: new RequeueStats(openMetrics(clock).stats),
      clock,
      budget: new RetryBudget(defaultBudget, clock.nowMs()),
      isOpen: () => true,
      maxAttempts: () => 4,
    }),
  retry: (clock) => {
    const scope = {
      retries: new RetryStats(openMetrics(clock).stats),
      retryBudget: new RetryBudget(defaultBudget, clock.nowMs()),
    };
    return retryFilter({
      clock,
      scopeOf: () => scope,
      classifier: retryable,
      maxAttempts: 4,
      backoff: () => ({ nextMs: () => 10, reset: () => {} }),
      discard: null,
    });
  },
  "waiting room, opened immediately": (clock) => (request, reply, next) => {
    const room = new WaitingRoom<TestCall, TestResponse>({ clock, timeoutMs: 1_000, what: "it" });
    const call = room.wait(request, reply, next);
    room.admit();
    return call;
  },
};

/** A service that responds, fails or breaks off by chance, immediately or when the clock moves. */
function whimsical(clock: SimulatedClock, random: () => number): TestService {
  return exactlyOnce((_, reply) => {
    let isOver = false;
    const finish = (why: typeof cancelled | null) => {
      if (isOver) return;
      isOver = true;
      reply.end(why);
    };
    const act = () => {
      if (isOver) return;
      const chance = random();
      if (chance < 0.2) return finish(refused);
      if (chance < 0.3) return finish(failure("closed", "reset", "never"));
      reply.start(chance < 0.5 ? 500 : 200);
      if (chance < 0.6) return finish(failure("closed", "in the middle of the body"));
      if (chance < 0.8) return finish(null);
      clock.after(100 * random(), () => finish(null));
    };
    if (random() < 0.5) act();
    else clock.after(2_000 * random(), act);
    return isOver ? ended : { cancel: finish };
  });
}

for (const [name, make] of Object.entries(filters)) {
  test(`${name}: passes on a response that comes before the service returns`, () => {
    const service = stack([make(simulatedClock())], responds(200));
    assert.deepEqual(send(service, testCall()).outcome, { response: 200, failure: null });
  });

  test(`${name}: passes on a response that comes later, head and end apart`, () => {
    const held: HeldCall[] = [];
    const asked = send(stack([make(simulatedClock())], holding(held)), testCall());
    assert.ok(asked.outcome === null);
    held[0]?.reply.start(200);
    assert.equal(asked.response, 200);
    assert.equal(asked.outcome, null);
    held[0]?.reply.end(null);
    assert.deepEqual(asked.outcome, { response: 200, failure: null });
  });

  test(`${name}: passes on a cancel, once, and the response is its reason`, () => {
    const held: HeldCall[] = [];
    const asked = send(stack([make(simulatedClock())], holding(held)), testCall());
    asked.cancel(cancelled);
    asked.cancel(cancelled);
    assert.equal(asked.outcome?.failure, cancelled);
    assert.equal(held[0]?.cancelledWith, cancelled);
    assert.equal(held.length, 1);
  });

  test(`${name}: a cancel after the end changes nothing`, () => {
    const asked = send(stack([make(simulatedClock())], responds(200)), testCall());
    asked.cancel(cancelled);
    assert.equal(asked.outcome?.failure, null);
  });

  test(`${name}: gives one response to each of many calls, whatever happens when`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const clock = simulatedClock();
      const random = seeded(seed);
      const asked = send(stack([make(clock)], whimsical(clock, random)), testCall());
      if (random() < 0.3) clock.after(2_000 * random(), () => asked.cancel(cancelled));
      clock.advance(9_000);
      assert.ok(asked.outcome !== null, `seed ${seed}`);
    }
  });
}

test("requeue: an attempt that failed immediately does not take the place of the one after it", () => {
  // The danger: the first call to `next` returns after the second, and its Pending is the older.
  const held: HeldCall[] = [];
  const second = holding(held);
  let attempts = 0;
  const service = stack<TestCall, TestResponse>(
    [filters["requeue"]!(simulatedClock())],
    (request, reply) => (++attempts === 1 ? fails(refused) : second)(request, reply),
  );
  const asked = send(service, testCall());
  assert.equal(held.length, 1);
  asked.cancel(cancelled);
  assert.equal(held[0]?.cancelledWith, cancelled);
  assert.equal(asked.outcome?.failure, cancelled);
});

test("requeue: a call that is cancelled is not sent again, even if the attempt ends as refused", () => {
  let end = () => {};
  let attempts = 0;
  const service = stack<TestCall, TestResponse>(
    [filters["requeue"]!(simulatedClock())],
    (_, reply) => {
      attempts++;
      end = () => reply.end(refused);
      return { cancel: () => end() };
    },
  );
  send(service, testCall()).cancel(cancelled);
  assert.equal(attempts, 1);
});

test("requeue: nothing is sent again once the head has gone to the caller", () => {
  const held: HeldCall[] = [];
  const asked = send(stack([filters["requeue"]!(simulatedClock())], holding(held)), testCall());
  held[0]?.reply.start(200);
  held[0]?.fail(refused);
  assert.equal(held.length, 1);
  assert.equal(asked.outcome?.failure, refused);
});

test("a caller who cancels in the middle of a synchronous head is heard", () => {
  for (const name of ["requeue", "deadline", "waiting room, opened immediately"]) {
    const clock = simulatedClock();
    const room = new WaitingRoom<TestCall, TestResponse>({ clock, timeoutMs: 9, what: "it" });
    let heard: unknown = null;
    let hasEnded = false;
    const leaf: TestService = (_, reply) => {
      reply.start(200);
      return {
        cancel: (why) => {
          heard = why;
          reply.end(why);
        },
      };
    };
    // A caller has its Pending before the head only if something above has waited.
    const pending = room.wait(
      testCall(),
      { start: () => pending.cancel(cancelled), end: () => (hasEnded = true) },
      stack([filters[name]!(clock)], leaf),
    );
    room.admit();
    assert.equal(heard, cancelled, name);
    assert.ok(hasEnded, name);
  }
});

test("deadline: no timer for a call without a limit, and none after the head", () => {
  const clock = simulatedClock();
  const held: HeldCall[] = [];
  send(stack([deadlineFilter(clock, Infinity)], holding(held)), testCall());
  assert.equal(clock.waiting, 0);
  const limited = send(stack([deadlineFilter(clock, 100)], holding(held)), testCall());
  assert.equal(clock.waiting, 1);
  held[1]?.reply.start(200);
  assert.equal(clock.waiting, 0);
  clock.advance(1_000);
  assert.equal(limited.outcome, null);
});

test("stats: counts what was asked, how it ended, and for how long", () => {
  const clock = simulatedClock();
  const { stats } = openMetrics(clock);
  const held: HeldCall[] = [];
  let owned = 0;
  const calls = new CallStats(stats);
  const owner = { stats: calls, classifier, began: () => owned++, ended: () => owned-- };
  const marks: [number, string][] = [];
  const service = stack(
    [
      statsFilter<TestCall, TestResponse>({
        clock,
        mark: (response, verdict) => void marks.push([response, verdict]),
        ownerOf: () => owner,
      }),
    ],
    holding(held),
  );
  for (let i = 0; i < 4; i++) send(service, testCall());
  assert.equal(owned, 4);
  clock.advance(30);
  held[0]?.respond(200);
  held[1]?.respond(503);
  held[2]?.fail(refused);
  held[3]?.fail(cancelled);
  const read = (...name: string[]) => stats.counter(...name).value;
  assert.deepEqual(
    [read("requests"), read("success"), read("failures"), read("failures", "connect")],
    [4, 1, 2, 1],
  );
  assert.equal(read("cancelled"), 1, "a caller that left is neither a success nor a failure");
  assert.deepEqual([read("failures", "cancelled"), owned], [0, 0]);
  assert.deepEqual(marks, [
    [200, "success"],
    [503, "failure"],
  ]);
  assert.equal(owned, 0);
});

test("a server's timeout shortens the deadline and never lengthens it, and is named as its own", () => {
  const seen: [number, number | undefined][] = [];
  const service = stack<TestCall, TestResponse>(
    [serverTimeout(simulatedClock(), 500)],
    (request, reply) => {
      seen.push([request.deadlineMs, request.serverTimeoutMs]);
      return responds(200)(request, reply);
    },
  );
  send(service, testCall());
  send(service, testCall("/svc/users", { deadlineMs: 100 }));
  assert.deepEqual(seen, [
    [500, 500],
    [100, undefined],
  ]);
});
