// The condition under which a shift is taken back, and what is read of the proxies' pages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCondition, parseDuration, parseSteps } from "../../src/shift/condition.ts";
import type { Measured } from "../../src/shift/condition.ts";
import { Proxies } from "../../src/shift/proxies.ts";
import type { ProxyPages } from "../../src/shift/proxies.ts";
import { addPage, noTotals, percentileOf, since } from "../../src/shift/exposition.ts";

const side = (calls: number, success: number, p99: number): Measured => ({
  calls,
  success,
  percentile: () => p99,
});

const broken = (text: string, now: Measured, old: Measured = side(100, 1, 10)) => {
  const condition = parseCondition(text);
  if (typeof condition === "string") assert.fail(condition);
  return condition.broken({ old, new: now });
};

for (const [text, now, says] of [
  ["success<99.5%", side(100, 0.99, 1), /success is 99.00 % \(< 99.5 %\) of 100 calls/],
  ["p99>1.5x", side(100, 1, 16), /p99 is 16 ms \(> 1.5 times 10 ms of the old side\)/],
  ["p99>15ms", side(100, 1, 16), /p99 is 16 ms \(> 15 ms\)/],
  ["p95>0.01s", side(100, 1, 16), /p95 is 16 ms \(> 10 ms\)/],
  ["success<50% or p99>15ms", side(100, 1, 16), /^p99/],
  ["success<100% and p99>15ms", side(100, 0.5, 16), /^success .* and p99/],
] as const) {
  test(`${text} holds, and says so with numbers`, () => {
    assert.match(broken(text, now) ?? "", says);
  });
}

for (const [text, now] of [
  ["success<99.5%", side(100, 0.995, 1)],
  ["success<99.5%", side(0, 1, NaN)],
  ["p99>1.5x", side(100, 1, 15)],
  ["p99>1.5x", side(0, 1, NaN)],
  ["success<99% and p99>15ms", side(100, 0.5, 1)],
] as const) {
  test(`${text} does not hold for ${now.calls} calls, ${now.success}, ${now.percentile(99)} ms`, () => {
    assert.equal(broken(text, now), null);
  });
}

test("a latency is not compared with an old side that has no calls", () => {
  assert.equal(broken("p99>1.5x", side(100, 1, 500), side(0, 1, NaN)), null);
});

for (const text of [
  "",
  "errors>5",
  "success<1x",
  "p99>5%",
  "success<99% or",
  "p99 1.5x",
  "p999>1x",
]) {
  test(`'${text}' is refused with an example`, () => {
    assert.match(String(parseCondition(text)), /expected|compared/);
  });
}

test("steps grow, and are percentages", () => {
  assert.deepEqual(parseSteps("1%, 5,25.5%,100%"), [1, 5, 25.5, 100]);
  for (const text of ["", "5,5", "10,5", "0", "101", "a", "1,,2"]) {
    assert.equal(typeof parseSteps(text), "string", text);
  }
});

test("durations have units", () => {
  assert.deepEqual(
    ["500ms", "60s", "1.5m", "2h"].map(parseDuration),
    [500, 60_000, 90_000, 7_200_000],
  );
  assert.equal(typeof parseDuration("60"), "string");
});

const page = `# HELP
rt:client:success{rt="http", client="#/io.l5d.fs/users"} 90
rt:client:success{rt="http", client="#/io.l5d.fs/users", service="svc/users"} 90
rt:client:failures{rt="http", client="#/io.l5d.fs/users"} 10
rt:client:success{rt="http", client="#/io.l5d.fs/users-v2"} 7
rt:client:request_latency_ms_bucket{rt="http", client="#/io.l5d.fs/users", le="10"} 50
rt:client:request_latency_ms_bucket{rt="http", client="#/io.l5d.fs/users", le="20"} 100
rt:client:request_latency_ms_bucket{rt="http", client="#/io.l5d.fs/users", le="+Inf"} 100
`;

test("a page counts the clients that are asked for, each call once", () => {
  const totals = noTotals();
  addPage(page, new Set(["/#/io.l5d.fs/users"]), totals);
  assert.deepEqual([totals.successes, totals.failures], [90, 10]);
  assert.equal(percentileOf(totals, 50), 10);
  assert.equal(percentileOf(totals, 75), 15);
});

test("a page with something else than counts is refused", () => {
  for (const value of ["NaN", "+Inf", "-1", "1e999", "many"]) {
    const odd = `rt:client:success{rt="http", client="#/io.l5d.fs/users"} ${value}\n`;
    const add = () => addPage(odd, new Set(["/#/io.l5d.fs/users"]), noTotals());
    assert.throws(add, /no count: rt:client:success/, value);
  }
});

/** A proxy whose page says what `counts` holds at that moment. */
function proxyOf(counts: { success: number; failures: number }): ProxyPages {
  const of = (metric: "success" | "failures") =>
    `rt:client:${metric}{rt="http", client="#/io.l5d.fs/users"} ${counts[metric]}\n`;
  return { text: () => Promise.resolve(of("success") + of("failures")) };
}

test("a proxy that restarts hides no failures of another one", async () => {
  const restarting = { success: 0, failures: 500 };
  const failing = { success: 0, failures: 0 };
  const proxies = new Proxies([proxyOf(restarting), proxyOf(failing)]);
  const measure = proxies.meter(new Set(), new Set(["/#/io.l5d.fs/users"]));
  await measure();
  Object.assign(restarting, { success: 10, failures: 0 });
  Object.assign(failing, { success: 1_000, failures: 500 });
  const { new: side } = await measure();
  assert.deepEqual([side.successes, side.failures], [1_010, 500]);
  failing.failures += 1;
  assert.equal((await measure()).new.failures, 501);
});

test("what came since counts; a proxy that restarted counts from its restart", () => {
  const before = noTotals();
  const now = noTotals();
  addPage(page, new Set(["/#/io.l5d.fs/users"]), before);
  addPage(page, new Set(["/#/io.l5d.fs/users"]), now);
  assert.equal(since(before, now).successes, 0);
  assert.equal(since(before, noTotals()).successes, 0);
  now.successes += 5;
  assert.equal(since(before, now).successes, 5);
});
