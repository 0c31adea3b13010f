// Six of ten endpoints go bad at the same time, each in its own way, and come back. Callers should
// not notice. CHAOS_SECONDS=20 makes the bad time longer.
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MoodyEndpoint } from "../support/moody-endpoint.ts";
import { startProxy } from "../support/proxy.ts";
import { discovery, until } from "../support/services.ts";

const badSeconds = Number(process.env["CHAOS_SECONDS"] ?? 5);
const callsPerSecond = 500;

interface Tally {
  begun: number;
  good: number;
  /** What became of the others, and how often. */
  readonly bad: Map<string, number>;
}

/** Callers that do not wait for one another: so many calls a second, whatever becomes of them. */
function openLoad(port: number) {
  const agent = new Agent({ keepAlive: true });
  const tally: Tally = { begun: 0, good: 0, bad: new Map() };
  const failed = (why: string) => void tally.bad.set(why, (tally.bad.get(why) ?? 0) + 1);
  const call = () => {
    tally.begun++;
    get({ port, agent, headers: { host: "web" } }, (answer) => {
      let text = "";
      answer.setEncoding("latin1");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("error", (error) => failed(`after its head: ${error.message}`));
      answer.on("end", () => {
        if (answer.statusCode === 200 && text === "body") tally.good++;
        else failed(`${answer.statusCode} ${text.split("\n")[1] ?? ""}`.replaceAll(/\d{5}/g, "*"));
      });
    }).on("error", (error) => failed(`before its head: ${error.message}`));
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1_000) * callsPerSecond;
    // What a busy machine made late is not made up for in one go.
    for (let burst = 0; tally.begun < due && burst < 3; burst++) call();
  }, 2);
  const answered = () => tally.good + [...tally.bad.values()].reduce((sum, n) => sum + n, 0);
  return {
    tally,
    async stop() {
      clearInterval(timer);
      await until(
        async () => {
          await sleep(10);
          return tally.begun - answered();
        },
        (open) => open === 0,
        "every call has an answer",
      );
      agent.destroy();
    },
  };
}

test("six of ten endpoints go bad in six ways and come back: callers see next to nothing of it", async (t) => {
  const endpoints = await Promise.all(Array.from({ length: 10 }, () => MoodyEndpoint.open(t)));
  const { rootDir } = discovery(t, { web: endpoints.map(({ port }) => port) });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]
      service:
        totalTimeoutMs: 5000
        responseClassifier: { kind: io.l5d.http.retryableIdempotent5XX }
      client:
        requestAttemptTimeoutMs: 500
        failureAccrual:
          kind: io.l5d.unified
          failures: 2
          backoff: { kind: constant, ms: 3000 }`,
  );
  const calls = openLoad(proxy.port);
  await sleep(1_000);
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
  const before = endpoints.map(({ count }) => count);
  await sleep(4_000);
  await calls.stop();

  const { begun, good, bad } = calls.tally;
  const sent = endpoints.reduce((sum, { count }) => sum + count, 0);
  const story = `${good} of ${begun} good, ${sent} sent; ${JSON.stringify([...bad])}`;
  t.diagnostic(story);
  // A machine that is busy with other things gets fewer calls under way.
  assert.ok(begun >= 0.3 * callsPerSecond * (badSeconds + 5), story);
  assert.ok(good / begun >= 0.999, story);
  assert.ok(sent / begun <= 1.3, story);
  const back = endpoints.filter(({ count }, i) => count - before[i]! > 50).length;
  assert.equal(back, 10, "all endpoints work again");
});
