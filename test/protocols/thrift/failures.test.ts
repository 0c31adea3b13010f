// Failures as exceptions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { failureRenderer } from "../../../protocols/thrift/failures.ts";
import { failure } from "../../../src/core/failure.ts";
import type { FailureKind } from "../../../src/core/failure.ts";
import { requestOf } from "./harness.ts";
import { callFrame } from "./messages.ts";

const kinds: readonly FailureKind[] = [
  "unidentified",
  "unbound",
  "unresolved",
  "exhausted",
  "limited",
  "connect",
  "timeout",
  "closed",
  "malformed",
  "cancelled",
];

test("every failure has a type and a text; remote callers see no internal names", () => {
  const request = requestOf(callFrame("get", 1));
  const detail = "10.0.0.1:80 is secret";
  for (const kind of kinds) {
    const why = { ...failure(kind, detail), trace: () => "/svc/users\n/secret" };
    const open = failureRenderer({ label: "r", errorDetail: "full" }, false)(why, request);
    assert.equal(open.type, kind === "unidentified" || kind === "unbound" ? 1 : 6);
    assert.match(open.text, /"get" \(\/svc\/users\)/);
    assert.ok(open.text.includes(detail) && open.text.includes("  /secret"));
    for (const [errorDetail, clears] of [
      ["none", false],
      ["full", true],
    ] as const) {
      const { text } = failureRenderer({ label: "r", errorDetail }, clears)(why, request);
      assert.ok(!text.includes("secret"), text);
      assert.match(text, /"get" \(\/svc\/users\)/);
    }
  }
});
