import { EventEmitter, once } from "node:events";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { simulatedClock } from "../support/clock.ts";
import type { LogEvent } from "../../src/core/log.ts";
import { Lifecycle } from "../../src/assemble/lifecycle.ts";

class FakeProcess extends EventEmitter {
  exitCode: number | undefined;
  readonly exits: number[] = [];
  readonly exited = once(this, "exited");
  exit(code: number): void {
    this.exits.push(code);
    this.emit("exited");
  }
}

function started() {
  const process = new FakeProcess();
  const clock = simulatedClock();
  const events: string[] = [];
  const note = (event: LogEvent) => void events.push(event.event);
  const log = { debug: note, info: note, warn: note, error: note };
  const deps = { process, clock, log, fatal: note, flush: async () => note({ event: "flush" }) };
  const lifecycle = new Lifecycle({ ...deps, graceMs: 10_000 });
  return { process, clock, events, lifecycle };
}

/** Lets promises that are due run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("ready only between start and the first signal", async () => {
  const { lifecycle, process } = started();
  assert.match(lifecycle.notReady() ?? "", /^starting/);
  lifecycle.started();
  assert.equal(lifecycle.notReady(), null);
  process.emit("SIGTERM");
  assert.equal(lifecycle.notReady(), "draining: SIGTERM");
  lifecycle.started();
  assert.equal(lifecycle.notReady(), "draining: SIGTERM");
  await process.exited;
});

test("parts close last first, one after the other, with the time that is left, then exit 0", async () => {
  const { lifecycle, process, clock, events } = started();
  const closed: string[] = [];
  const calls = new EventEmitter();
  lifecycle.add("admin", (graceMs) => void closed.push(`admin ${graceMs}`));
  lifecycle.add("routers", async (graceMs) => {
    closed.push(`routers ${graceMs}`);
    await once(calls, "ended");
  });
  process.emit("SIGTERM");
  await settle();
  assert.deepEqual(closed, ["routers 10000"]);
  clock.advance(4_000);
  calls.emit("ended");
  await process.exited;
  assert.deepEqual(closed, ["routers 10000", "admin 6000"]);
  assert.deepEqual(process.exits, [0]);
  assert.deepEqual(events, ["draining", "ended", "flush"]);
  assert.equal(process.listenerCount("SIGTERM"), 0);
});

test("a part that never closes is given up, and the others still close", async () => {
  const { lifecycle, process, clock, events } = started();
  const closed: string[] = [];
  lifecycle.add("admin", (graceMs) => void closed.push(`admin ${graceMs}`));
  lifecycle.add("stuck", () => new Promise<void>(() => {}));
  process.emit("SIGINT");
  await settle();
  clock.advance(11_000);
  await process.exited;
  assert.deepEqual(closed, ["admin 0"]);
  assert.deepEqual(events, ["draining", "given up", "ended", "flush"]);
  assert.deepEqual(process.exits, [0]);
  assert.equal(clock.waiting, 0);
});

test("a part that fails to close does not keep the others from it", async () => {
  const { lifecycle, process, events } = started();
  let isClosed = false;
  lifecycle.add("first", () => void (isClosed = true));
  lifecycle.add("failing", () => {
    throw new Error("no");
  });
  lifecycle.add("rejecting", () => Promise.reject(new Error("no")));
  process.emit("SIGTERM");
  await process.exited;
  assert.ok(isClosed);
  assert.deepEqual(events, ["draining", "close failed", "close failed", "ended", "flush"]);
  assert.deepEqual(process.exits, [0]);
});

test("a second signal ends immediately; the same one passed on by a parent does not", async () => {
  const { lifecycle, process, clock } = started();
  lifecycle.add("stuck", () => new Promise<void>(() => {}));
  process.emit("SIGINT");
  clock.advance(5);
  process.emit("SIGTERM");
  assert.deepEqual(process.exits, []);
  clock.advance(200);
  process.emit("SIGINT");
  await process.exited;
  assert.deepEqual(process.exits, [130]);
});

test("an uncaught error is logged, calls may end, and the exit code is 1", async () => {
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    const { lifecycle, process, events } = started();
    let isClosed = false;
    lifecycle.add("routers", () => void (isClosed = true));
    lifecycle.started();
    process.emit(event, new Error("bug"));
    assert.match(lifecycle.notReady() ?? "", /^draining: un/);
    await process.exited;
    assert.ok(isClosed);
    assert.deepEqual(process.exits, [1]);
    assert.deepEqual(events.slice(1), ["draining", "ended", "flush"]);
  }
});

test("an error while draining makes the exit code 1, and errors without end cut it short", async () => {
  const { lifecycle, process } = started();
  lifecycle.add("stuck", () => new Promise<void>(() => {}));
  process.emit("SIGTERM");
  for (let count = 0; count < 10; count += 1) process.emit("uncaughtException", "a string");
  assert.deepEqual(process.exits, []);
  process.emit("uncaughtException", null);
  await process.exited;
  assert.deepEqual(process.exits, [1]);
});

test("a part that comes while draining is closed immediately", async () => {
  const { lifecycle, process } = started();
  let graceGiven = -1;
  lifecycle.shutdown("asked to", 50);
  lifecycle.add("late", (graceMs) => void (graceGiven = graceMs));
  await process.exited;
  assert.equal(graceGiven, 0);
  assert.equal(lifecycle.notReady(), "draining: asked to");
});

/** A process with one call in flight that ends when told so on its standard input. */
async function child(t: TestContext, ...args: string[]) {
  const file = fileURLToPath(new URL("./lifecycle-child.js", import.meta.url));
  const running = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => running.kill("SIGKILL"));
  const lines = createInterface({ input: running.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  assert.equal(await next(), "running");
  return { running, next, ended: once(running, "exit") };
}

test("SIGTERM: a real process drains and ends with 0", async (t) => {
  const { running, next, ended } = await child(t);
  running.kill("SIGTERM");
  assert.equal(await next(), "draining");
  running.stdin.write("end\n");
  assert.equal(await next(), "closed");
  assert.deepEqual(await ended, [0, null]);
});

test("SIGINT twice: a real process ends immediately", async (t) => {
  const { running, next, ended } = await child(t);
  running.kill("SIGINT");
  assert.equal(await next(), "draining");
  running.stdin.write("tell after 150 ms\n");
  assert.equal(await next(), "told");
  running.kill("SIGINT");
  assert.deepEqual(await ended, [130, null]);
});

test("an uncaught error: a real process drains and ends with 1", async (t) => {
  for (const how of ["throw", "reject"]) {
    const { running, next, ended } = await child(t);
    running.stdin.write(`${how}\n`);
    assert.equal(
      await next(),
      "fatal uncaught".replace(
        "uncaught",
        how === "throw" ? "uncaught exception: on purpose" : "unhandled rejection: on purpose",
      ),
    );
    assert.equal(await next(), "draining");
    running.stdin.write("end\n");
    assert.equal(await next(), "closed");
    assert.deepEqual(await ended, [1, null]);
  }
});

test("a hanging drain: a real process gives up after its grace", async (t) => {
  const { running, next, ended } = await child(t, "200");
  const startMs = performance.now();
  running.kill("SIGTERM");
  assert.equal(await next(), "draining");
  assert.deepEqual(await ended, [0, null]);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 150 && tookMs < 5_000, `${tookMs} ms`);
});
