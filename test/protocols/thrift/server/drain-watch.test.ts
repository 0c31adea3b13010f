// When a draining connection may close: never while a call may be on its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DrainWatch } from "../../../../protocols/thrift/server/drain-watch.ts";

/** A caller that pauses for `gapMs`, seen by an event loop whose turns take `turnMs`. */
function isSafeAfter(gapMs: number, turnMs: number): boolean {
  const watch = new DrainWatch(() => turnMs);
  watch.begin();
  watch.responded(1_000);
  watch.called(1_000 + gapMs, 0);
  watch.responded(1_000 + gapMs + 3);
  return watch.isSafe;
}

test("a caller that pauses between its calls is closed with a response", () => {
  assert.equal(isSafeAfter(2, 0), true);
  assert.equal(isSafeAfter(1, 0), false);
});

test("a late event loop takes no pause for one that its own turns account for", () => {
  assert.equal(isSafeAfter(15, 10), false);
  assert.equal(isSafeAfter(22, 10), true);
});

test("a pause between calls lasts longer when the event loop is late", () => {
  const closesAfterMs = (turnMs: number): number => {
    const watch = new DrainWatch(() => turnMs);
    watch.begin();
    watch.responded(1_000);
    return watch.closesAtMs(1_000) - 1_000;
  };
  assert.equal(closesAfterMs(0), 50);
  assert.equal(closesAfterMs(20), 250);
});

test("calls that do not wait for the response before them are no pause", () => {
  const watch = new DrainWatch(() => 0);
  watch.begin();
  watch.called(1_000, 0);
  watch.called(1_500, 1);
  watch.responded(1_501);
  watch.responded(1_502);
  assert.equal(watch.isSafe, false);
});
