// Callers that have to leave because another one needs their descriptor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { closeLongestIdle } from "../../../../src/net/connections.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { plainResponse, respondingWith, serveHttp } from "../../../support/http.ts";
import { rawCaller } from "../../../support/raw.ts";
import { until } from "../../../support/until.ts";

const hello = respondingWith(({ target }) => plainResponse(200, `you asked ${target}`));
const request = "GET /1 HTTP/1.1\r\nHost: web\r\n\r\n";

test("a caller that leaves before its first response reads why, and its request is not handled", async (t) => {
  const clock = simulatedClock();
  const served = await serveHttp(t, hello, { clock });
  const caller = rawCaller(t, served.port);
  await until(
    () => served.open.count,
    (count) => count === 1,
    "the caller is connected",
  );
  assert.equal(closeLongestIdle(clock.nowMs()), true);
  caller.send(request);
  const response = await caller.rest();
  assert.match(response, /^HTTP\/1\.1 503 .*\r\nConnection: close\r\nRetry-After: 0\r\n/);
  assert.match(response, /\r\n\r\nThis proxy has too many open connections\./);
  await until(
    () => served.open.count,
    (count) => count === 0,
    "its descriptor is free",
  );
  assert.equal(served.log.length, 0);
});

test("a caller that has had a response is disconnected without a word", async (t) => {
  const clock = simulatedClock();
  const served = await serveHttp(t, hello, { clock });
  const caller = rawCaller(t, served.port);
  caller.send(request);
  assert.match(await caller.message(), /you asked \/1$/);
  assert.equal(closeLongestIdle(clock.nowMs()), true);
  assert.equal(await caller.rest(), "");
});
