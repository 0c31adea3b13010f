import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { failure } from "../../src/core/failure.ts";
import { Accrual } from "../../src/routing/accrual.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import { none } from "../../src/routing/accruals/none.ts";
import { equalJittered, decorrelated, backoffSchema } from "../../src/routing/backoff.ts";
import { send } from "../support/ask.ts";
import { seeded } from "../support/random.ts";
import type { HeldCall } from "../support/routing.ts";
import {
  addresses,
  answers,
  fails,
  holding,
  refused,
  testCall,
  testRouter,
} from "../support/routing.ts";

function accrual(config: object = {}, seed = 1) {
  const schema = consecutiveFailures.schema;
  const parsed = v.parse(schema, { kind: consecutiveFailures.kind, ...config });
  const make = consecutiveFailures.create(parsed, { random: seeded(seed) });
  assert.ok(make !== null);
  const counter = () => ({ value: 0 });
  const counters = {
    removals: counter(),
    revivals: counter(),
    probes: counter(),
    removedForMs: counter(),
  };
  const deaths: number[] = [];
  const events = { counters, died: (ms: number) => void deaths.push(ms), revived: () => {} };
  return { health: new Accrual(make(), events), counters, deaths };
}

/** One call, begun and ended at once. */
function call(health: Accrual, verdict: "success" | "failure" | "ignorable", nowMs: number): void {
  health.ended(health.begin(nowMs), verdict, nowMs);
}

test("15: four failures and a success, for ever, eject nobody; the fifth in a row does", () => {
  const { health, deaths } = accrual();
  for (let i = 0; i < 1_000; i++) call(health, i % 5 === 4 ? "success" : "failure", i);
  assert.ok(health.isAlive);
  for (let i = 0; i < 4; i++) call(health, "failure", 1_000);
  assert.ok(health.isAlive);
  call(health, "failure", 1_000);
  assert.ok(health.isDown(1_000));
  assert.deepEqual(deaths, [5_000]);
});

test("calls whose callers left neither harm nor heal", () => {
  const { health } = accrual({ failures: 2 });
  call(health, "failure", 0);
  for (let i = 0; i < 10; i++) call(health, "ignorable", 0);
  assert.ok(health.isAlive);
  call(health, "failure", 0);
  assert.ok(!health.isAlive);
});

test("16: after the dead time one call probes, and nobody else is let through meanwhile", () => {
  const { health, counters } = accrual({ failures: 1 });
  call(health, "failure", 0);
  assert.ok(health.isDown(4_999));
  assert.ok(!health.isDown(5_000));
  const probe = health.begin(5_000);
  assert.ok(health.isProbe(probe));
  assert.ok(health.isDown(5_000));
  assert.equal(health.isProbe(health.begin(5_000)), false);
  health.ended(probe, "success", 5_010);
  assert.ok(health.isAlive);
  assert.deepEqual(
    [counters.removals.value, counters.probes.value, counters.revivals.value],
    [1, 1, 1],
  );
});

test("a failed probe means a longer dead time, and a good one starts again with the shortest", () => {
  const { health, deaths } = accrual({ failures: 1 });
  call(health, "failure", 0);
  call(health, "failure", 5_000);
  const second = deaths[1] ?? NaN;
  assert.ok(second >= 5_000 && second < 10_000, `${second}`);
  call(health, "success", 5_000 + second);
  assert.ok(health.isAlive);
  call(health, "failure", 20_000);
  assert.equal(deaths[2], 5_000);
});

test("a probe whose caller left decides nothing: the next call probes", () => {
  const { health } = accrual({ failures: 1 });
  call(health, "failure", 0);
  call(health, "ignorable", 5_000);
  assert.ok(!health.isDown(5_000));
  const probe = health.begin(5_000);
  assert.ok(health.isProbe(probe));
});

test("what was sent before a death decides nothing after it", () => {
  const { health } = accrual({ failures: 1 });
  const stragglers = [health.begin(0), health.begin(0), health.begin(0)];
  call(health, "failure", 0);
  health.ended(stragglers[0]!, "success", 1);
  assert.ok(health.isDown(1));
  const probe = health.begin(5_000);
  health.ended(stragglers[1]!, "success", 5_001);
  assert.ok(!health.isAlive);
  health.ended(probe, "success", 5_002);
  health.ended(stragglers[2]!, "failure", 5_003);
  assert.ok(health.isAlive);
});

test("a call that was sent although the endpoint was dead decides nothing", () => {
  const { health, deaths } = accrual({ failures: 1 });
  call(health, "failure", 0);
  call(health, "success", 1);
  call(health, "failure", 2);
  assert.ok(health.isDown(3));
  assert.equal(deaths.length, 1);
});

test("16: a dead endpoint gets one call for each backoff: at most 14 in a quarter of an hour", () => {
  const { health } = accrual({}, 16);
  let calls = 0;
  for (let nowMs = 0; nowMs < 900_000; nowMs += 5) {
    if (health.isDown(nowMs)) continue;
    calls++;
    call(health, "failure", nowMs);
  }
  assert.ok(calls >= 5 + 5 && calls <= 5 + 9, `${calls}`);
});

test("17: the backoff is 5 s, then doubles with equal jitter up to 300 s", () => {
  const ranges = [
    [5_000, 5_000],
    [5_000, 10_000],
    [10_000, 20_000],
    [20_000, 40_000],
    [40_000, 80_000],
    [80_000, 160_000],
    [160_000, 300_000],
    [300_000, 300_000],
    [300_000, 300_000],
  ] as const;
  const random = seeded(17);
  for (let run = 0; run < 10_000; run++) {
    const backoff = equalJittered(5_000, 300_000, random);
    for (const [least, most] of ranges.slice(0, 7)) {
      const waitMs = backoff.nextMs();
      assert.ok(waitMs >= least && waitMs <= most, `${waitMs}`);
    }
    for (let i = 0; i < 20; i++) backoff.nextMs();
    assert.equal(backoff.nextMs(), 300_000);
    backoff.reset();
    assert.equal(backoff.nextMs(), 5_000);
  }
});

test("17: decorrelated backoff never gets shorter and stays within its bounds", () => {
  const random = seeded(18);
  for (let run = 0; run < 1_000; run++) {
    const backoff = decorrelated(100, 5_000, random);
    let lastMs = backoff.nextMs();
    assert.equal(lastMs, 100);
    for (let i = 0; i < 20; i++) {
      const waitMs = backoff.nextMs();
      assert.ok(waitMs >= lastMs && waitMs <= Math.min(5_000, 3 * lastMs));
      lastMs = waitMs;
    }
  }
});

test("a configured backoff is used, and one that is none is refused", () => {
  const { health, deaths } = accrual({ failures: 1, backoff: { kind: "constant", ms: 70 } });
  call(health, "failure", 0);
  call(health, "failure", 70);
  assert.deepEqual(deaths, [70, 70]);
  const check = (config: object) => v.safeParse(backoffSchema(), config).success;
  assert.ok(check({ kind: "jittered", minMs: 1, maxMs: 2 }));
  assert.ok(!check({ kind: "jittered", minMs: 1 }));
  assert.ok(!check({ kind: "jittered", minMs: 3, maxMs: 2 }));
  assert.ok(!check({ kind: "doubling" }));
});

test("a dead endpoint is left alone, said so once, and comes back after a good probe", () => {
  let healthy = false;
  const router = testRouter({
    serve:
      ({ port }) =>
      (request, reply) =>
        (port === 1 && !healthy ? answers(500) : answers(200))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const statuses = (count: number) =>
    Array.from({ length: count }, () => send(router.service, testCall()).answer?.response);
  assert.equal(statuses(200).filter((status) => status === 500).length, 5);
  const scope = ["client", "#/fs/users", "failure_accrual"] as const;
  assert.equal(router.counter(...scope, "removals"), 1);
  assert.equal(router.counter(...scope, "removed_for_ms"), 5_000);
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "busy"), 1);
  const died = router.events.filter(({ event }) => event === "endpoint dead");
  assert.deepEqual(died, [
    { event: "endpoint dead", client: "/#/fs/users", endpoint: "10.0.0.1:1", forMs: 5_000 },
  ]);
  router.clock.advance(5_000);
  healthy = true;
  assert.ok(!statuses(200).includes(500));
  assert.equal(router.counter(...scope, "revivals"), 1);
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 3);
});

test("a probe that streams its answer revives with the head", () => {
  const held: HeldCall[] = [];
  let mode: "fail" | "hold" = "fail";
  const router = testRouter({
    serve: () => (request, reply) =>
      (mode === "fail" ? answers(500) : holding(held))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 5; i++) send(router.service, testCall());
  mode = "hold";
  router.clock.advance(5_000);
  send(router.service, testCall());
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 0);
  held[0]?.reply.start(200);
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 1);
});

test("a full pool is no illness", () => {
  const router = testRouter({ serve: () => fails(failure("exhausted", "too many waiters")) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 20; i++) send(router.service, testCall());
  assert.equal(router.counter("client", "#/fs/users", "failure_accrual", "removals"), 0);
});

test("without accrual endpoints stay, however they fail", () => {
  const maker = none.create(v.parse(none.schema, { kind: "none" }), { random: seeded(1) });
  const router = testRouter({ serve: () => fails(refused), client: { accrual: maker } });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 20; i++) send(router.service, testCall());
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 1);
});
