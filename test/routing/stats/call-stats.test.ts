import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import { CallStats } from "../../../src/routing/stats/call-stats.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { simulatedClock } from "../../support/clock.ts";

function counted(isServer: boolean) {
  const { stats } = openMetrics(simulatedClock());
  const calls = new CallStats(stats, isServer);
  for (const why of [
    failure("limited", "one too many", "safe"),
    failure("exhausted", "no room", "safe"),
    failure("exhausted", "no room, and no attempt left", "never"),
    failure("connect", "refused", "safe"),
    failure("timeout", "too slow", "if-idempotent"),
  ]) {
    calls.began();
    calls.ended("failure", why, 1);
  }
  return (...name: readonly string[]) => stats.counter(...name).value;
}

test("failures that may be sent again are restartable, in Finagle's words", () => {
  const counter = counted(false);
  assert.equal(counter("failures"), 5);
  assert.equal(counter("failures", "exhausted"), 2);
  assert.equal(counter("failures", "restartable"), 3);
  assert.equal(counter("nacks"), 0);
});

test("a server counts what it refused unprocessed, by whether it may be sent again", () => {
  const counter = counted(true);
  assert.equal(counter("nacks"), 2);
  assert.equal(counter("nonretryable_nacks"), 1);
});
