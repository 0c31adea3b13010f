import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedClock } from "./clock.ts";

test("the simulated clock runs what is due, in order, each at its own time", () => {
  const clock = simulatedClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push(`b at ${clock.nowMs()}`));
  clock.after(10, () => {
    ran.push(`a at ${clock.nowMs()}`);
    clock.after(5, () => ran.push(`nested at ${clock.nowMs()}`));
  });
  const close = clock.after(12, () => ran.push("closed"));
  close();
  clock.advance(20);
  assert.deepEqual(ran, ["a at 10", "nested at 15", "b at 20"]);
  assert.equal(clock.waiting, 0);
});
