import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import type { Health } from "../../src/routing/accrual.ts";
import { Accrual } from "../../src/routing/accrual.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import { none } from "../../src/routing/accruals/none.ts";
import { successRate } from "../../src/routing/accruals/success-rate.ts";
import { successRateWindowed } from "../../src/routing/accruals/success-rate-windowed.ts";
import { unified } from "../../src/routing/accruals/unified.ts";
import { send } from "../support/outcome.ts";
import { seeded } from "../support/random.ts";
import type { HeldCall } from "../support/routing.ts";
import {
  accrualOf,
  addresses,
  responds,
  fails,
  holding,
  refused,
  testCall,
  testRouter,
} from "../support/routing.ts";

function accrual(
  config: object = {},
  seed = 1,
  of = consecutiveFailures,
  mayEject: (isHopeless: boolean) => boolean = () => true,
) {
  const made = accrualOf(of, config, seeded(seed));
  assert.ok(made !== null);
  const counter = () => ({ value: 0 });
  const counters = {
    removals: counter(),
    revivals: counter(),
    probes: counter(),
    removedForMs: counter(),
    spared: counter(),
    silent: counter(),
    held: counter(),
    moved: counter(),
  };
  const deaths: number[] = [];
  const events = {
    counters,
    mayEject,
    ejected: (ms: number) => void deaths.push(ms),
    revived: () => {},
  };
  return { health: new Accrual(made.policy(0), events), counters, deaths };
}

/** One call, begun and ended immediately. */
function call(health: Accrual, verdict: Health, nowMs: number): void {
  health.ended(health.begin(nowMs), verdict, nowMs);
}

test("four failures and a success, for ever, eject no endpoint; the fifth in a row does", () => {
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

test("after the dead time one call probes, and no other is let through meanwhile", () => {
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

test("a call that was sent for lack of an open endpoint brings a dead one back, or decides nothing", () => {
  const { health, deaths, counters } = accrual({ failures: 1 });
  call(health, "failure", 0);
  call(health, "failure", 1);
  call(health, "unreachable", 2);
  assert.ok(health.isDown(3));
  assert.equal(deaths.length, 1);
  call(health, "success", 4);
  assert.ok(health.isAlive);
  assert.equal(counters.revivals.value, 1);
});

test("an endpoint that cannot be connected to is ejected however many others are", () => {
  const { health } = accrual({ failures: 2 }, 1, consecutiveFailures, () => false);
  call(health, "failure", 0);
  call(health, "failure", 1);
  assert.ok(health.isAlive);
  call(health, "unreachable", 2);
  assert.ok(health.isDown(3));
  assert.ok(!health.isEjectedForFailing);
});

test("ten failures in a row are hopeless, nine and a success are not", () => {
  const asked: boolean[] = [];
  const { health } = accrual({ failures: 9 }, 1, consecutiveFailures, (isHopeless) => {
    asked.push(isHopeless);
    return false;
  });
  for (let i = 0; i < 9; i++) call(health, "failure", i);
  call(health, "success", 9);
  for (let i = 0; i < 10; i++) call(health, "failure", 10 + i);
  assert.deepEqual(asked, [false, false, true]);
});

test("an endpoint does well after 40 good calls, and no longer after two or three failures", () => {
  const { health } = accrual({ failures: 5 });
  for (let i = 0; i < 39; i++) call(health, "success", i);
  assert.ok(!health.isWell);
  call(health, "success", 39);
  assert.ok(health.isWell);
  call(health, "failure", 40);
  assert.ok(!health.isWell);
});

test("a dead endpoint gets one call for each backoff: at most 14 in a quarter of an hour", () => {
  const { health } = accrual({}, 16);
  let calls = 0;
  for (let nowMs = 0; nowMs < 900_000; nowMs += 5) {
    if (health.isDown(nowMs)) continue;
    calls++;
    call(health, "failure", nowMs);
  }
  assert.ok(calls >= 5 + 5 && calls <= 5 + 9, `${calls}`);
});

test("a configured backoff is used", () => {
  const { health, deaths } = accrual({ failures: 1, backoff: { kind: "constant", ms: 70 } });
  call(health, "failure", 0);
  call(health, "failure", 70);
  assert.deepEqual(deaths, [70, 70]);
});

/** How many failures after so many good calls until it is dead; NaN: more than 10,000. */
function failuresUntilDead(health: Accrual, goodCalls: number): number {
  for (let i = 0; i < goodCalls; i++) call(health, "success", i);
  for (let failures = 1; failures <= 10_000; failures++) {
    call(health, "failure", goodCalls + failures);
    if (!health.isAlive) return failures;
  }
  return NaN;
}

test("a success rate over requests trips after floor(W ln(1/r)) + 1 failures", () => {
  const of = (rate: number, requests: number, goodCalls = 10_000) =>
    failuresUntilDead(accrual({ successRate: rate, requests }, 1, successRate).health, goodCalls);
  assert.deepEqual([of(0.9, 1_000), of(0.9, 100), of(0.8, 30), of(0.5, 100)], [106, 11, 7, 70]);
  assert.equal(of(0.9, 100, 0), 100, "one that never worked is judged by its hundredth call");
});

test("a true rate of 0.90 against a limit of 0.80 trips in less than 1 % of 1000 runs", () => {
  const random = seeded(180);
  let trips = 0;
  for (let run = 0; run < 1_000; run++) {
    const { health } = accrual({ successRate: 0.8, requests: 100 }, run, successRate);
    for (let i = 0; i < 1_000 && health.isAlive; i++) {
      call(health, random() < 0.9 ? "success" : "failure", i);
    }
    if (!health.isAlive) trips++;
  }
  assert.ok(trips < 10, `${trips}`); // an average that begins with its first sample: about 100
});

test("a windowed success rate of 0.8 over 30 s notices an outage after 6.69 s", () => {
  const { health } = accrual({ successRate: 0.8, window: 30 }, 1, successRateWindowed);
  const beganMs = 60_000;
  for (let nowMs = 0; nowMs < beganMs; nowMs += 10) call(health, "success", nowMs);
  let nowMs = beganMs;
  for (; health.isAlive && nowMs < 2 * beganMs; nowMs += 10) call(health, "failure", nowMs);
  assert.ok(Math.abs(nowMs - beganMs - 6_690) <= 100, `${nowMs - beganMs}`);
});

test("a windowed success rate says nothing before its window is over, or of fewer than 5 calls", () => {
  const { health } = accrual({ successRate: 0.8, window: 30 }, 1, successRateWindowed);
  for (let nowMs = 0; nowMs < 29_000; nowMs += 100) call(health, "failure", nowMs);
  assert.ok(health.isAlive);
  call(health, "failure", 30_000);
  assert.ok(!health.isAlive);
  const rare = accrual({ successRate: 0.8, window: 30 }, 1, successRateWindowed).health;
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 9_000) call(rare, "failure", nowMs);
  assert.ok(rare.isAlive);
});

test("unified: seven failures in a row, or a rate below 0.8 of 20 calls", () => {
  assert.equal(failuresUntilDead(accrual({}, 1, unified).health, 0), 7);
  const { health } = accrual({}, 1, unified);
  let calls = 0;
  for (; health.isAlive && calls < 100; calls++) {
    call(health, calls % 3 === 2 ? "failure" : "success", calls);
  }
  assert.equal(calls, 21, "the first failure among at least 20 calls");
});

test("unified: what is refused politely is no failure in a row, but lowers the rate", () => {
  const { health } = accrual({ successRate: 0 }, 1, unified);
  for (let i = 0; i < 1_000; i++) call(health, "pushback", i);
  assert.ok(health.isAlive);
  const rated = accrual({ failures: 0 }, 1, unified).health;
  for (let i = 0; i < 19; i++) call(rated, "pushback", i);
  assert.ok(rated.isAlive);
  call(rated, "pushback", 20);
  assert.ok(!rated.isAlive);
});

test("unified: a probe that is refused politely has failed", () => {
  const { health, deaths } = accrual({ failures: 1 }, 1, unified);
  call(health, "failure", 0);
  call(health, "pushback", 5_000);
  assert.equal(deaths.length, 2);
  call(health, "success", 30_000);
  assert.ok(health.isAlive);
});

test("the other kinds take a polite refusal for nothing at all", () => {
  const { health } = accrual({ failures: 2 });
  call(health, "failure", 0);
  for (let i = 0; i < 10; i++) call(health, "pushback", 0);
  assert.ok(health.isAlive);
  call(health, "failure", 0);
  assert.ok(!health.isAlive);
});

/** Endpoints get calls until their policy says that they are dead. */
const literally = accrualOf(consecutiveFailures, { holdBack: false }, seeded(1));

test("no more than half of the endpoints are dead at a time, and the rest is spared", () => {
  const router = testRouter({ serve: () => responds(500), client: { accrual: literally } });
  router.bind("/svc/users", "/#/fs/users", addresses(10));
  for (let i = 0; i < 500; i++) send(router.service, testCall());
  const scope = ["client", "#/fs/users"] as const;
  assert.equal(router.gauge(...scope, "loadbalancer", "busy"), 5);
  assert.equal(router.counter(...scope, "failure_accrual", "removals"), 5);
  assert.ok(router.counter(...scope, "failure_accrual", "spared") > 100);
});

test("what is spared while others are dead is taken out when there is room again", () => {
  let mayEject = false;
  const { health, deaths } = accrual({ failures: 2 }, 1, consecutiveFailures, () => mayEject);
  for (let i = 0; i < 20; i++) call(health, "failure", i);
  assert.ok(health.isAlive);
  mayEject = true;
  call(health, "failure", 20);
  assert.deepEqual(deaths, [5_000], "the dead times have not grown in between");
});

test("with maxEjectedPercent 0 no endpoint is ejected, with 100 all are", () => {
  for (const [maxEjectedPercent, dead] of [
    [0, 0],
    [25, 1],
    [100, 4],
  ] as const) {
    const accrual = accrualOf(
      consecutiveFailures,
      { maxEjectedPercent, holdBack: false },
      seeded(1),
    );
    const router = testRouter({ serve: () => responds(500), client: { accrual } });
    router.bind("/svc/users", "/#/fs/users", addresses(4));
    for (let i = 0; i < 200; i++) send(router.service, testCall());
    assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "busy"), dead);
  }
});

test("a dead endpoint is left alone, said so once, and comes back after a good probe", () => {
  let healthy = false;
  const router = testRouter({
    client: { accrual: literally },
    serve:
      ({ port }) =>
      (request, reply) =>
        (port === 1 && !healthy ? responds(500) : responds(200))(request, reply),
  });
  router.bind("/svc/users", "/#/fs/users", addresses(3));
  const statuses = (count: number) =>
    Array.from({ length: count }, () => send(router.service, testCall()).outcome?.response);
  assert.equal(statuses(200).filter((status) => status === 500).length, 5);
  const scope = ["client", "#/fs/users", "failure_accrual"] as const;
  assert.equal(router.counter(...scope, "removals"), 1);
  assert.equal(router.counter(...scope, "removed_for_ms"), 5_000);
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "busy"), 1);
  const died = router.events.filter(({ event }) => event === "endpoint ejected");
  assert.deepEqual(died, [
    {
      event: "endpoint ejected",
      client: "/#/fs/users",
      endpoint: "10.0.0.1:1",
      reason: "5 failures in a row, the last: responded 500",
      forMs: 5_000,
    },
  ]);
  router.clock.advance(5_000);
  healthy = true;
  assert.ok(!statuses(200).includes(500));
  assert.equal(router.counter(...scope, "revivals"), 1);
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 3);
});

test("a probe that streams its response revives with the head", () => {
  const held: HeldCall[] = [];
  let mode: "fail" | "hold" = "fail";
  const router = testRouter({
    serve: () => (request, reply) =>
      (mode === "fail" ? responds(500) : holding(held))(request, reply),
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

test("what was sent to a dead endpoint decides nothing after it is back", () => {
  const { health } = accrual({ failures: 1 });
  call(health, "failure", 0);
  const panicked = health.begin(1);
  call(health, "success", 5_000);
  health.ended(panicked, "failure", 5_001);
  assert.ok(health.isAlive);
});

test("a probe that breaks after a good head has failed after all", () => {
  const { health, deaths } = accrual({ failures: 3 });
  for (let i = 0; i < 3; i++) call(health, "failure", 0);
  const probe = health.begin(5_000);
  health.ended(probe, "success", 5_001); // its head
  assert.ok(health.isAlive);
  health.ended(probe, "failure", 5_002); // its end
  assert.ok(health.isDown(5_002));
  assert.equal(deaths.length, 2);
  const good = health.begin(20_000);
  health.ended(good, "success", 20_001);
  health.ended(good, "success", 20_002);
  call(health, "failure", 20_003);
  assert.ok(health.isAlive);
});

test("a full pool is no illness", () => {
  const router = testRouter({ serve: () => fails(failure("exhausted", "too many waiters")) });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 20; i++) send(router.service, testCall());
  assert.equal(router.counter("client", "#/fs/users", "failure_accrual", "removals"), 0);
});

test("without accrual endpoints stay, however they fail", () => {
  const accrual = accrualOf(none, {}, seeded(1));
  const router = testRouter({ serve: () => fails(refused), client: { accrual } });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  for (let i = 0; i < 20; i++) send(router.service, testCall());
  assert.equal(router.gauge("client", "#/fs/users", "loadbalancer", "available"), 1);
});
