// A process under a Lifecycle, for lifecycle.test.ts: says what happens, does what it is told.
import { createInterface } from "node:readline";
import { realClock } from "../support/real-clock.ts";
import { Lifecycle } from "../../src/assemble/lifecycle.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const lifecycle = new Lifecycle({
  process,
  clock: realClock,
  log,
  fatal: ({ event, err }) => say(`fatal ${event}: ${err instanceof Error ? err.message : ""}`),
  flush: () => Promise.resolve(),
  graceMs: Number(process.argv[2] ?? 10_000),
});

let endCalls = () => {};
lifecycle.add("routers", async (graceMs) => {
  say("draining");
  await new Promise<void>((resolve) => {
    endCalls = resolve;
    realClock.after(graceMs, resolve);
  });
  say("closed");
});
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "end") endCalls();
  if (line === "tell after 150 ms") setTimeout(() => say("told"), 150);
  if (line === "throw") throw new Error("on purpose");
  if (line === "reject") void Promise.reject(new Error("on purpose"));
});
lifecycle.started();
say("running");
