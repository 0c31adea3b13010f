import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import {
  backoffSchema,
  decorrelated,
  doublingMs,
  equalJittered,
} from "../../../src/core/pacing/backoff.ts";
import { seeded } from "../../support/random.ts";

test("the backoff is 5 s, then doubles with equal jitter up to 300 s", () => {
  const ranges = [
    [5_000, 5_000],
    [5_000, 10_000],
    [10_000, 20_000],
    [20_000, 40_000],
    [40_000, 80_000],
    [80_000, 160_000],
    [160_000, 300_000],
    [300_000, 300_000],
    [300_000, 300_000],
  ] as const;
  const random = seeded(17);
  for (let run = 0; run < 10_000; run++) {
    const backoff = equalJittered(5_000, 300_000, random);
    for (const [least, most] of ranges.slice(0, 7)) {
      const waitMs = backoff.nextMs();
      assert.ok(waitMs >= least && waitMs <= most, `${waitMs}`);
    }
    for (let i = 0; i < 20; i++) backoff.nextMs();
    assert.equal(backoff.nextMs(), 300_000);
    backoff.reset();
    assert.equal(backoff.nextMs(), 5_000);
  }
});

test("decorrelated backoff never gets shorter and stays within its bounds", () => {
  const random = seeded(18);
  for (let run = 0; run < 10_000; run++) {
    const backoff = decorrelated(100, 5_000, random);
    let lastMs = backoff.nextMs();
    assert.equal(lastMs, 100);
    for (let i = 0; i < 20; i++) {
      const waitMs = backoff.nextMs();
      assert.ok(waitMs >= lastMs && waitMs <= Math.min(5_000, 3 * lastMs));
      lastMs = waitMs;
    }
  }
});

test("a doubling wait grows from the least to the most, less a random part", () => {
  const range = { minMs: 10, maxMs: 1_000 };
  const longest = [1, 2, 3, 7, 8, 2_000].map((attempt) => doublingMs(attempt, range, 0.5, () => 0));
  assert.deepEqual(longest, [10, 20, 40, 640, 1_000, 1_000]);
  assert.equal(
    doublingMs(3, range, 0.5, () => 1),
    20,
  );
});

test("a backoff whose bounds are missing or reversed is refused", () => {
  const check = (config: object) => v.safeParse(backoffSchema(), config).success;
  assert.ok(check({ kind: "jittered", minMs: 1, maxMs: 2 }));
  assert.ok(!check({ kind: "jittered", minMs: 1 }));
  assert.ok(!check({ kind: "jittered", minMs: 3, maxMs: 2 }));
  assert.ok(!check({ kind: "doubling" }));
});
