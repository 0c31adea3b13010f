// Why a connection could not be made, and who is to blame.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { connectFailure } from "../../src/net/dial.ts";

const address = { host: "10.0.0.7", port: 80 };
const failed = (code: string) =>
  connectFailure(address, Object.assign(new Error(`connect ${code} 10.0.0.7:80`), { code }));

test("a refused connection is the endpoint's failure", () => {
  assert.deepEqual(failed("ECONNREFUSED"), {
    kind: "connect",
    retry: "safe",
    detail: "10.0.0.7:80 refused the connection",
  });
  assert.equal(failed("EHOSTUNREACH").kind, "connect");
  assert.equal(
    connectFailure({ host: "::1", port: 80 }, null).detail,
    "cannot connect to [::1]:80: closed immediately",
  );
});

test("what this process has run out of is not held against the endpoint", () => {
  for (const code of ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS"]) {
    assert.equal(failed(code).kind, "exhausted", code);
    assert.equal(failed(code).retryAfterMs, 0, "another proxy may take the call immediately");
  }
  assert.match(failed("EMFILE").detail, /too many open files: raise its limit \(ulimit -n\)/);
});

/** 300 dials together in a process of 128 files; nothing listens, since only the first tick counts. */
const burst = `
  import { openSync } from "node:fs";
  import { dial } from "${new URL("../../src/net/dial.js", import.meta.url).href}";
  const clock = { nowMs: () => 0, wallMs: () => 0, after: () => () => {} };
  const socket = { noDelay: true, keepAlive: null };
  const details = [];
  const result = { opened() {}, failed: ({ kind }) => details.push(kind) };
  for (let i = 0; i < 300; i++) {
    dial({ host: "127.0.0.1", port: 9 }, { connectTimeoutMs: 1000, socket }, clock, result);
  }
  setImmediate(() => {
    const files = [];
    for (let i = 0; i < 10; i++) files.push(openSync("/dev/null"));
    console.log(files.length, details.filter((kind) => kind === "exhausted").length > 150);
    process.exit();
  });`;

test(
  "dials in progress count: a burst of them leaves files to others",
  existsSync("/proc/self/limits") ? {} : { skip: "only Linux says how many files may be open" },
  () => {
    const node = [process.execPath, "--input-type=module", "-e", burst];
    const limited = ["-c", 'ulimit -n 128 && exec "$@"', "sh", ...node];
    assert.equal(execFileSync("/bin/sh", limited, { encoding: "utf8" }), "10 true\n");
  },
);
