import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { failure } from "../../src/core/failure.ts";
import { cell } from "../../src/core/live.ts";
import type { AddressSet } from "../../src/core/naming.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import { withFailFast } from "../../src/routing/accruals/fail-fast.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import type { ClientFilterOptions } from "../../src/routing/options.ts";
import { noClientFilters } from "../../src/routing/options.ts";
import { gradient } from "../../src/routing/limiters/gradient.ts";
import { send } from "../support/outcome.ts";
import type { SentRequest } from "../support/outcome.ts";
import { seeded } from "../support/random.ts";
import type { HeldCall, TestRouter, TestRouterOptions } from "../support/routing.ts";
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
import { arrivals, workers } from "../support/workers.ts";

const id = "/#/fs/users";
const client = ["client", "#/fs/users"] as const;

const isWaiting = ({ outcome }: SentRequest<number>): boolean => outcome === null;

function guarded(
  guards: Partial<ClientFilterOptions>,
  options: TestRouterOptions = {},
): TestRouter {
  return testRouter({
    ...options,
    client: { filters: { ...noClientFilters, ...guards }, ...options.client },
  });
}

test("a rate limit lets a burst through, then so many a second, and says when to come back", () => {
  const router = guarded({ rateLimit: { perSec: 10, burst: 3 } });
  router.bind("/svc/users", id, addresses(1));
  const ask = () => send(router.service, testCall()).outcome?.failure ?? null;
  assert.deepEqual([ask(), ask(), ask()], [null, null, null]);
  const late = ask();
  assert.deepEqual([late?.kind, late?.retry, late?.retryAfterMs], ["limited", "safe", 100]);
  router.clock.advance(99);
  assert.equal(ask()?.kind, "limited");
  router.clock.advance(1);
  assert.equal(ask(), null);
  assert.equal(ask()?.kind, "limited");
  router.clock.advance(60_000);
  assert.deepEqual([ask(), ask(), ask(), ask()?.kind], [null, null, null, "limited"]);
  assert.equal(router.counter("service", "svc/users", "failures", "limited"), 4);
});

test("a rate limit of a service is for its name, whatever dtab the calls bring", () => {
  const router = testRouter({ service: { rateLimit: { perSec: 1, burst: 1 } } });
  router.bind("/svc/users", id, addresses(1));
  router.bind("/svc/other", "/#/fs/other", addresses(1));
  const ask = (name: string) => send(router.service, testCall(name)).outcome?.failure ?? null;
  assert.equal(ask("/svc/users"), null);
  assert.equal(ask("/svc/users")?.kind, "limited");
  assert.equal(ask("/svc/other"), null);
});

test("over a long time a rate limit lets exactly its rate through", () => {
  const router = guarded({ rateLimit: { perSec: 100, burst: 10 } });
  router.bind("/svc/users", id, addresses(1));
  let good = 0;
  arrivals(router.clock, seeded(7), 300, 100, () => {
    if (send(router.service, testCall()).outcome?.failure === null) good++;
  });
  assert.ok(Math.abs(good - 10_000) <= 110, `${good}`);
});

test("fail fast: an endpoint that cannot be connected to is dead immediately, and back by its probe", () => {
  let isUp = false;
  const random = seeded(1);
  const accrual = withFailFast(accrualOf(consecutiveFailures, {}, random), random);
  const router = testRouter({
    client: { accrual },
    serve: () => (request, reply) => (isUp ? responds(200) : fails(refused))(request, reply),
  });
  router.bind("/svc/users", id, addresses(1));
  send(router.service, testCall());
  assert.equal(router.gauge(...client, "loadbalancer", "available"), 0);
  isUp = true;
  router.clock.advance(1_000);
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
  assert.equal(router.gauge(...client, "loadbalancer", "available"), 1);
});

test("fail fast: when nothing was ready for 3 s the calls that wait fail together, and new ones immediately", () => {
  const set = cell<AddressSet>();
  const router = guarded({ failFast: true });
  router.bind("/svc/users", id, set);
  const first = send(router.service, testCall());
  router.clock.advance(2_900);
  const second = send(router.service, testCall());
  assert.equal(second.outcome, null);
  router.clock.advance(100);
  const kinds = [first, second].map(({ outcome }) => outcome?.failure?.kind);
  assert.deepEqual(kinds, ["exhausted", "exhausted"]);
  const third = send(router.service, testCall());
  assert.equal(third.outcome?.failure?.retryAfterMs, 0);
  assert.equal(router.counter(...client, "fail_fast", "refused"), 1);
  set.set({ kind: "ok", value: addresses(1) });
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("fail fast: with all endpoints dead calls fail after 3 s, but for the probe", () => {
  let status = 500;
  const random = seeded(2);
  const accrual = accrualOf(
    consecutiveFailures,
    { failures: 1, maxEjectedPercent: 100, backoff: { kind: "constant", ms: 5_000 } },
    random,
  );
  const router = guarded(
    { failFast: true },
    {
      client: { accrual },
      serve: () => (request, reply) => responds(status)(request, reply),
    },
  );
  router.bind("/svc/users", id, addresses(2));
  const ask = () => send(router.service, testCall()).outcome;
  for (let i = 0; i < 10; i++) assert.equal(ask()?.response, 500);
  router.clock.advance(3_000);
  assert.equal(ask()?.failure?.kind, "exhausted");
  status = 200;
  router.clock.advance(2_000);
  assert.equal(ask()?.response, 200, "the probe");
});

function limiter(config: object = {}) {
  return gradient.create(v.parse(gradient.schema, { kind: gradient.kind, ...config }), undefined);
}

interface Load {
  readonly goodput: number;
  readonly limits: readonly number[];
  readonly p99: number;
  readonly rejectedShare: number;
}

/** So many calls a second for `seconds`, after ten seconds that do not count. */
function underLoad(perSecond: number, seconds: number, seed: number): Load {
  const random = seeded(seed);
  const router = guarded(
    { concurrency: limiter() },
    { seed, serve: () => (request, reply) => workplace.service(request, reply) },
  );
  const workplace = workers(router.clock, random);
  router.bind("/svc/users", id, addresses(1));
  const latencies: number[] = [];
  const limits: number[] = [];
  let [all, rejected] = [0, 0];
  const begin = () => {
    const startedMs = router.clock.nowMs();
    if (startedMs < 10_000) return void send(router.service, testCall());
    all++;
    router.service(testCall(), {
      start: () => void latencies.push(router.clock.nowMs() - startedMs),
      end: (why) => void (rejected += why === null ? 0 : 1),
    });
    if (all % 100 === 0) limits.push(router.gauge(...client, "concurrency", "limit") ?? NaN);
  };
  arrivals(router.clock, random, perSecond, seconds + 10, begin);
  latencies.sort((a, b) => a - b);
  return {
    goodput: latencies.length / seconds,
    limits: limits.sort((a, b) => a - b),
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? NaN,
    rejectedShare: rejected / all,
  };
}

test("at twice the load the gradient settles near the workers, and loses no capacity", () => {
  const { goodput, limits, p99 } = underLoad(1_600, 20, 30);
  const at = (share: number) => limits[Math.floor(share * (limits.length - 1))];
  assert.ok(at(0.05)! >= 8 && at(0.95)! <= 24, `${at(0.05)} to ${at(0.95)}`);
  assert.ok(goodput >= 0.95 * 800, `${goodput}`);
  assert.ok(p99 <= 5 * 10, `${p99}`);
});

test("at half the load the gradient refuses no call, and does not drift away", () => {
  const { rejectedShare, limits } = underLoad(400, 20, 31);
  assert.ok(rejectedShare < 0.005, `${rejectedShare}`);
  assert.ok(limits.at(-1)! < 60, `${limits.at(-1)}`);
});

test("under a load that never ends the limit stays where it belongs for minutes", () => {
  const { goodput, limits } = underLoad(1_200, 90, 32);
  assert.ok(limits.at(-1)! <= 40, `${limits.at(-1)}`);
  assert.ok(goodput >= 0.95 * 800, `${goodput}`);
});

const noRequeues = { ttlSecs: 1, minRetriesPerSec: 0, percentCanRetry: 0 };
const saysBusy = failure("limited", "nack", "safe");

/** What share of 10 s of calls an endpoint sees that can take `capacity` a second, after a minute. */
function sentShare(perSecond: number, capacity: number, seconds = 300): number {
  const random = seeded(311);
  let tokens = 0;
  let sent = 0;
  let all = 0;
  const router = guarded(
    { nackAdmission: { windowMs: 120_000, threshold: 0.5 } },
    {
      seed: 31,
      client: { accrual: null, requeueBudget: noRequeues },
      serve: () => (request, reply) => {
        if (router.clock.nowMs() > (seconds - 60) * 1_000) sent++;
        const isTaken = tokens >= 1;
        if (isTaken) tokens--;
        return (isTaken ? responds(200) : fails(saysBusy))(request, reply);
      },
    },
  );
  router.bind("/svc/users", id, addresses(1));
  let lastMs = 0;
  arrivals(router.clock, random, perSecond, seconds, () => {
    const nowMs = router.clock.nowMs();
    tokens = Math.min(capacity / 10, tokens + ((nowMs - lastMs) * capacity) / 1_000);
    lastMs = nowMs;
    if (nowMs > (seconds - 60) * 1_000) all++;
    send(router.service, testCall());
  });
  return sent / all;
}

test("at ten times what endpoints take about half of the calls is sent, and never less than a quarter", () => {
  const share = sentShare(100, 10, 600);
  assert.ok(share >= 0.45 && share <= 0.6, `${share}`);
  const worst = sentShare(100, 0.01, 900);
  assert.ok(worst >= 0.24 && worst <= 0.4, `${worst}`);
});

test("with fewer than 5 calls a second nothing is held back, however bad it is", () => {
  const router = guarded(
    { nackAdmission: { windowMs: 1_000, threshold: 0.5 } },
    { client: { accrual: null, requeueBudget: noRequeues }, serve: () => fails(saysBusy) },
  );
  router.bind("/svc/users", id, addresses(1));
  for (let i = 0; i < 400; i++) {
    send(router.service, testCall());
    router.clock.advance(300);
  }
  assert.equal(router.counter(...client, "nack_admission", "dropped"), 0);
});

const hedge = { percentile: 95, maxExtraLoad: 0.05 };

test("hedging cuts the tail for little more load", () => {
  const random = seeded(6);
  const run = (guards: Partial<ClientFilterOptions>) => {
    let sent = 0;
    const router = guarded(guards, {
      seed: 6,
      serve: () => (_, reply) => {
        sent++;
        let isOver = false;
        const stop = router.clock.after(random() < 0.03 ? 200 : 5 + 10 * random(), () => {
          isOver = true;
          reply.start(200);
          reply.end(null);
        });
        return {
          cancel(why) {
            if (isOver) return;
            isOver = true;
            stop();
            reply.end(why);
          },
        };
      },
    });
    router.bind("/svc/users", id, addresses(10));
    const latencies: number[] = [];
    let all = 0;
    arrivals(router.clock, random, 200, 60, () => {
      const startedMs = router.clock.nowMs();
      all++;
      router.service(testCall(), {
        start: () => void (startedMs > 10_000 && latencies.push(router.clock.nowMs() - startedMs)),
        end: (why) => assert.equal(why, null),
      });
    });
    latencies.sort((a, b) => a - b);
    router.clock.advance(1_000);
    const counts = [router.gauge(...client, "pending"), router.counter(...client, "hedge", "won")];
    return { p99: latencies[Math.floor(latencies.length * 0.99)]!, load: sent / all, counts };
  };
  const [plain, hedged] = [run({}), run({ hedge })];
  assert.ok(plain.p99 > 190, `${plain.p99}`);
  assert.ok(hedged.p99 < 60, `${hedged.p99}`);
  assert.ok(hedged.load > 1.02 && hedged.load <= 1.05, `${hedged.load}`);
  assert.equal(hedged.counts[0], 0, "every attempt has ended");
  assert.ok((hedged.counts[1] ?? 0) > 100);
});

/** Ten seconds of quick calls, so that 95 % take 10 ms at most; then calls are held. */
function afterQuickCalls(options: TestRouterOptions = {}) {
  const held: HeldCall[] = [];
  let isHolding = false;
  const router = guarded(
    { hedge },
    {
      ...options,
      serve: () => (request, reply) => {
        if (isHolding) return holding(held)(request, reply);
        router.clock.after(10, () => responds(200)(request, reply));
        return { cancel: () => {} };
      },
    },
  );
  router.bind("/svc/users", id, addresses(3));
  for (let i = 0; i < 1_000; i++) {
    send(router.service, testCall());
    router.clock.advance(10);
  }
  isHolding = true;
  return { router, held };
}

test("the first response of a hedged call counts, the other attempt is cancelled and counts as no failure", () => {
  const { router, held } = afterQuickCalls();
  const call = testCall();
  const asked = send(router.service, call);
  router.clock.advance(9);
  assert.equal(held.length, 1);
  router.clock.advance(11);
  assert.equal(held.length, 2);
  assert.notDeepEqual(held[0]?.request.endpoint, held[1]?.request.endpoint);
  held[1]?.respond(201);
  assert.equal(asked.outcome?.response, 201);
  assert.equal(held[0]?.cancelledWith?.kind, "cancelled");
  assert.deepEqual(call.endpoint, held[1]?.request.endpoint);
  assert.equal(router.counter(...client, "failures"), 0);
});

test("the second attempt has its own limit: its endpoint does not get that of the first", () => {
  const { router, held } = afterQuickCalls({ client: { attemptTimeoutMs: 100 } });
  const nowMs = router.clock.nowMs();
  send(router.service, testCall());
  router.clock.advance(20);
  const [first = 0, second = 0] = held.map(({ request }) => request.deadlineMs - nowMs);
  assert.equal(first, 100);
  assert.ok(second > 105 && second <= 120, `${second}`);
});

test("a hedged call fails when both attempts failed, and not before", () => {
  const { router, held } = afterQuickCalls();
  const asked = send(router.service, testCall());
  router.clock.advance(20);
  held[0]?.fail(failure("timeout", "first"));
  assert.ok(isWaiting(asked));
  held[1]?.fail(failure("timeout", "second"));
  assert.equal(asked.outcome?.failure?.detail, "second");
});

test("a hedged call that its caller gives up ends both attempts and gets a response once", () => {
  const { router, held } = afterQuickCalls();
  const asked = send(router.service, testCall());
  router.clock.advance(20);
  asked.cancel(failure("cancelled", "gone"));
  assert.equal(asked.outcome?.failure?.detail, "gone");
  assert.ok(held.every(({ cancelledWith }) => cancelledWith !== null));
});

test("what must not happen twice is not hedged", () => {
  const { router, held } = afterQuickCalls();
  send(router.service, testCall("/svc/users", { idempotent: false }));
  send(router.service, testCall("/svc/users", { replayable: false }));
  router.clock.advance(1_000);
  assert.equal(held.length, 2);
});

test("faults: nothing happens until they are switched on, and then every response says so", () => {
  const setting = { isOn: false, delayMs: 100, delayPercent: 100, abortPercent: 0 };
  const router = guarded({ faults: setting });
  router.bind("/svc/users", id, addresses(1));
  const untouched = testCall();
  assert.equal(send(router.service, untouched).outcome?.response, 200);
  assert.equal(untouched.fault, undefined);
  assert.equal(router.faults.change(null, { isOn: true }), 1);
  const slow = testCall();
  const asked = send(router.service, slow);
  router.clock.advance(99);
  assert.ok(isWaiting(asked));
  router.clock.advance(1);
  assert.equal(asked.outcome?.response, 200);
  assert.equal(slow.fault, "delay 100");
  router.faults.change(pathLiteral(id), { delayPercent: 0, abortPercent: 100 });
  const broken = testCall("/svc/users", { idempotent: false });
  assert.equal(send(router.service, broken).outcome?.failure?.kind, "closed");
  assert.equal(broken.fault, "abort");
  assert.deepEqual(router.faults.views(), [
    {
      client: id,
      isOn: true,
      delayMs: 100,
      delayPercent: 0,
      abortPercent: 100,
      delayed: 1,
      aborted: 1,
    },
  ]);
  assert.equal(router.faults.change(pathLiteral("/#/fs/none"), { isOn: false }), 0);
  router.faults.change(null, { isOn: false });
  assert.equal(send(router.service, testCall()).outcome?.response, 200);
});

test("faults are the endpoint's own: it is taken out for them, and an attempt's limit ends a delay", () => {
  const setting = { isOn: true, delayMs: 1_000, delayPercent: 0, abortPercent: 100 };
  const router = guarded({ faults: setting }, { client: { attemptTimeoutMs: 50 } });
  router.bind("/svc/users", id, addresses(1));
  for (let i = 0; i < 5; i++) send(router.service, testCall("/svc/users", { idempotent: false }));
  assert.equal(router.counter(...client, "failure_accrual", "removals"), 1);
  router.faults.change(null, { delayPercent: 100, abortPercent: 0 });
  const asked = send(router.service, testCall());
  router.clock.advance(50);
  assert.equal(asked.outcome?.failure?.kind, "timeout");
});

test("faults come as often as they are asked for", () => {
  const setting = { isOn: true, delayMs: 1, delayPercent: 30, abortPercent: 10 };
  const router = guarded({ faults: setting }, { client: { accrual: null }, seed: 9 });
  router.bind("/svc/users", id, addresses(1));
  for (let i = 0; i < 10_000; i++) {
    send(router.service, testCall("/svc/users", { idempotent: false }));
    router.clock.advance(1);
  }
  const counted = ["delayed", "aborted"].map((name) => router.counter(...client, "faults", name));
  assert.ok(
    Math.abs(counted[0]! - 3_000) < 150 && Math.abs(counted[1]! - 1_000) < 100,
    `${counted}`,
  );
});
