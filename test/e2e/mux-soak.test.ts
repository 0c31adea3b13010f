// Mux under a mixed load: responses, errors, nacks, discards and leaving callers, none mixed up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import type { MuxCall, MuxClient } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { seeded } from "../support/random.ts";
import { discovery } from "../support/discovery.ts";

const callsPerCaller = 2_000;
const atATime = 64;

test("thousands of mixed calls over shared connections, and each caller gets its own responses", async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  const late: MuxCall[] = [];
  const respond = (call: MuxCall) => {
    const chance = random();
    if (call.text.startsWith("error")) call.error(call.text);
    else if (chance < 0.02) call.nack();
    else if (chance < 0.03) call.ok(call.text + "x".repeat(100_000));
    else call.ok(call.text);
  };
  const handle = (call: MuxCall) => {
    if (random() < 0.5) respond(call);
    else late.push(call);
    // Out of order, and in bursts.
    while (late.length > 40 || (late.length > 0 && random() < 0.3)) {
      const [one] = late.splice(Math.floor(random() * late.length), 1);
      if (one !== undefined) respond(one);
    }
  };
  const services = await Promise.all([0, 1, 2].map(() => muxService(t, handle)));
  const flush = setInterval(() => late.splice(0).forEach(respond), 5);
  t.after(() => clearInterval(flush));
  const { rootDir } = discovery(t, { users: services.map(({ port }) => port) });
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- { protocol: mux, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0 }] }`,
  );
  const counts = { answered: 0, discarded: 0, refused: 0 };
  /** One call after the other, each with its own text. */
  const work = async (client: MuxClient, name: string, calls: number) => {
    for (let i = 0; i < calls && !client.isClosed; i++) {
      const kind = random() < 0.1 ? "error" : "plain";
      const payload = `${kind} ${name} ${i} `;
      const tag = client.nextTag();
      const asked = client.dispatch({ dst: "/users", payload }, tag);
      if (random() < 0.05) client.discard(tag);
      const { type, status, text } = await asked;
      if (type === -66) counts.discarded++;
      else if (status === 2 || text.includes("refused the call")) counts.refused++;
      else {
        counts.answered++;
        assert.equal(status, kind === "error" ? 1 : 0, `seed ${seed}: ${text.slice(0, 200)}`);
        assert.ok(text.startsWith(payload), `seed ${seed}: ${text.slice(0, 200)} for ${payload}`);
      }
    }
  };
  const callers = await Promise.all(
    [null, 64 * 1024, 10_000].map((maxFragment) => muxClient(t, proxy.port, { maxFragment })),
  );
  // And one that leaves in the middle, again and again.
  const leaving = (async () => {
    for (let round = 0; round < 20; round++) {
      const client = await muxClient(t, proxy.port);
      for (let i = 0; i < 20; i++) void client.dispatch({ dst: "/users", payload: "gone" });
      await client.ping();
      client.socket.destroy();
    }
  })();
  await Promise.all([
    leaving,
    ...callers.flatMap((client, at) =>
      Array.from({ length: atATime }, (_, i) =>
        work(client, `${at}.${i}`, Math.ceil(callsPerCaller / atATime)),
      ),
    ),
  ]);
  assert.ok(counts.answered > 2 * callsPerCaller, JSON.stringify(counts));
  assert.ok(counts.discarded > 0, JSON.stringify(counts));
  for (const client of callers) assert.deepEqual(client.others, [], `seed ${seed}`);
  assert.ok(
    services.every(({ sessions }) => sessions.length === 1),
    "one connection each",
  );
});
