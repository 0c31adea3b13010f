import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogEvent } from "../../src/core/log.ts";
import { LimitedLog } from "../../src/telemetry/limited-log.ts";
import { simulatedClock } from "../support/clock.ts";

function limited() {
  const lines: (LogEvent & { readonly level: string })[] = [];
  const at = (level: string) => (event: LogEvent) => void lines.push({ level, ...event });
  const clock = simulatedClock();
  const target = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { lines, clock, log: new LimitedLog(target, clock) };
}

test("twenty lines of one event are written in ten seconds, then how many more there were", () => {
  const { lines, clock, log } = limited();
  for (let i = 0; i < 1_223; i++) log.warn({ event: "caller disconnected", caller: `${i}` });
  assert.equal(lines.length, 20);
  clock.advance(10_000);
  assert.equal(lines.length, 21);
  assert.deepEqual(lines.at(-1), {
    level: "warn",
    event: "caller disconnected",
    suppressed: 1_203,
    withinMs: 10_000,
    text: "and 1,203 more",
  });
  log.warn({ event: "caller disconnected", caller: "again" });
  assert.equal(lines.at(-1)?.["caller"], "again");
});

test("other events, other levels and what is logged for changes are not held back", () => {
  const { lines, log } = limited();
  for (let i = 0; i < 30; i++) log.warn({ event: "one" });
  log.warn({ event: "other" });
  log.error({ event: "one" });
  for (let i = 0; i < 30; i++) log.info({ event: "listening" });
  assert.equal(lines.length, 20 + 1 + 1 + 30);
});

test("few lines leave no trace, and closing tells what has not been said yet", () => {
  const { lines, clock, log } = limited();
  log.warn({ event: "one" });
  clock.advance(10_000);
  assert.equal(clock.waiting, 0);
  for (let i = 0; i < 25; i++) log.warn({ event: "one" });
  log.close();
  assert.deepEqual([lines.length, lines.at(-1)?.["suppressed"], clock.waiting], [22, 5, 0]);
});
