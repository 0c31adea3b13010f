import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseRollPolicy,
  periodEndMs,
  periodStartMs,
  stampOf,
} from "../../src/runtime/log-rotation.ts";
import type { RollPolicy } from "../../src/runtime/log-rotation.ts";

const at = (...parts: [number, number, number, number?, number?, number?]) =>
  new Date(...parts).getTime();
const noon = at(2024, 0, 31, 12, 34, 56); // a Wednesday

test("policies are read as Linkerd writes them", () => {
  assert.deepEqual(parseRollPolicy("never"), { kind: "never" });
  assert.deepEqual(parseRollPolicy("hourly"), { kind: "hourly" });
  assert.deepEqual(parseRollPolicy("daily"), { kind: "daily" });
  assert.deepEqual(parseRollPolicy("weekly(1)"), { kind: "weekly", weekday: 0 });
  assert.deepEqual(parseRollPolicy("3.megabytes"), { kind: "size", maxBytes: 3 * 2 ** 20 });
  assert.deepEqual(parseRollPolicy("1.byte"), { kind: "size", maxBytes: 1 });
  assert.deepEqual(parseRollPolicy("5.gigabytes"), { kind: "size", maxBytes: 5 * 2 ** 30 });
  assert.deepEqual(parseRollPolicy("Weekly(1)"), { kind: "weekly", weekday: 0 });
  assert.deepEqual(parseRollPolicy("3.MegaBytes"), { kind: "size", maxBytes: 3 * 2 ** 20 });
  const bad = ["", "dayly", "weekly", "weekly(0)", "weekly(8)", "megabytes", "0.bytes", "-1.bytes"];
  for (const text of [...bad, "1.5.megabytes", "3 megabytes", "9999999999.terabytes"]) {
    assert.equal(parseRollPolicy(text), null, text);
  }
});

test("periods begin and end at full hours, midnights and on the day of the week", () => {
  const cases: [RollPolicy, number, number, string][] = [
    [{ kind: "hourly" }, at(2024, 0, 31, 12), at(2024, 0, 31, 13), "20240131-12"],
    [{ kind: "daily" }, at(2024, 0, 31), at(2024, 1, 1), "20240131"],
    [{ kind: "weekly", weekday: 3 }, at(2024, 0, 31), at(2024, 1, 7), "20240131"],
    [{ kind: "weekly", weekday: 4 }, at(2024, 0, 25), at(2024, 1, 1), "20240131"],
  ];
  for (const [policy, start, end, stamp] of cases) {
    assert.equal(periodStartMs(policy, noon), start, JSON.stringify(policy));
    assert.equal(periodEndMs(policy, noon), end, JSON.stringify(policy));
    assert.equal(periodStartMs(policy, start), start);
    assert.equal(stampOf(policy, noon), stamp);
  }
});

test("time does not end a file that rolls by size or never", () => {
  for (const policy of [{ kind: "never" }, { kind: "size", maxBytes: 1 }] as const) {
    assert.equal(periodStartMs(policy, noon), -Infinity);
    assert.equal(periodEndMs(policy, noon), Infinity);
  }
  assert.equal(stampOf({ kind: "size", maxBytes: 1 }, noon), "20240131-123456");
});
