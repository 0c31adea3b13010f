import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { failure, final } from "../../../src/core/failure.ts";
import { classifiers, serverClassifier } from "../../../protocols/http/classifiers.ts";
import type { Verdict } from "../../../src/core/classifier.ts";
import { verdictOf } from "../../../src/routing/verdict.ts";
import { request, response } from "./messages.ts";

function classifier(kind: string) {
  const plugin = classifiers.find((one) => one.kind === kind);
  if (plugin === undefined) throw new Error(`no kind ${kind}`);
  const classify = plugin.create(v.parse(plugin.schema, { kind }), undefined);
  return (...asked: Parameters<typeof classify>) => verdictOf(classify, ...asked);
}

const byStatus = classifier("io.l5d.http.nonRetryable5XX");
const all = classifier("io.l5d.http.allSuccessful");
const closed = failure("closed", "hung up");

test("nonRetryable5XX: 5xx and failed calls are failures, the rest succeeded", () => {
  assert.equal(byStatus(request(), response({ status: 200 }), null), "success");
  assert.equal(byStatus(request(), response({ status: 404 }), null), "success");
  assert.equal(byStatus(request(), response({ status: 500 }), null), "failure");
  assert.equal(byStatus(request(), null, closed), "failure");
  assert.equal(byStatus(request(), response({ status: 200 }), closed), "failure", "broke later");
});

test("allSuccessful: every response is a success, failed calls are not", () => {
  assert.equal(all(request(), response({ status: 503 }), null), "success");
  assert.equal(all(request(), null, closed), "failure");
});

test("a caller that disconnected says nothing about the endpoint", () => {
  const gone = failure("cancelled", "the caller went away");
  assert.equal(byStatus(request(), null, gone), "ignorable");
  assert.equal(all(request(), response(), gone), "ignorable");
});

test("a response marked as retryable is retried if the request can be sent again", () => {
  const told = response({ status: 502, context: ["l5d-retryable", "true"] });
  assert.equal(byStatus(request(), told, null), "retryable");
  assert.equal(byStatus(request({ replayable: false }), told, null), "failure");
  assert.equal(byStatus(request({ method: "POST" }), told, null), "retryable");
  const fine = response({ status: 200, context: ["l5d-retryable", "true"] });
  assert.equal(byStatus(request(), fine, null), "success");
});

test("the verdict of a proxy before the service takes precedence over the status", () => {
  const stated = (status: number, value: string) => {
    const fields = { context: ["l5d-success-class", value], via: "1.1 linkerd, 1.1 switchyard" };
    return byStatus(request(), response({ status, ...fields }), null);
  };
  assert.equal(stated(500, "1.0"), "success");
  assert.equal(stated(200, "0.0"), "failure");
  assert.equal(stated(500, "0.5"), "success");
  for (const bad of ["", "2", "-1", "x", "1.5", "1e0"]) {
    assert.equal(stated(500, bad), "failure", bad);
    assert.equal(stated(200, bad), "success", bad);
  }
});

const methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "PURGE"];
const retryableKinds = { Read: 4, Idempotent: 6, All: 8 };

for (const [part, retriedMethods] of Object.entries(retryableKinds)) {
  test(`retryable${part}5XX: failures of ${retriedMethods} methods may be retried`, () => {
    const classify = classifier(`io.l5d.http.retryable${part}5XX`);
    methods.forEach((method, i) => {
      const bad = i < retriedMethods ? "retryable" : "failure";
      const call = request({ method });
      assert.equal(classify(call, response({ status: 503 }), null), bad, method);
      for (const kind of ["connect", "timeout", "closed", "malformed"] as const) {
        assert.equal(classify(call, null, failure(kind, "")), bad, `${method} ${kind}`);
      }
      for (const kind of ["exhausted", "unbound", "unresolved", "unidentified"] as const) {
        assert.equal(classify(call, null, failure(kind, "")), "failure", `${method} ${kind}`);
      }
      assert.equal(classify(call, null, failure("cancelled", "")), "ignorable", method);
      assert.equal(classify(call, response({ status: 404 }), null), "success", method);
    });
  });
}

test("a Finagle nack is retried, even a POST, unless it is marked as non-retryable", () => {
  const post = request({ method: "POST" });
  const nack = (status: number, ...fields: string[]) =>
    byStatus(post, response({ status, fields }), null);
  assert.equal(nack(503, "finagle-http-nack", "true"), "retryable");
  assert.equal(nack(503, "Retry-After", "0"), "retryable");
  assert.equal(nack(503, "Retry-After", "30"), "failure");
  const never = ["finagle-http-nonretryable-nack", "true", "Retry-After", "0"];
  assert.equal(nack(503, ...never), "failure");
  assert.equal(nack(500, "finagle-http-nack", "true"), "failure");
});

test("a request that was not kept, or was sent as often as allowed, is not retryable", () => {
  const classify = classifier("io.l5d.http.retryableAll5XX");
  const gone = request({ replayable: false });
  assert.equal(classify(gone, response({ status: 503 }), null), "failure");
  assert.equal(classify(request(), null, final(failure("connect", "", "safe"))), "failure");
});

test("a server counts by the verdict of the service, then by the status it sends", () => {
  const byMark = serverClassifier((why) => (why.kind === "unidentified" ? 400 : 502));
  const classify = (...asked: Parameters<typeof byMark>) => verdictOf(byMark, ...asked);
  const marked = (status: number, verdict: Verdict) =>
    classify(request(), response({ status, verdict }), null);
  assert.equal(marked(500, "success"), "success");
  assert.equal(marked(200, "failure"), "failure");
  assert.equal(marked(200, "retryable"), "failure");
  assert.equal(classify(request(), response({ status: 500 }), null), "failure");
  assert.equal(classify(request(), response({ status: 404 }), null), "success");
  assert.equal(classify(request(), null, failure("unbound", "no")), "failure");
  assert.equal(classify(request(), null, failure("unidentified", "no Host")), "success");
  assert.equal(classify(request(), null, failure("cancelled", "gone")), "ignorable");
  assert.equal(classify(request(), response(), closed), "failure");
});
