import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompletedCall } from "../../../protocols/http/message.ts";
import { responseCounter, httpServerCounters } from "../../../protocols/http/stats.ts";
import { failure } from "../../../src/core/failure.ts";
import { peer, request, response } from "./messages.ts";
import { recorded } from "./recorded.ts";

test("responses are counted by status and by class, failed calls as errors", () => {
  const { stats, made, all } = recorded();
  const count = responseCounter(stats);
  count(response({ status: 200 }), null, 1.4);
  count(response({ status: 204 }), null, 2.6);
  count(response({ status: 503 }), null, 0);
  count(null, failure("closed", "x"), 7);
  count(response({ status: 200 }), failure("closed", "x"), 8);
  assert.deepEqual(all(), {
    "status/200": 1,
    "status/204": 1,
    "status/2XX": 2,
    "time/2XX": [1, 3],
    "status/503": 1,
    "status/5XX": 1,
    "time/5XX": [0],
    "status/error": 2,
    "time/error": [7, 8],
  });
  made.length = 0;
  count(response({ status: 200 }), null, 1);
  assert.deepEqual(made, [], "a metric is looked up once");
});

test("an invalid status counts as an error", () => {
  const { stats, all } = recorded();
  const count = responseCounter(stats);
  for (const status of [0, 99, 600, 999]) count(response({ status }), null, 1);
  assert.deepEqual(all(), { "status/error": 4, "time/error": [1, 1, 1, 1] });
});

test("a server counts what callers saw: connections, sizes, the status of errors too", () => {
  const { stats, all } = recorded();
  const counters = httpServerCounters(stats);
  const seen: CompletedCall = {
    request: request(),
    target: "/",
    rawStartLine: "",
    host: null,
    response: null,
    peer,
    status: 502,
    sentBytes: 20,
    receivedBytes: 5,
    startedMs: 1,
    endedMs: 3,
    failure: failure("connect", "refused"),
  };
  counters.connections(1);
  counters.connections(1);
  counters.completed(seen);
  counters.completed({ ...seen, status: 0, sentBytes: 0 });
  counters.connections(-1);
  assert.deepEqual(all(), {
    connections: 1,
    connects: 2,
    closes: 1,
    "status/502": 1,
    "status/5XX": 1,
    "time/5XX": [2],
    "status/error": 1,
    "time/error": [2],
    request_payload_bytes: [5, 5],
    response_payload_bytes: [20, 0],
  });
});
