// The client side on real sockets: what an endpoint sees, and how calls fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { wholeBody } from "../../../../protocols/http/codec/body.ts";
import type { Body, BodySink } from "../../../../protocols/http/codec/body.ts";
import { failure } from "../../../../src/core/failure.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { wireTo } from "../../../support/http.ts";
import { outcomeOf, send } from "../../../support/outcome.ts";
import { rawEndpoint } from "../../../support/raw.ts";
import { request, textOf } from "../messages.ts";

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const cancelled = failure("cancelled", "no longer wanted");

/** A body that a test feeds. */
interface FedBody extends Body {
  sink: BodySink | null;
  readonly hasStarted: boolean;
  isCancelled: boolean;
  resumes: number;
}

function fed(length: number | null): FedBody {
  return {
    length,
    whole: null,
    latin1: null,
    sink: null,
    get hasStarted() {
      return this.sink !== null;
    },
    isCancelled: false,
    resumes: 0,
    start(sink) {
      this.sink = sink;
    },
    resume() {
      this.resumes++;
    },
    cancel() {
      this.isCancelled = true;
    },
  };
}

test("a request is written with the fields that the proxy owns", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const answered = outcomeOf(
    wire.service,
    request({
      method: "POST",
      target: "/x?y",
      host: "web:81",
      fields: ["Accept", "*/*", "X-A", "b"],
      via: "1.1 a, 1.1 linkerd",
      contextOut: "l5d-dst-service: /svc/web\r\n",
      body: wholeBody(Buffer.from([0, 255, 13, 10])),
    }),
  );
  const peer = await endpoint.accepted();
  assert.equal(
    await peer.message(),
    "POST /x?y HTTP/1.1\r\nHost: web:81\r\nAccept: */*\r\nX-A: b\r\nVia: 1.1 a, 1.1 linkerd\r\n" +
      "l5d-dst-service: /svc/web\r\nContent-Length: 4\r\n\r\n\u0000\u00ff\r\n",
  );
  peer.send(okay);
  const { response, failure: why } = await answered;
  assert.deepEqual([response?.status, textOf(response), why], [200, "ok", null]);
});

test("HTTP/1.1 without a host gets an empty one, HTTP/1.0 gets none", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  send(wire.service, request({ host: null }));
  const first = await endpoint.accepted();
  assert.equal(await first.message(), "GET / HTTP/1.1\r\nHost:\r\n\r\n");
  send(wire.service, request({ host: null, version: "1.0", method: "POST" }));
  const second = await endpoint.accepted();
  assert.equal(await second.message(), "POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
});

test("a connection serves one call after another", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  for (let i = 0; i < 3; i++) {
    const answered = outcomeOf(wire.service, request());
    const peer = i === 0 ? await endpoint.accepted() : endpoint.peers[0];
    await peer?.message();
    peer?.send(okay);
    assert.equal((await answered).failure, null);
  }
  assert.equal(endpoint.peers.length, 1);
  const { connects, closes, connections, pooled, receivedBytes, sentBytes } = wire.stats;
  assert.deepEqual([connects.value, closes.value, connections, pooled], [1, 0, 1, 1]);
  assert.equal(receivedBytes.value, 3 * okay.length);
  assert.equal(sentBytes.value, 3 * "GET / HTTP/1.1\r\nHost: web\r\n\r\n".length);
});

test("an endpoint that refuses the connection: safe to try elsewhere", async (t) => {
  const wire = wireTo(t, 1); // nobody listens on port 1
  const { failure: why } = await outcomeOf(wire.service, request());
  assert.deepEqual([why?.kind, why?.retry], ["connect", "safe"]);
  assert.match(why?.detail ?? "", /127\.0\.0\.1:1 refused the connection/);
});

test("a reused connection that closes without a byte: if idempotent", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const first = outcomeOf(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  peer.send(okay);
  await first;
  const second = outcomeOf(wire.service, request());
  await peer.message();
  peer.end();
  const { failure: why } = await second;
  assert.deepEqual([why?.kind, why?.retry], ["closed", "if-idempotent"]);
  assert.equal(wire.stats.connections, 0);
});

test("a new connection that closes without a byte: if idempotent; any within a response: never", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => void peer.message().then(() => peer.end()));
  const wire = wireTo(t, endpoint.port);
  const { failure: why } = await outcomeOf(wire.service, request());
  assert.deepEqual([why?.kind, why?.retry], ["closed", "if-idempotent"]);
  const half = await rawEndpoint(t, (peer) => {
    void peer.message().then(() => {
      peer.send("HTTP/1.1 200 O");
      peer.end();
    });
  });
  const answered = await outcomeOf(wireTo(t, half.port).service, request());
  assert.deepEqual([answered.failure?.kind, answered.failure?.retry], ["closed", "never"]);
});

test("bytes from an idle connection reach no caller", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const first = outcomeOf(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  peer.send(okay);
  await first;
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  await peer.rest();
  assert.equal(wire.stats.connections, 0);
  const second = outcomeOf(wire.service, request());
  const fresh = await endpoint.accepted();
  await fresh.message();
  fresh.send(okay);
  assert.equal(textOf((await second).response), "ok");
});

test("a cancelled call closes its connection when no response has come", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const call = send(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  call.cancel(cancelled);
  assert.deepEqual(call.outcome?.failure, cancelled);
  call.cancel(cancelled);
  await peer.rest();
});

test("a call cancelled within a short response returns its connection to the pool", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const call = send(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  await until(() => call.response !== null);
  call.cancel(cancelled);
  assert.deepEqual(call.outcome?.failure, cancelled);
  peer.send("world");
  await until(() => wire.stats.pooled === 1);
  const next = send(wire.service, request());
  await peer.message();
  peer.send(okay);
  assert.equal((await next.ended).failure, null);
  assert.equal(endpoint.peers.length, 1);
});

test("a call cancelled within a long or slow response closes its connection", async (t) => {
  const clock = simulatedClock();
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port, { clock, dial: { maxDrainBytes: 100 } });
  const long = send(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello");
  await until(() => long.response !== null);
  long.cancel(cancelled);
  await peer.rest();
  const slow = send(wire.service, request());
  const second = await endpoint.accepted();
  await second.message();
  second.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  await until(() => slow.response !== null);
  slow.cancel(cancelled);
  clock.advance(2_000);
  await second.rest();
});

test("at most maxConnections are open, at most maxWaiters wait, first come first served", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port, { dial: { maxConnections: 2, maxWaiters: 3 } });
  const calls = Array.from({ length: 6 }, (_, i) =>
    send(wire.service, request({ target: `/${i}` })),
  );
  assert.equal(wire.status, "busy");
  const last = await calls[5]?.ended;
  assert.deepEqual([last?.failure?.kind, last?.failure?.retry], ["exhausted", "safe"]);
  const [a, b] = [await endpoint.accepted(), await endpoint.accepted()];
  const order: (string | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    const peer = i % 2 === 0 ? a : b;
    order.push((await peer.message()).split(" ")[1]);
    peer.send(okay);
    await calls[Number(order[i]?.slice(1))]?.ended;
  }
  assert.deepEqual(order, ["/0", "/1", "/2", "/3", "/4"]);
  assert.equal(endpoint.peers.length, 2);
  assert.equal(wire.stats.waiters, 0);
});

test("a waiting call that is cancelled frees its slot", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port, { dial: { maxConnections: 1, maxWaiters: 1 } });
  send(wire.service, request({ target: "/1" }));
  const peer = await endpoint.accepted();
  const second = send(wire.service, request({ target: "/2" }));
  second.cancel(cancelled);
  const third = send(wire.service, request({ target: "/3" }));
  assert.equal(third.outcome, null, "there was room again");
  await peer.message();
  peer.send(okay);
  assert.match(await peer.message(), /^GET \/3 /);
});

test("a body flows from the caller, and its end is written as it is framed", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const body = fed(null);
  const answered = outcomeOf(wire.service, request({ method: "PUT", body, replayable: false }));
  const peer = await endpoint.accepted();
  assert.match(await peer.until("\r\n\r\n"), /Transfer-Encoding: chunked\r\n/);
  body.sink?.chunk(Buffer.from("hello"));
  assert.equal(await peer.until("hello\r\n"), "5\r\nhello\r\n");
  body.sink?.end(["X-Sum", "1"]);
  assert.equal(await peer.until("\r\n\r\n"), "0\r\nX-Sum: 1\r\n\r\n");
  peer.send(okay);
  assert.equal((await answered).failure, null);
});

test("a response that is complete before the request's body stops the body, and the connection", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const body = fed(1_000_000);
  const answered = outcomeOf(wire.service, request({ method: "PUT", body, replayable: false }));
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  body.sink?.chunk(Buffer.from("hello"));
  peer.send("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
  assert.equal((await answered).response?.status, 413);
  assert.equal(body.isCancelled, true);
  assert.equal(wire.stats.pooled, 0);
  await peer.rest();
});

test("a caller that breaks off its body breaks off the request, and never completes it", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const body = fed(null);
  const answered = outcomeOf(wire.service, request({ method: "PUT", body, replayable: false }));
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  body.sink?.chunk(Buffer.from("hello"));
  body.sink?.fail(cancelled);
  assert.deepEqual((await answered).failure, cancelled);
  assert.equal(await peer.rest(), "5\r\nhello\r\n");
});

test("a body that awaits the endpoint's 100 is sent after it", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const body = fed(5);
  const interims: number[] = [];
  const answered = outcomeOf(
    wire.service,
    request({
      method: "PUT",
      body,
      replayable: false,
      expectsContinue: true,
      interims: { interim: (status) => void interims.push(status) },
    }),
  );
  const peer = await endpoint.accepted();
  assert.match(await peer.until("\r\n\r\n"), /Expect: 100-continue\r\n/);
  assert.equal(body.hasStarted, false);
  peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  await until(() => body.hasStarted);
  body.sink?.chunk(Buffer.from("hello"));
  body.sink?.end([]);
  assert.equal(await peer.bytes(5), "hello");
  peer.send(okay);
  assert.equal((await answered).failure, null);
  assert.deepEqual(interims, [100]);
});

test("an endpoint that does not support 100 gets the body after a while", async (t) => {
  const clock = simulatedClock();
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port, { clock });
  const body = fed(5);
  send(wire.service, request({ method: "PUT", body, replayable: false, expectsContinue: true }));
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  assert.equal(body.hasStarted, false);
  clock.advance(1_000);
  assert.equal(body.hasStarted, true);
});

test("after a final response instead of the 100 the body is never sent", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const body = fed(5);
  const answered = outcomeOf(
    wire.service,
    request({ method: "PUT", body, replayable: false, expectsContinue: true }),
  );
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  peer.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await answered).response?.status, 401);
  assert.deepEqual([body.hasStarted, body.isCancelled], [false, true]);
  await peer.rest();
});

test("close lets a call in progress end and accepts no more", async (t) => {
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port);
  const call = send(wire.service, request());
  const peer = await endpoint.accepted();
  await peer.message();
  wire.close(10_000);
  assert.equal(wire.status, "closed");
  const late = await outcomeOf(wire.service, request());
  assert.deepEqual([late.failure?.kind, late.failure?.retry], ["exhausted", "safe"]);
  peer.send(okay);
  assert.equal((await call.ended).failure, null);
  await peer.rest();
});

test("close ends the calls that are still there when the grace has passed", async (t) => {
  const clock = simulatedClock();
  const endpoint = await rawEndpoint(t);
  const wire = wireTo(t, endpoint.port, { clock });
  const call = send(wire.service, request());
  await (await endpoint.accepted()).message();
  wire.close(500);
  clock.advance(501);
  assert.equal((await call.ended).failure?.kind, "closed");
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
