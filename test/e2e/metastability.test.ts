// An overload that is over stays over: retries within a budget do not keep it going.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startProxy } from "../support/proxy.ts";
import { seeded } from "../support/random.ts";
import { http } from "../support/spoken.ts";
import type { SpokenCaller } from "../support/spoken.ts";
import { workerEndpoint } from "../support/worker-endpoint.ts";
import type { WorkerEndpoint } from "../support/worker-endpoint.ts";

const workers = 4;
const meanMs = 20;
/** Ten times what a call takes. */
const attemptTimeoutMs = 200;
const capacityPerSec = (workers * 1_000) / meanMs;
const overloadMs = 3_000;
/** A time in which success is counted, and one in which the last of its calls end. */
const windowMs = 2_000;
const settleMs = 1_000;
const seed = 1;

interface Told {
  readonly atMs: number;
  isGood: boolean;
}

/** Callers of one router, and what became of their calls. */
class Callers {
  readonly endpoint: WorkerEndpoint;
  readonly #caller: SpokenCaller;
  readonly #told: Told[] = [];
  #open = 0;

  constructor(endpoint: WorkerEndpoint, port: number) {
    this.endpoint = endpoint;
    this.#caller = http.dial(port);
  }

  call(atMs: number): void {
    const told: Told = { atMs, isGood: false };
    this.#open++;
    this.#caller.call(this.#told.push(told), (problem) => {
      this.#open--;
      told.isGood = problem === null;
    });
  }

  /** The share of calls that succeeded, of those begun in this window. */
  success(fromMs: number): number {
    const counted = this.#told.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs);
    return counted.filter(({ isGood }) => isGood).length / counted.length;
  }

  get amplification(): number {
    return this.endpoint.count / this.#told.length;
  }

  async end(): Promise<void> {
    while (this.#open > 0) await sleep(10);
    this.#caller.close();
  }
}

/** Makes both call at the same random moments, more often than can be served and then less. */
function arrivals(all: readonly Callers[]) {
  const random = seeded(seed);
  const startedMs = performance.now();
  let dueMs = 0;
  let timer: NodeJS.Timeout;
  const run = () => {
    // What comes late comes all the same.
    while (startedMs + dueMs <= performance.now()) {
      for (const callers of all) callers.call(dueMs);
      const rate = capacityPerSec * (dueMs < overloadMs ? 1.1 : 0.6);
      dueMs -= (1_000 / rate) * Math.log(1 - random());
    }
    timer = setTimeout(run, startedMs + dueMs - performance.now());
  };
  run();
  return { nowMs: () => performance.now() - startedMs, stop: () => clearTimeout(timer) };
}

const patienceMs = 30_000;

/** Where the first window after the overload begins in which 99 % succeed; the last, if there is none. */
async function recovered(callers: Callers, nowMs: () => number): Promise<number> {
  for (;;) {
    await sleep(100);
    const fromMs = nowMs() - settleMs - windowMs;
    if (fromMs < overloadMs) continue;
    if (callers.success(fromMs) >= 0.99 || nowMs() > overloadMs + patienceMs) return fromMs;
  }
}

const router = (label: string, { port }: WorkerEndpoint, budget: string) => `
    - protocol: http
      label: ${label}
      dtab: /svc => /$/inet/127.1/${port}
      servers: [{ port: 0 }]
      service:
        responseClassifier: { kind: io.l5d.http.retryableRead5XX }
        retries: { maxAttempts: 4${budget} }
      client:
        requestAttemptTimeoutMs: ${attemptTimeoutMs}
        failureAccrual: { kind: none }   # only retries are looked at`;
const endless = ", budget: { percentCanRetry: 1000, minRetriesPerSec: 1000 }";

test("within 30 s of an overload 99 % succeed again with the default budget; without one it stays", async (t) => {
  const open = () => workerEndpoint(t, { workers, meanMs, random: seeded(seed) });
  const [first, second] = [await open(), await open()];
  const proxy = await startProxy(
    t,
    `
    routers:${router("budget", first, "")}${router("naive", second, endless)}`,
  );
  const budget = new Callers(first, proxy.portOf("budget"));
  const naive = new Callers(second, proxy.portOf("naive"));
  const calls = arrivals([budget, naive]);
  await sleep(overloadMs);
  const naiveWaitMs = naive.endpoint.waitMs();
  const fromMs = await recovered(budget, calls.nowMs);
  calls.stop();
  const naiveWaitLaterMs = naive.endpoint.waitMs();
  await Promise.all([budget.end(), naive.end()]);

  const of = (callers: Callers) =>
    `${callers.success(fromMs)} succeed, ${callers.amplification} sends a call`;
  const story = `seed ${seed}, ${fromMs - overloadMs} ms after the overload; budget: ${of(budget)}; naive: ${of(naive)}`;
  t.diagnostic(story);
  assert.ok(budget.success(fromMs) >= 0.99, story);
  assert.ok(budget.amplification <= 1.3, story);
  // The proof that the overload is one, and that waiting would not end it.
  assert.ok(naive.success(fromMs) < 0.5, story);
  assert.ok(naive.amplification > 2, story);
  assert.ok(naiveWaitLaterMs > naiveWaitMs, `${naiveWaitLaterMs}, ${naiveWaitMs}; ${story}`);
});
