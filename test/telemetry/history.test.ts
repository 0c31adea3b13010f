// The last ten minutes of every scope, in fixed memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { keepHistory, scopesIn } from "../../src/telemetry/history/history.ts";
import { bytesPerSeries, samplesKept } from "../../src/telemetry/history/series.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { simulatedClock } from "../support/clock.ts";

function stage(limit?: number) {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const history = keepHistory(metrics.root, clock, limit);
  const service = (name: string) => {
    const scope = metrics.stats.scope("rt", "http", "service", name);
    const counters = {
      requests: scope.counter("requests"),
      success: scope.counter("success"),
      failures: scope.counter("failures"),
      latency: scope.histogram("request_latency_ms"),
    };
    return {
      scope,
      call(latencyMs: number, isGood = true) {
        counters.requests.value += 1;
        (isGood ? counters.success : counters.failures).value += 1;
        counters.latency.record(latencyMs);
      },
    };
  };
  const trackOf = (name: string) => {
    const found = Array.from(scopesIn(metrics.root)).find((scope) => scope.name === name);
    return found && history.trackOf(found.node);
  };
  const seconds = async (count: number) => {
    for (let second = 0; second < count; second += 1) {
      clock.advance(1_000);
      await nextTurn();
    }
  };
  return { clock, history, metrics, service, trackOf, seconds };
}

test("rates, failures and percentiles are sampled every five seconds", async () => {
  const { history, service, trackOf, seconds } = stage();
  const users = service("/svc/users");
  for (let second = 0; second < 10; second += 1) {
    for (let call = 0; call < 10; call += 1) users.call(call, call > 1);
    await seconds(1);
  }
  assert.equal(history.sample, 1);
  const series = trackOf("/svc/users")?.series;
  assert.deepEqual(series?.since(-1, 1, "calls"), [10, 10]);
  assert.deepEqual(series?.since(-1, 1, "failures"), [2, 2]);
  assert.deepEqual(series?.since(0, 1, "p50"), [4]);
});

test("percentiles follow the last twenty seconds, not the last minute", async () => {
  const { service, trackOf, seconds } = stage();
  const users = service("/svc/users");
  const calls = async (ms: number, count: number) => {
    for (let second = 0; second < count; second += 1) {
      users.call(ms);
      await seconds(1);
    }
  };
  await calls(1, 30);
  await calls(50, 25);
  const series = trackOf("/svc/users")?.series;
  assert.equal(series?.read(10, "p50"), 50);
  await seconds(25);
  assert.ok(Number.isNaN(series?.read(15, "p99")), "no call, no latency");
  assert.equal(series?.read(15, "calls"), 0);
});

test("calls a second and the success rate are up to date between samples", async () => {
  const { clock, history, service, trackOf, seconds } = stage();
  const users = service("/svc/users");
  for (let second = 0; second < 33; second += 1) {
    for (let call = 0; call < 4; call += 1) users.call(1, call > 0);
    await seconds(1);
  }
  const track = trackOf("/svc/users");
  assert.equal(track?.callsPerSecond(clock.nowMs()), 4);
  assert.equal(track?.successRate(history.sample, clock.nowMs()), 0.75);
});

test("only so many scopes have a series, and one that rests for ten minutes makes room", async () => {
  const { service, trackOf, seconds } = stage(2);
  const [one, two, three] = ["/svc/1", "/svc/2", "/svc/3"].map(service);
  for (const each of [one, two, three]) each?.call(1);
  await seconds(5);
  const kept = () => ["/svc/1", "/svc/2", "/svc/3"].filter((name) => trackOf(name)?.series);
  assert.deepEqual(kept(), ["/svc/1", "/svc/2"]);
  for (let sample = 0; sample < samplesKept; sample += 1) {
    two?.call(1);
    await seconds(5);
  }
  assert.deepEqual(kept(), ["/svc/2"]);
  three?.call(1);
  await seconds(5);
  assert.deepEqual(kept(), ["/svc/2", "/svc/3"]);
});

test("a scope that is gone is forgotten, and one of the same name starts from zero", async () => {
  const { service, trackOf, seconds } = stage();
  const first = service("/svc/users");
  for (let call = 0; call < 50; call += 1) first.call(1);
  await seconds(5);
  first.scope.prune();
  const second = service("/svc/users");
  second.call(1);
  await seconds(5);
  assert.deepEqual(trackOf("/svc/users")?.series?.since(0, 1, "calls"), [0.20000000298023224]);
});

test("a series has 3,840 bytes, and an idle process none", async () => {
  assert.equal(bytesPerSeries, 3_840);
  const { service, trackOf, seconds } = stage();
  service("/svc/users");
  await seconds(30);
  assert.equal(trackOf("/svc/users")?.series, null);
});

test("closing stops the samples", async () => {
  const { clock, history, metrics } = stage();
  history.close();
  metrics.close();
  assert.equal(clock.waiting, 0);
});
