// Which calls of a router are kept: bounded in number and in time, whatever comes.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallView } from "../../../src/core/calls/hub.ts";
import type { CallRecord } from "../../../src/core/calls/record.ts";
import { RouterRecent } from "../../../src/telemetry/calls/router-recent.ts";
import type { RecentOptions } from "../../../src/telemetry/calls/router-recent.ts";

const options: RecentOptions = { sampleRate: 0, capacity: 100, failed: 100, slowest: 0 };

function call(changed: Partial<CallView> = {}): CallView {
  return {
    request: {} as CallView["request"],
    failure: null,
    outcome: "success",
    durationMs: 1,
    endedMs: 0,
    isTunnel: false,
    isSampled: () => null,
    describe: () => assert.fail("nothing more is asked of a call that is not wanted"),
    ...changed,
  };
}

/** Ends a call; returns whether a record was made. */
function end(recent: RouterRecent, view: CallView, id = ""): boolean {
  const isWanted = recent.wants(view);
  if (isWanted) recent.take({ id } as CallRecord);
  return isWanted;
}

const idsOf = (recent: RouterRecent, nowMs = 0): readonly string[] =>
  [...recent.calls(nowMs)].map(([{ id }, why]) => `${id} ${why.join("+")}`);

test("the last failed calls are kept, and no others", () => {
  const recent = new RouterRecent({ ...options, failed: 3 });
  for (let i = 0; i < 5; i++) {
    assert.equal(end(recent, call({ endedMs: i })), false);
    end(recent, call({ outcome: "failure", endedMs: i }), `${i}`);
  }
  assert.deepEqual(idsOf(recent).toSorted(), ["2 failed", "3 failed", "4 failed"]);
});

test("of a flood of failures 200 a second are recorded, the others are counted", () => {
  const recent = new RouterRecent(options);
  let made = 0;
  for (let i = 0; i < 100_000; i++) {
    if (end(recent, call({ outcome: "failure", endedMs: i / 10 }))) made++;
  }
  assert.ok(made > 2_000 && made <= 2_201, `${made} in 10 s`);
  assert.equal(recent.skipped, 100_000 - made);
});

test("garbage does not push out the failures of calls", () => {
  const recent = new RouterRecent(options);
  end(recent, call({ outcome: "failure" }), "real");
  for (let i = 0; i < 10_000; i++) {
    end(recent, call({ request: null, outcome: "failure", endedMs: 10 * i }), "garbage");
  }
  const ids = idsOf(recent);
  assert.equal(ids[0], "real failed");
  assert.equal(ids.length, 1 + 25);
});

test("the slowest of ten minutes are kept, the fastest of them goes first", () => {
  const recent = new RouterRecent({ ...options, slowest: 3 });
  for (const [at, durationMs] of [5, 1, 9, 3, 7, 2].entries()) {
    end(recent, call({ durationMs, endedMs: at * 1_000 }), `${durationMs}ms`);
  }
  assert.deepEqual(idsOf(recent), ["5ms slow", "7ms slow", "9ms slow"]);
  assert.equal(recent.wants(call({ durationMs: 4, endedMs: 500_000 })), false);
  // Ten minutes after the one of 5 ms there is room for a faster one.
  assert.equal(end(recent, call({ durationMs: 4, endedMs: 600_500 }), "4ms"), true);
  assert.deepEqual(idsOf(recent, 600_500), ["4ms slow", "7ms slow", "9ms slow"]);
});

test("calls that become slower and slower do not cost a record each", () => {
  const recent = new RouterRecent({ ...options, slowest: 50 });
  let made = 0;
  for (let i = 0; i < 50_000; i++) {
    if (end(recent, call({ durationMs: i, endedMs: i / 10 }))) made++;
  }
  assert.ok(made <= 301, `${made} in 5 s`);
});

test("a tunnel is not a slow call", () => {
  const recent = new RouterRecent({ ...options, slowest: 3 });
  assert.equal(end(recent, call({ isTunnel: true, durationMs: 3_600_000 })), false);
});

test("the sample has its share of all calls, evenly", () => {
  const recent = new RouterRecent({ ...options, sampleRate: 0.25 });
  const sampled = Array.from({ length: 40 }, (_, i) => i).filter((i) => {
    return end(recent, call({ endedMs: i * 1_000 }), `${i}`);
  });
  assert.deepEqual(sampled, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
});

test("a call that is failed, slow and in the sample is kept once, with all reasons", () => {
  const recent = new RouterRecent({ sampleRate: 1, capacity: 1, failed: 1, slowest: 1 });
  end(recent, call({ outcome: "failure" }), "x");
  assert.deepEqual(idsOf(recent), ["x failed+slow+sample"]);
});
