// Six of ten endpoints go bad at the same time, each in its own way, and come back. Callers should
// not notice, whatever they speak. CHAOS_SECONDS=20 makes the bad time longer.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MoodyEndpoint } from "../support/moody-endpoint.ts";
import { startProxy } from "../support/proxy.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import { allSpoken } from "../support/spoken.ts";
import type { Spoken } from "../support/spoken.ts";

const goodSeconds = 1;
const badSeconds = Number(process.env["CHAOS_SECONDS"] ?? 5);
const callsPerSecond = 500;
/** So many calls make a story, also on a machine that is too busy to begin them in time. */
const leastCalls = callsPerSecond * (goodSeconds + badSeconds + 4);

interface Tally {
  begun: number;
  good: number;
  /** What became of the others, and how often. */
  readonly bad: Map<string, number>;
}

/** Callers that do not wait for one another: so many calls a second, whatever becomes of them. */
function openLoad(t: TestContext, port: number, spoken: Spoken) {
  const caller = spoken.dial(port);
  const tally: Tally = { begun: 0, good: 0, bad: new Map() };
  let answered = 0;
  const ended = (problem: string | null) => {
    answered++;
    if (problem === null) {
      tally.good++;
      return;
    }
    const kind = problem.replaceAll(/\d+/g, "*");
    tally.bad.set(kind, (tally.bad.get(kind) ?? 0) + 1);
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1_000) * callsPerSecond;
    // What a busy machine made late is not made up for in one go.
    for (let burst = 0; tally.begun < due && burst < 3; burst++) {
      caller.call(tally.begun++, ended);
    }
  }, 2);
  t.after(() => clearInterval(timer));
  return {
    tally,
    async stop() {
      clearInterval(timer);
      await until(
        () => sleep(10, tally.begun - answered),
        (open) => open === 0,
        "every call has a response",
      );
      caller.close();
    },
  };
}

function proxyTo(t: TestContext, endpoints: readonly MoodyEndpoint[], spoken: Spoken) {
  const { rootDir } = discovery(t, { web: endpoints.map(({ port }) => port) });
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: ${spoken.name}
      dtab: /svc => /#/io.l5d.fs/web
      servers: [{ port: 0 }]
      service:
        totalTimeoutMs: 10000
        responseClassifier: { kind: ${spoken.classifier} }
      client:
        requestAttemptTimeoutMs: 500
        failureAccrual:
          kind: io.l5d.unified
          failures: 2
          backoff: { kind: constant, ms: 3000 }
        ${spoken.clientKey}`,
  );
}

/** One is killed, the others go bad in their own ways; after the bad time all are good again. */
async function misbehave(endpoints: readonly MoodyEndpoint[]): Promise<void> {
  const [killed, slow, hanging, failing, resetting, babbling] = endpoints;
  assert.ok(killed && slow && hanging && failing && resetting && babbling);
  slow.mood = "slow";
  hanging.mood = "hanging";
  failing.mood = "failing";
  resetting.mood = "resetting";
  babbling.mood = "babbling";
  await killed.kill();
  await sleep(badSeconds * 1_000);
  await killed.start();
  for (const endpoint of endpoints) endpoint.mood = "good";
}

// Side by side: most of their time is waiting.
describe("six of ten endpoints go bad in six ways and come back", { concurrency: true }, () => {
  for (const spoken of allSpoken) {
    test(`callers of ${spoken.name} see next to nothing of it`, async (t) => {
      const opened = Array.from({ length: 10 }, () => MoodyEndpoint.open(t, spoken.readCalls));
      const endpoints = await Promise.all(opened);
      const proxy = await proxyTo(t, endpoints, spoken);
      const calls = openLoad(t, proxy.port, spoken);
      await sleep(goodSeconds * 1_000);
      await misbehave(endpoints);
      const before = endpoints.map(({ count }) => count);
      await until(
        () =>
          sleep(
            10,
            endpoints.map(({ count }, i) => count - before[i]!),
          ),
        (counts) => counts.every((count) => count > 50),
        "all endpoints work again",
      );
      await until(
        () => sleep(10, calls.tally.begun),
        (begun) => begun >= leastCalls,
        "the load is what it should be",
      );
      await calls.stop();

      const { begun, good, bad } = calls.tally;
      const sent = endpoints.reduce((sum, { count }) => sum + count, 0);
      const story = `${good} of ${begun} good, ${sent} sent; ${JSON.stringify([...bad])}`;
      t.diagnostic(story);
      assert.ok(good / begun >= 0.999, story);
      assert.ok(sent / begun <= 1.3, story);
    });
  }
});
