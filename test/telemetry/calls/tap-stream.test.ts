// A reader of the tap that is slow, or gone: what waits for it is bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../../../src/core/calls/record.ts";
import { TapStream } from "../../../src/telemetry/calls/tap-stream.ts";
import { simulatedClock } from "../../support/clock.ts";

const record = { target: "x".repeat(400) } as CallRecord;

test("a reader that takes nothing gets no more than the buffer, and is cut off after a minute", () => {
  const clock = simulatedClock();
  const stream = new TapStream(clock, false);
  let sent = 0;
  for (; stream.hasRoom && sent < 100_000; sent++) stream.call(record);
  assert.ok(sent > 500 && sent < 1_000, `${sent} calls of 400 bytes`);
  stream.dropped();
  clock.advance(59_000);
  assert.equal(stream.readable.destroyed, false);
  clock.advance(2_000);
  assert.equal(stream.readable.destroyed, true);
  stream.end();
  assert.equal(clock.waiting, 0);
});

test("a reader that catches up learns how many calls it has missed", () => {
  const clock = simulatedClock();
  const stream = new TapStream(clock, true);
  while (stream.hasRoom) stream.call(record);
  stream.dropped();
  stream.dropped();
  while (stream.readable.read() !== null);
  clock.advance(1_000);
  assert.match(String(stream.readable.read()), /^event: dropped\ndata: \{"dropped":2\}\n\n$/);
  stream.end();
  assert.equal(clock.waiting, 0);
});

test("a quiet tap says every 15 s that it is there", () => {
  const clock = simulatedClock();
  const stream = new TapStream(clock, true);
  assert.equal(String(stream.readable.read()), ": still here\n\n");
  clock.advance(14_000);
  assert.equal(stream.readable.read(), null);
  clock.advance(1_000);
  assert.equal(String(stream.readable.read()), ": still here\n\n");
  stream.end();
});
