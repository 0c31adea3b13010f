import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseDeadline,
  showDeadline,
  ownDeadlineLines,
} from "../../../../protocols/http/codec/deadline.ts";
import { combined, deadlineAt, deadlineMsOf, isPlausible } from "../../../../src/core/deadline.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { seeded } from "../../../support/random.ts";

const startNs = BigInt(Date.UTC(2024, 0, 1)) * 1_000_000n;

test("a deadline survives reading and writing to the last nanosecond", () => {
  const text = "1704067200000000001 1704067200123456789";
  const deadline = parseDeadline(text);
  assert.deepEqual(deadline, {
    timestampNs: 1_704_067_200_000_000_001n,
    deadlineNs: 1_704_067_200_123_456_789n,
  });
  assert.equal(deadline === null ? null : showDeadline(deadline), text);
});

test("anything but a pair of 64-bit numbers is not a deadline", () => {
  const bad = ["", "1", "1 ", "1  2", "1 2 3", "-1 2", "1.5 2", "x y", "1\t2", " 1 2"];
  for (const text of [...bad, `1 ${2n ** 63n}`, "1 99999999999999999999"]) {
    assert.equal(parseDeadline(text), null, JSON.stringify(text));
  }
  assert.notEqual(parseDeadline(`0 ${2n ** 63n - 1n}`), null);
});

test("of two deadlines the earlier counts, with the later timestamp", () => {
  const a = { timestampNs: 5n, deadlineNs: 20n };
  const b = { timestampNs: 7n, deadlineNs: 30n };
  assert.deepEqual(combined(a, b), { timestampNs: 7n, deadlineNs: 20n });
  assert.deepEqual(combined(b, a), { timestampNs: 7n, deadlineNs: 20n });
  assert.equal(combined(null, a), a);
});

test("a deadline becomes a moment of the monotonic clock, and back", () => {
  const clock = simulatedClock();
  clock.advance(1000);
  const deadline = { timestampNs: startNs, deadlineNs: startNs + 1_250_500_000n };
  assert.equal(deadlineMsOf(deadline, clock), 1250.5);
  assert.deepEqual(deadlineAt(1250.5, clock), {
    timestampNs: startNs + 1_000_000_000n,
    deadlineNs: startNs + 1_250_500_000n,
  });
});

test("a deadline is ignored when the sender's clock is ahead by more than a second", () => {
  const clock = simulatedClock();
  const sentAt = (timestampNs: bigint) => ({ timestampNs, deadlineNs: timestampNs + 1n });
  assert.equal(isPlausible(sentAt(startNs + 1_000_000_000n), clock), true);
  assert.equal(isPlausible(sentAt(startNs + 1_000_000_001n), clock), false);
});

test("a deadline that passed more than an hour ago is ignored, but not a recent one", () => {
  const clock = simulatedClock();
  const hour = 3_600_000_000_000n;
  const ending = (deadlineNs: bigint) => ({ timestampNs: deadlineNs - 1n, deadlineNs });
  assert.equal(isPlausible(ending(startNs - hour), clock), true);
  assert.equal(isPlausible(ending(startNs - hour - 1n), clock), false);
});

const linesOf = (text: string): string =>
  `l5d-ctx-deadline: ${text}\r\nFinagle-Ctx-com.twitter.finagle.Deadline: ${text}\r\n`;

test("our own deadline is written to the nanosecond", () => {
  const random = seeded(11);
  for (let i = 0; i < 5_000; i++) {
    const wallMs = i % 10 === 0 ? random() * 3e12 : 1.7e12 + random() * 1e11;
    const nowMs = random() * 1e9;
    const clock = { ...simulatedClock(), nowMs: () => nowMs, wallMs: () => wallMs };
    const deadlineMs = nowMs + (random() < 0.1 ? -random() * 1e4 : random() ** 4 * 1e9);
    const expected = showDeadline(deadlineAt(deadlineMs, clock));
    assert.equal(ownDeadlineLines(deadlineMs, clock), linesOf(expected));
  }
});

test("our own deadline in a hundred years keeps all its digits", () => {
  const clock = { ...simulatedClock(), nowMs: () => 1_000.25 };
  for (let days = 36_500; days < 36_600; days++) {
    const deadlineMs = 1_000.1 + days * 86_400_000;
    const expected = showDeadline(deadlineAt(deadlineMs, clock));
    assert.equal(ownDeadlineLines(deadlineMs, clock), linesOf(expected));
  }
});
