// More names than an agent allows connections.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Clock } from "../../../src/core/clock.ts";
import { consulAgent } from "../../support/consul.ts";
import { hasPeer } from "../../support/peers.ts";
import { realClock } from "../../support/real-clock.ts";
import { openNamer, stateOf } from "./support.ts";

/** The time of the machine, `times` as fast: so that what happens every 10 s is seen in a test. */
function fasterClock(times: number): Clock {
  return {
    nowMs: () => realClock.nowMs() * times,
    wallMs: () => realClock.wallMs(),
    after: (delayMs, run) => realClock.after(delayMs / times, run),
  };
}

/** Connections of this machine to a port, by the table of the system. */
function connectionsTo(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const established = new RegExp(`^\\s*\\d+: \\S+ [0-9A-F]+:${hex} 01 `, "gm");
  return [...readFileSync("/proc/net/tcp", "utf8").matchAll(established)].length;
}

test("300 watched services take 128 blocking queries, the others are polled", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const { host, port } = agent;
  // A few at a time: the agent's limit counts the connections of this test as well.
  for (let first = 0; first < 300; first += 20) {
    const few = Array.from({ length: 20 }, (_, i) => agent.register(`service-${first + i}`, 1));
    await Promise.all(few);
  }
  const { namer, log, watch } = openNamer(t, { host, port }, { clock: fasterClock(10) });
  const names = Array.from({ length: 300 }, (_, i) => watch(`/dc1/service-${i}`));
  for (const name of names) await name.is("127.0.0.1:1");
  for (const i of [0, 299]) await agent.register(`service-${i}`, 2);
  for (const i of [0, 299]) await names[i]?.is("127.0.0.1:1 127.0.0.1:2");

  const { watches } = namer.watchState?.() ?? {};
  assert.deepEqual(watches, { blocking: 128, blockingAtMost: 128, polled: 172 });
  assert.equal(stateOf(namer, "/dc1/service-0").poll.mode, "blocking");
  assert.equal(stateOf(namer, "/dc1/service-299").poll.mode, "polled");
  const events = log.events.filter(({ event }) => event === "consul watches polled");
  assert.equal(events.length, 1);
  assert.deepEqual(
    log.events.filter(({ event }) => event === "consul does not respond"),
    [],
    "no connection was refused",
  );
  if (existsSync("/proc/net/tcp")) {
    const count = connectionsTo(port);
    assert.ok(count <= 160 + 20, `${count} connections: 128, 32 quick ones, 20 of this test`);
  }

  // A slot that becomes free goes to a watch that polled.
  names[0]?.close();
  assert.equal(stateOf(namer, "/dc1/service-128").poll.mode, "blocking");
});
