import assert from "node:assert/strict";
import { test } from "node:test";
import { inLane } from "../../../src/naming/hosts/lane.ts";
import type { HostLookupResult, LookUpHost } from "../../../src/naming/hosts/lookup.ts";

/** Lookups that the test ends; hurrying one is noted, and ends nothing, as in the system. */
function lane(maxRunning: number, maxWaiting: number) {
  const running: { host: string; done: (result: HostLookupResult) => void }[] = [];
  const hurried: string[] = [];
  const lookUp: LookUpHost = (host, done) => {
    running.push({ host, done });
    return () => void hurried.push(host);
  };
  const results: string[] = [];
  const inside = inLane(lookUp, maxRunning, maxWaiting);
  const start = (host: string) =>
    inside(host, (result) => void results.push(`${host} ${result.kind}`));
  const end = (host: string) => {
    const i = running.findIndex((each) => each.host === host);
    running.splice(i, 1)[0]?.done({ kind: "unknown" });
  };
  return { running: () => running.map(({ host }) => host), hurried, results, start, end };
}

test("lookups beyond the limit wait their turn, in order", () => {
  const { running, results, start, end } = lane(2, 10);
  for (const host of ["a", "b", "c", "d"]) start(host);
  assert.deepEqual(running(), ["a", "b"]);
  end("b");
  assert.deepEqual(running(), ["a", "c"]);
  end("a");
  end("c");
  end("d");
  assert.deepEqual(results, ["b unknown", "a unknown", "c unknown", "d unknown"]);
});

test("a lookup that is no longer wanted leaves the queue, or keeps its place until it is done", () => {
  const { running, hurried, results, start, end } = lane(1, 10);
  const closeA = start("a");
  const closeB = start("b");
  start("c");
  closeB();
  assert.deepEqual(results, ["b silent"]);
  closeA();
  assert.deepEqual(hurried, ["a"]);
  assert.deepEqual(running(), ["a"], "its thread is still busy");
  end("a");
  assert.deepEqual(running(), ["c"]);
});

test("a queue that is full refuses", () => {
  const { results, start } = lane(1, 2);
  for (const host of ["a", "b", "c", "d"]) start(host);
  assert.deepEqual(results, ["d error"]);
});
