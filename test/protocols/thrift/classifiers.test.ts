// What Thrift responses mean.
import assert from "node:assert/strict";
import { test } from "node:test";
import { classifiers, serverClassifier } from "../../../protocols/thrift/classifiers.ts";
import type { ThriftRequest, ThriftResponse } from "../../../protocols/thrift/message.ts";
import { failure } from "../../../src/core/failure.ts";

test("each kind of classifier gives its verdicts", () => {
  const outcomes = ["reply", "oneway", "declared_exception", "application_exception"] as const;
  const expected: Readonly<Record<string, readonly string[]>> = {
    "io.l5d.thrift.applicationExceptionsAreFailures": ["success", "success", "success", "failure"],
    "io.l5d.thrift.exceptionsAreFailures": ["success", "success", "failure", "failure"],
    "io.l5d.thrift.retryableApplicationExceptions": ["success", "success", "success", "retryable"],
    "io.l5d.thrift.allSuccessful": ["success", "success", "success", "success"],
  };
  for (const plugin of classifiers) {
    const classify = plugin.create({ kind: plugin.kind } as never, undefined);
    const of = (outcome: string) =>
      classify({} as ThriftRequest, { outcome } as ThriftResponse, null);
    assert.deepEqual(outcomes.map(of), expected[plugin.kind]);
    const isRetried = plugin.kind.includes("retryable");
    const lost = isRetried ? "retryable" : "failure";
    assert.equal(classify({} as ThriftRequest, null, failure("closed", "")), lost);
    assert.equal(classify({} as ThriftRequest, null, failure("exhausted", "")), "failure");
    assert.equal(classify({} as ThriftRequest, null, failure("cancelled", "")), "ignorable");
    const final = { outcome: "application_exception", isFinal: true } as ThriftResponse;
    assert.notEqual(classify({} as ThriftRequest, final, null), "retryable");
  }
  const marked = { outcome: "declared_exception", verdict: "failure" } as ThriftResponse;
  assert.equal(serverClassifier({} as ThriftRequest, marked, null), "failure");
});
