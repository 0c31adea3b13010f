import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorExhaustion } from "../../src/net/accept.ts";
import { openFilesLimit, reservedFiles } from "../../src/runtime/open-files.ts";
import { simulatedClock } from "../support/clock.ts";
import { keptLog } from "../support/naming.ts";

function told() {
  const [clock, log] = [simulatedClock(), keptLog()];
  return { clock, log, lack: descriptorExhaustion({ host: "127.0.0.1", port: 4140, clock, log }) };
}

test("connections that cannot be accepted are warned of once a spell, with what to do", () => {
  const { clock, log, lack } = told();
  for (let i = 0; i < 30; i++) {
    lack.failed(new Error("accept EMFILE"));
    clock.advance(1_000);
  }
  assert.deepEqual(log.events, [
    {
      event: "cannot accept connections",
      level: "warn",
      host: "127.0.0.1",
      port: 4140,
      problem: "accept EMFILE",
      advice: "raise the limit of open files (ulimit -n), or set limits.maxConnections",
    },
  ]);
  clock.advance(10_000);
  lack.failed(new Error("accept EMFILE"));
  assert.equal(log.events.length, 2);
});

test("the last files that are free are warned of: libuv hides that there are none", (t) => {
  if (openFilesLimit === Infinity) return t.skip("the system does not tell its limit");
  const { log, lack } = told();
  assert.equal(lack.accepted(null), false);
  assert.equal(lack.accepted({ fd: openFilesLimit - reservedFiles - 1 }), false);
  assert.deepEqual(log.events, []);
  assert.equal(lack.accepted({ fd: openFilesLimit - reservedFiles }), true);
  assert.equal(lack.accepted({ fd: openFilesLimit - 1 }), true);
  assert.equal(log.events.length, 1);
  assert.match(String(log.events[0]?.["problem"]), /^of the \d+ files .* \d+ are left: callers/);
  return undefined;
});
