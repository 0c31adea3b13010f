// An overload that is over stays over. Naive retries keep it going for ever.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/core/service.ts";
import { send } from "../support/outcome.ts";
import type { SentRequest } from "../support/outcome.ts";
import type { SimulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";
import type { TestCall, TestResponse } from "../support/routing.ts";
import { addresses, classifier, defaultBudget, testCall, testRouter } from "../support/routing.ts";
import { erlang4 } from "../support/simulator.ts";

const workers = 2;
const meanMs = 10;
const capacityPerSec = (workers * 1_000) / meanMs;
const overloadSecs = 20;
/** From 30 s after the overload on, for so long, success is counted. */
const recoverySecs = 30;
const countedSecs = 10;

/** An endpoint with workers and a queue. It finishes what its caller has given up: it cannot know. */
function busyEndpoint(clock: () => SimulatedClock, random: () => number) {
  const queue: (() => void)[] = [];
  let busy = 0;
  let seen = 0;
  const work = () => {
    if (busy >= workers) return;
    const next = queue.shift();
    if (next === undefined) return;
    busy++;
    clock().after(erlang4(meanMs, random), () => {
      busy--;
      next();
      work();
    });
  };
  const service: Service<TestCall, TestResponse> = (_, reply) => {
    let isOver = false;
    seen++;
    queue.push(() => {
      if (isOver) return;
      isOver = true;
      reply.start(200);
      reply.end(null);
    });
    work();
    return {
      cancel: (why) => {
        if (isOver) return;
        isOver = true;
        reply.end(why);
      },
    };
  };
  return {
    service,
    get seen() {
      return seen;
    },
  };
}

interface Outcome {
  readonly success: number;
  readonly amplification: number;
}

function overloaded(seed: number, maxAttempts: number, percentCanRetry: number): Outcome {
  const random = seeded(seed);
  const endpoint = busyEndpoint(() => router.clock, random);
  const router = testRouter({
    seed,
    serve: () => endpoint.service,
    service: {
      classifier: (request, response, why) =>
        classifier(request, response, why) === "success" ? "success" : "retryable",
      retries: {
        // A quarter of the workers of the scenario, and a quarter of the default reserve.
        budget: { ...defaultBudget, minRetriesPerSec: 2, percentCanRetry },
        maxAttempts,
        backoff: () => ({ nextMs: () => 0, reset: () => {} }),
      },
    },
    // Only retries are looked at: nothing takes the one endpoint out.
    client: { attemptTimeoutMs: 100, accrual: null },
  });
  router.bind("/svc/users", "/#/fs/users", addresses(1));
  let calls = 0;
  const counted: SentRequest<TestResponse>[] = [];
  const countedFromMs = (overloadSecs + recoverySecs) * 1_000;
  const endMs = countedFromMs + countedSecs * 1_000;
  const call = (): void => {
    const nowMs = router.clock.nowMs();
    if (nowMs >= endMs) return;
    calls++;
    const asked = send(router.service, testCall());
    if (nowMs >= countedFromMs) counted.push(asked);
    const rate = capacityPerSec * (nowMs < overloadSecs * 1_000 ? 1.1 : 0.6);
    router.clock.after((-Math.log(1 - random()) * 1_000) / rate, call);
  };
  call();
  router.clock.advance(endMs + 2_000);
  const succeeded = counted.filter(({ outcome }) => outcome?.response === 200);
  return { success: succeeded.length / counted.length, amplification: endpoint.seen / calls };
}

test("with the budget at least 99 % succeed 30 s after an overload; three retries each, and none do", () => {
  for (const seed of [1, 2]) {
    const { success, amplification } = overloaded(seed, 4, 0.2);
    assert.ok(success >= 0.99, `seed ${seed}: ${success}`);
    assert.ok(amplification <= 1.3, `seed ${seed}: ${amplification}`);
  }
  // Without a budget worth the name: the proof that the overload is one.
  const naive = overloaded(1, 4, 1_000);
  assert.ok(naive.success < 0.5, `${naive.success}`);
  assert.ok(naive.amplification > 3, `${naive.amplification}`);
});
