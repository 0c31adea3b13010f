// The dashboard's stream of events: one reading a second for all listeners, none without them.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { DashboardStream, maxListeners } from "../../../src/admin/dashboard/stream.ts";
import type { Overview, ScopeRow } from "../../../src/admin/dashboard/shapes.ts";
import type { DashboardView } from "../../../src/admin/views.ts";
import { simulatedClock } from "../../support/clock.ts";
import { instance, noProblems, startAdmin } from "../support.ts";

function row(name: string, calls: number): ScopeRow {
  const key = `http service ${name}`;
  const numbers = { calls, perSecond: 0, success: null, p50: null, p99: null, pending: 0 };
  return { key, router: "http", kind: "service", name, ...numbers };
}

function stage() {
  const clock = simulatedClock();
  const logged: unknown[] = [];
  const note = (event: unknown) => void logged.push(event);
  const state = { rows: [row("/svc/a", 1)], sample: 3, reads: 0 };
  const view: DashboardView = {
    overview(): Promise<Overview> {
      state.reads += 1;
      const at = new Date(clock.wallMs()).toISOString();
      return Promise.resolve({
        at,
        instance,
        routers: [],
        rows: state.rows,
        leftOut: 0,
        problems: noProblems,
      });
    },
    samples(after) {
      const curve = Array.from({ length: state.sample - Math.max(after, 0) }, () => 1);
      const byKey = { "http service /svc/a": [curve, curve, curve, curve] as const };
      return Promise.resolve({ periodMs: 5_000, last: state.sample, byKey });
    },
    lastSample: () => state.sample,
    scope: () => Promise.resolve(null),
    configText: () => Promise.resolve({ file: null, lines: [] }),
  };
  const log = { debug: note, info: note, warn: note, error: note };
  const stream = new DashboardStream(view, clock, log);
  const second = async () => {
    clock.advance(1_000);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  };
  return { clock, logged, state, stream, second };
}

interface Event {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What has been written so far. */
function eventsOf(body: Readable): Event[] {
  const text = String(body.read() ?? "");
  return Array.from(text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g), ([, name = "", data = ""]) => {
    return { name, data: JSON.parse(data) as Event["data"] };
  });
}

async function listening(stream: DashboardStream): Promise<Readable> {
  const body = await stream.listen();
  assert.ok(body !== null);
  return body;
}

test("a listener gets everything first, then only what changed", async () => {
  const { state, stream, second } = stage();
  const body = await listening(stream);
  const [first, curves] = eventsOf(body);
  assert.equal(first?.name, "snapshot");
  assert.deepEqual(curves?.name, "samples");
  assert.deepEqual(Object.keys(curves?.data["byKey"] ?? {}), ["http service /svc/a"]);
  assert.deepEqual(first?.data["rows"], [row("/svc/a", 1)]);
  await second();
  const [nothing] = eventsOf(body);
  assert.deepEqual(Object.keys(nothing?.data ?? {}), ["at", "instance"]);
  state.rows = [row("/svc/a", 1), row("/svc/b", 7)];
  state.sample = 4;
  await second();
  const [change] = eventsOf(body);
  assert.deepEqual(change?.data["rows"], [row("/svc/b", 7)]);
  assert.deepEqual(change?.data["samples"], {
    periodMs: 5_000,
    last: 4,
    byKey: { "http service /svc/a": [[1], [1], [1], [1]] },
  });
  state.rows = [row("/svc/b", 7)];
  await second();
  assert.deepEqual(eventsOf(body)[0]?.data["gone"], ["http service /svc/a"]);
  body.destroy();
});

test("a process without a call sends an empty list, not none", async () => {
  const { state, stream } = stage();
  state.rows = [];
  const body = await listening(stream);
  assert.deepEqual(eventsOf(body)[0]?.data["rows"], []);
  body.destroy();
});

test("the process is read once a second for all listeners, and not at all without", async () => {
  const { clock, state, stream, second } = stage();
  await second();
  assert.deepEqual([state.reads, clock.waiting], [0, 0]);
  const bodies = [await listening(stream), await listening(stream), await listening(stream)];
  assert.equal(state.reads, 1);
  await second();
  await second();
  assert.equal(state.reads, 3);
  const texts = bodies.map((body) => JSON.stringify(eventsOf(body).slice(-2)));
  assert.deepEqual(texts, [texts[0], texts[0], texts[0]]);
  for (const body of bodies) {
    body.destroy();
    await once(body, "close");
  }
  await second();
  assert.deepEqual([state.reads, clock.waiting, stream.listeners], [3, 0, 0]);
});

test("a listener that comes later gets what the others know, and the next change", async () => {
  const { state, stream, second } = stage();
  const early = await listening(stream);
  state.rows = [row("/svc/a", 2)];
  const late = await listening(stream);
  assert.equal(state.reads, 1, "no reading of its own");
  await second();
  const [, , change] = eventsOf(late);
  assert.deepEqual(change?.data["rows"], [row("/svc/a", 2)]);
  for (const body of [early, late]) body.destroy();
});

test("a listener that does not read is dropped, and the others are not", async () => {
  const { state, stream, second } = stage();
  const [slow, fast] = [await listening(stream), await listening(stream)];
  const large = "x".repeat(3 * 1024 * 1024);
  for (let calls = 0; calls < 3; calls += 1) {
    state.rows = [row(large, calls)];
    await second();
    fast.read();
  }
  assert.ok(slow.destroyed);
  assert.ok(!fast.destroyed);
  assert.equal(stream.listeners, 1);
  fast.destroy();
});

test("listeners beyond the limit are refused, and have room again when others left", async () => {
  const { stream } = stage();
  const bodies = await Promise.all(Array.from({ length: maxListeners }, () => listening(stream)));
  assert.equal(await stream.listen(), null);
  bodies[0]?.destroy();
  await once(bodies[0]!, "close");
  (await listening(stream)).destroy();
  for (const body of bodies) body.destroy();
});

test("an error while reading is logged and ends the streams, and the next listener begins afresh", async () => {
  const { logged, state, stream, second } = stage();
  const body = await listening(stream);
  Object.defineProperty(state, "rows", { get: () => assert.fail("broken"), configurable: true });
  await second();
  assert.ok(body.destroyed);
  assert.equal(logged.length, 1);
  Object.defineProperty(state, "rows", { value: [row("/svc/a", 1)] });
  await nextTurn();
  (await listening(stream)).destroy();
});

test("over HTTP: an event stream, which closing the admin server ends without waiting", async (t) => {
  const { admin } = await startAdmin(t);
  const response = await fetch(`http://127.0.0.1:${admin.port}/dashboard/live`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^retry: 2000\nevent: snapshot\ndata: \{/);
  await admin.close(60_000);
  while (!(await reader.read()).done);
});
