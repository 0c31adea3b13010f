// What mux responses count as, by kind of classifier.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MuxResponse, statusError, statusOk } from "../../../protocols/mux/message.ts";
import type { MuxRequest, Status } from "../../../protocols/mux/message.ts";
import { classifiers, serverClassifier } from "../../../protocols/mux/classifiers.ts";
import { failureFlags } from "../../../protocols/mux/codec/contexts.ts";
import { failure } from "../../../src/core/failure.ts";
import type { FailureKind } from "../../../src/core/failure.ts";

const request = {} as MuxRequest;
const answered = (status: Status, flags = 0) =>
  new MuxResponse(status, Buffer.alloc(0), 0, 0, flags);

test("verdicts are what the kinds say", () => {
  const responses = [
    answered(statusOk),
    answered(statusError),
    answered(statusError, failureFlags.nonRetryable),
  ];
  const failures: readonly FailureKind[] = ["cancelled", "closed", "timeout", "exhausted"];
  const plain = ["ignorable", "failure", "failure", "failure"];
  const told = ["success", "retryable", "failure"];
  const tried = told.concat("ignorable", "retryable", "retryable", "failure");
  const expected: Readonly<Record<string, readonly string[]>> = {
    "io.l5d.mux.errorsAreFailures": ["success", "failure", "failure"].concat(plain),
    "io.l5d.mux.retryableErrors": tried,
    "io.l5d.mux.allSuccessful": ["success", "success", "success"].concat(plain),
  };
  for (const plugin of classifiers) {
    const classify = plugin.create({ kind: plugin.kind } as never, undefined);
    const verdicts = [
      ...responses.map((response) => classify(request, response, null)),
      ...failures.map((kind) => classify(request, null, failure(kind, ""))),
    ];
    assert.deepEqual(verdicts, expected[plugin.kind], plugin.kind);
  }
});

test("a server counts by the path's verdict, else by the status", () => {
  const marked = answered(statusError);
  marked.verdict = "success";
  assert.equal(serverClassifier(request, marked, null), "success");
  assert.equal(serverClassifier(request, answered(statusError), null), "failure");
});
