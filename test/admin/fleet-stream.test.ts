// The fleet's stream of events, with many who listen to a large view.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Readable } from "node:stream";
import { FleetStream, maxFleetListeners } from "../../src/admin/fleet-stream.ts";
import type { FleetViews } from "../../src/admin/views.ts";
import { simulatedClock } from "../support/clock.ts";

function fleetOf() {
  let changed = () => {};
  const made = { services: 0 };
  const none = () => ({});
  const nothing = () => Promise.resolve(null);
  const views: FleetViews = {
    overview: none,
    topology: none,
    problems: none,
    services: () => ({ turn: ++made.services, rows: "x".repeat(1_000_000) }),
    service: nothing,
    calls: nothing,
    trace: nothing,
    watch: (run) => {
      changed = run;
      return () => {};
    },
  };
  return { views, made, change: () => changed() };
}

/** The chunks that a listener has not read yet. */
function unread(stream: Readable | null): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk: unknown; stream !== null && (chunk = stream.read()) !== null;) {
    chunks.push(chunk as Buffer);
  }
  return chunks;
}

test("however many listen, a view is written down once a second, and its bytes are shared", () => {
  const clock = simulatedClock();
  const { views, made, change } = fleetOf();
  const events = new FleetStream(views, clock);
  const listeners = Array.from({ length: maxFleetListeners }, () => events.listen("services"));
  assert.equal(events.listen("services"), null);
  assert.equal(made.services, 1);
  const texts = listeners.map((each) => Buffer.concat(unread(each)).toString());
  assert.ok(
    texts.every((each) => each.startsWith('retry: 2000\nevent: services\ndata: {"turn":1')),
  );
  change();
  clock.advance(1_000);
  assert.equal(made.services, 2);
  const buffers = new Set(listeners.flatMap(unread).map(({ buffer }) => buffer));
  assert.equal(buffers.size, 1);
  for (const each of listeners) each?.destroy();
});

test("whoever comes a second later gets what holds then", () => {
  const clock = simulatedClock();
  const { views, made } = fleetOf();
  const events = new FleetStream(views, clock);
  const first = events.listen("services");
  clock.advance(1_000);
  const second = events.listen("services");
  assert.equal(made.services, 2);
  first?.destroy();
  second?.destroy();
});
