// Properties 22 and 23: how many retries a budget allows, and when.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "../../src/routing/budget.ts";
import { defaultBudget } from "../support/routing.ts";

type Options = ConstructorParameters<typeof RetryBudget>[0];

/** How many are sent for each call when every call would be retried for ever. */
function amplification(callsPerSec: number, seconds: number, options: Options): number {
  const budget = new RetryBudget(options, 0);
  let sent = 0;
  const calls = callsPerSec * seconds;
  for (let i = 0; i < calls; i++) {
    const nowMs = (i * 1_000) / callsPerSec;
    budget.deposit(nowMs);
    sent++;
    while (budget.tryWithdraw(nowMs)) sent++;
  }
  return sent / calls;
}

test("calls are multiplied by 1 + p + min/rps at most, and by that when all of them fail", () => {
  for (const [rps, expected] of [
    [10, 2.2],
    [100, 1.3],
    [1_000, 1.21],
  ] as const) {
    const found = amplification(rps, 100, defaultBudget);
    assert.ok(found <= expected * 1.01, `${rps}/s: ${found}`);
    assert.ok(found >= expected * 0.99, `${rps}/s: ${found}`);
  }
  assert.equal(amplification(1_000, 100, defaultBudget).toFixed(4), "1.2100");
  const generous = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 2 };
  assert.ok(Math.abs(amplification(1_000, 100, generous) - 3) < 0.03);
  const small = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 0.1 };
  assert.ok(Math.abs(amplification(1_000, 100, small) - 1.1) < 0.011);
});

test("a share next to nothing allows next to nothing, and the minimum still counts", () => {
  const options = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 1e-310 };
  assert.equal(amplification(1_000, 10, options), 1);
  const budget = new RetryBudget({ ...options, minRetriesPerSec: 1 }, 0);
  assert.equal(budget.balance(0), 10);
});

test("without a share and without a minimum nothing is ever retried", () => {
  const never = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 0 };
  assert.equal(amplification(1_000, 30, never), 1);
  const minimumOnly = { ttlSecs: 10, minRetriesPerSec: 5, percentCanRetry: 0 };
  assert.ok(Math.abs(amplification(100, 100, minimumOnly) - 1.05) < 0.001);
});

test("a fresh budget holds 100, is empty after 100, still so at 8.9 s, and full by 10.1 s", () => {
  const budget = new RetryBudget(defaultBudget, 0);
  assert.equal(budget.balance(0), 100);
  for (let i = 0; i < 100; i++) assert.ok(budget.tryWithdraw(500));
  assert.equal(budget.balance(500), 0);
  assert.equal(budget.tryWithdraw(500), false);
  assert.equal(budget.balance(8_900), 0);
  assert.equal(budget.balance(10_100), 100);
});

test("five calls pay for one retry", () => {
  const budget = new RetryBudget({ ...defaultBudget, minRetriesPerSec: 0 }, 0);
  for (let i = 0; i < 4; i++) budget.deposit(0);
  assert.equal(budget.tryWithdraw(0), false);
  budget.deposit(0);
  assert.equal(budget.tryWithdraw(0), true);
  assert.equal(budget.tryWithdraw(0), false);
});

test("deposits are forgotten too, and a long silence forgets everything", () => {
  const budget = new RetryBudget({ ...defaultBudget, minRetriesPerSec: 0 }, 0);
  for (let i = 0; i < 50; i++) budget.deposit(0);
  assert.equal(budget.balance(8_999), 10);
  assert.equal(budget.balance(10_000), 0);
  for (let i = 0; i < 50; i++) budget.deposit(20_000);
  assert.equal(budget.balance(1e9), 0);
});
