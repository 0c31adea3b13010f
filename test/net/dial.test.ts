// Why a connection could not be made, and who is to blame.
import assert from "node:assert/strict";
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
