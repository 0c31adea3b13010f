// The lines of the access log.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLogSource } from "../../../protocols/thrift/access-log.ts";
import { callReader } from "../../../protocols/thrift/calls.ts";
import type { CompletedCall } from "../../../protocols/thrift/message.ts";
import { jsonLines } from "../../../src/access-log/access-log.ts";
import { failure } from "../../../src/core/failure.ts";
import { simulatedClock } from "../../support/clock.ts";
import { requestOf } from "./harness.ts";
import { frameOf } from "./messages.ts";

const source = accessLogSource(callReader);

test("the log has one line of ASCII per call, whatever the method is called", () => {
  const request = requestOf(frameOf("80010001000000066d22c3a90a2f0000000700"));
  request.endpoint = { host: "::1", port: 80, weight: 1 };
  const exchange: CompletedCall = {
    request,
    status: "reply",
    response: null,
    sentBytes: 33,
    receivedBytes: 41,
    startedMs: 1,
    endedMs: 1.8714,
    failure: null,
  };
  const clock = simulatedClock();
  assert.equal(
    source.commonLine(clock)(exchange),
    '2024-01-01T00:00:00.000Z 127.0.0.1:50000 /svc/users "m\\"\\u00e9\\u000a/" reply 41 33 0.871 [::1]:80\n',
  );
  const failed = { ...exchange, status: "error" as const, failure: failure("connect", "no") };
  assert.match(source.commonLine(clock)(failed), / error:connect 41 33 /);
  const line = jsonLines(source, "in", clock)(failed);
  assert.match(line, /^[\x20-\x7e]+\n$/);
  assert.deepEqual(JSON.parse(line), {
    time: "2024-01-01T00:00:00.000Z",
    protocol: "thrift",
    router: "in",
    remote: "127.0.0.1:50000",
    identity: null,
    method: 'm"é\n/',
    target: null,
    result: "error",
    outcome: "failure",
    durationMs: 0.871,
    receivedBytes: 41,
    sentBytes: 33,
    path: "/svc/users",
    client: null,
    endpoint: "[::1]:80",
    traceId: null,
    oneway: false,
    seqid: 7,
    failure: "connect",
    detail: "no",
    fault: null,
  });
});
