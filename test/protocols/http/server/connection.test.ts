// The server side on real sockets: what a caller sees on one connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { PassthroughFields } from "../../../../protocols/http/codec/passthrough-fields.ts";
import type { HttpRequest, HttpResponse } from "../../../../protocols/http/message.ts";
import type { BodySink } from "../../../../protocols/http/codec/body.ts";
import { failure } from "../../../../src/core/failure.ts";
import type { Failure } from "../../../../src/core/failure.ts";
import type { Reply } from "../../../../src/core/service.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { plainResponse, respondingWith, serveHttp } from "../../../support/http.ts";
import { rawCaller } from "../../../support/raw.ts";

const hello = respondingWith((request) => plainResponse(200, `you asked ${request.target}`));

/** A service that responses when the test says so. */
function byHand() {
  const asked: { request: HttpRequest; reply: Reply<HttpResponse> }[] = [];
  const cancelled: Failure[] = [];
  const waiting: (() => void)[] = [];
  return {
    asked,
    cancelled,
    /** The request that comes next. */
    async next() {
      const at = asked.length;
      if (asked.length === at) await new Promise<void>((resolve) => waiting.push(resolve));
      const call = asked[at];
      if (call === undefined) throw new Error("no call");
      return call;
    },
    service(request: HttpRequest, reply: Reply<HttpResponse>) {
      let hasEnded = false;
      asked.push({
        request,
        reply: {
          start: (response) => reply.start(response),
          end: (why) => {
            hasEnded = true;
            reply.end(why);
          },
        },
      });
      waiting.shift()?.();
      return {
        cancel(why: Failure) {
          cancelled.push(why);
          if (!hasEnded) reply.end(why);
          hasEnded = true;
        },
      };
    },
  };
}

test("requests of one connection are handled one after the other", async (t) => {
  const served = await serveHttp(t, hello);
  const caller = rawCaller(t, served.port);
  for (const target of ["/1", "/2", "/3"]) {
    caller.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(await caller.message(), new RegExp(`^HTTP/1.1 200 .*you asked ${target}$`, "s"));
  }
});

test("pipelined requests get their responses in order, however long each takes", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const first = hand.next();
  caller.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const one = await first;
  assert.equal(hand.asked.length, 1, "the second is not begun before the first is answered");
  one.reply.start(plainResponse(200, "first"));
  one.reply.end(null);
  const two = hand.asked[1];
  assert.equal(two?.request.target, "/2");
  two?.reply.start(plainResponse(200, "second"));
  two?.reply.end(null);
  assert.match(await caller.message(), /first$/);
  assert.match(await caller.message(), /second$/);
});

test("a caller that pipelines without end has to wait", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { limits: { maxPipelinedBytes: 10_000 } });
  const caller = rawCaller(t, served.port);
  const first = hand.next();
  caller.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
  await first;
  // Far more than the sockets' buffers hold, so that the caller notices.
  const flood = Buffer.alloc(32 * 1024 * 1024, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(caller.socket.write(flood), false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(caller.socket.writableLength > 0, "the rest waits on the caller's side");
  assert.equal(hand.asked.length, 1);
});

test("the response to HEAD announces a length and has no body", async (t) => {
  const served = await serveHttp(t, hello);
  const caller = rawCaller(t, served.port);
  caller.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.until("\r\n\r\n"), /Content-Length: 12\r\n/);
  assert.match(await caller.message(), /^HTTP\/1.1 200 .*you asked \/y$/s);
});

test("204 and 304 have no body, and a 204 announces none", async (t) => {
  const served = await serveHttp(
    t,
    respondingWith(({ target }) => plainResponse(Number(target.slice(1)), "body")),
  );
  const caller = rawCaller(t, served.port);
  caller.send("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await caller.until("\r\n\r\n"), /content-length/i);
  caller.send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.until("\r\n\r\n"), /^HTTP\/1.1 304 .*Content-Length: 4\r\n/s);
  caller.send("GET /200 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 200 .*body$/s);
});

test("HTTP/1.0 callers get Connection: close, or keep-alive when they request it", async (t) => {
  const served = await serveHttp(t, hello);
  const stays = rawCaller(t, served.port);
  stays.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.match(await stays.message(), /Connection: keep-alive\r\n/);
  stays.send("GET /2 HTTP/1.0\r\n\r\n");
  assert.match(await stays.rest(), /Connection: close\r\n.*you asked \/2$/s);
});

test("a response of unknown length is chunked for HTTP/1.1 and ends with the connection for 1.0", async (t) => {
  const served = await serveHttp(t, (_request, reply) => {
    const response: HttpResponse = {
      ...plainResponse(200),
      body: {
        length: null,
        whole: null,
        latin1: null,
        start(sink) {
          sink.chunk(Buffer.from("abc"));
          sink.chunk(Buffer.from("defg"));
          sink.end(["X-Sum", "7"]);
        },
        resume() {},
        cancel() {},
      },
    };
    reply.start(response);
    reply.end(null);
    return { cancel() {} };
  });
  const caller = rawCaller(t, served.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const head = await caller.until("\r\n\r\n");
  assert.match(head, /Transfer-Encoding: chunked\r\n/);
  assert.equal(
    await caller.until("X-Sum: 7\r\n\r\n"),
    "3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n",
  );
  const old = rawCaller(t, served.port);
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const all = await old.rest();
  assert.doesNotMatch(all, /transfer-encoding|content-length/i);
  assert.match(all, /Connection: close\r\n\r\nabcdefg$/);
});

test("a caller that waits for a 100 gets one when the body is wanted", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const { request, reply } = await next;
  assert.equal(request.expectsContinue, true);
  assert.equal(caller.unread, "", "not before somebody wants it");
  let body = "";
  const complete = new Promise<void>((resolve) => {
    request.body.start({
      chunk: (bytes) => ((body += Buffer.from(bytes).toString()), true),
      end: () => resolve(),
      fail() {},
    });
  });
  assert.equal(await caller.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  caller.send("hello");
  await complete;
  assert.equal(body, "hello");
  reply.start(plainResponse(200, "thanks"));
  reply.end(null);
  assert.match(await caller.message(), /thanks$/);
});

test("a caller that waits for a 100 and is refused gets the response, and the connection closes", async (t) => {
  const served = await serveHttp(
    t,
    respondingWith(() => plainResponse(413, "too much")),
  );
  const caller = rawCaller(t, served.port);
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  assert.match(await caller.rest(), /^HTTP\/1.1 413 .*Connection: close\r\n.*too much$/s);
});

test("interim responses are passed on to HTTP/1.1 callers only", async (t) => {
  const served = await serveHttp(t, (request, reply) => {
    request.interims?.interim(103, new PassthroughFields("Link: </style.css>\r\n"));
    reply.start(plainResponse(200, "done"));
    reply.end(null);
    return { cancel() {} };
  });
  const caller = rawCaller(t, served.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(
    await caller.until("\r\n\r\n"),
    "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
  );
  assert.match(await caller.message(), /done$/);
  const old = rawCaller(t, served.port);
  old.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await old.rest(), /^HTTP\/1.1 200/);
});

test("a response before a short rest of the body keeps the connection", async (t) => {
  const served = await serveHttp(
    t,
    respondingWith(() => plainResponse(200, "early")),
    {
      limits: { maxWholeBodyBytes: 0 },
    },
  );
  const caller = rawCaller(t, served.port);
  caller.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
  const first = await caller.message();
  assert.doesNotMatch(first, /connection: close/i);
  caller.send("56789GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.message(), /early$/);
  assert.deepEqual(
    served.log.map(({ status }) => status),
    [200, 200],
  );
});

test("a response before a long rest of the body closes the connection", async (t) => {
  const served = await serveHttp(
    t,
    respondingWith(() => plainResponse(200, "early")),
    {
      limits: { maxDrainBytes: 100 },
    },
  );
  const caller = rawCaller(t, served.port);
  caller.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n01234");
  assert.match(await caller.rest(), /Connection: close\r\n.*early$/s);
  const chunked = rawCaller(t, served.port);
  chunked.send("POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert.match(await chunked.message(), /early$/, "its length is not known yet");
  chunked.send(`80\r\n${"x".repeat(128)}\r\n`);
  assert.equal(await chunked.rest(), "");
});

test("a caller that half-closes still gets its response", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  caller.end();
  const { reply } = await next;
  await new Promise((resolve) => setTimeout(resolve, 20)); // whenever the FIN comes
  reply.start(plainResponse(200, "still here"));
  reply.end(null);
  assert.match(await caller.rest(), /Connection: close\r\n.*still here$/s);
  assert.deepEqual(hand.cancelled, []);
});

test("a caller that half-closes gets a response that begins within halfCloseGraceMs only", async (t) => {
  const clock = simulatedClock();
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { clock, limits: { halfCloseGraceMs: 5_000 } });
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await next;
  clock.advance(60_000);
  assert.deepEqual(hand.cancelled, [], "a caller that is there may wait");
  caller.end();
  await until(() => {
    clock.advance(1_000);
    return hand.cancelled.length === 1;
  });
  assert.match(detailOf(hand.cancelled), /no response began within 5000 ms \(halfCloseGraceMs\)/);
  await until(() => served.open.count === 0);
  assert.deepEqual(
    served.log.map(({ status, target }) => [status, target]),
    [[499, "/slow"]],
  );
});

test("a caller that half-closes keeps a response that began in time, however long it takes", async (t) => {
  const clock = simulatedClock();
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { clock, limits: { halfCloseGraceMs: 5_000 } });
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  caller.end();
  const { reply } = await next;
  let sink: BodySink | null = null;
  const body = { length: null, whole: null, latin1: null, resume() {}, cancel() {} };
  reply.start({ ...plainResponse(200), body: { ...body, start: (to) => void (sink = to) } });
  clock.advance(50_000);
  const to = sink as BodySink | null;
  to?.chunk(Buffer.from("late"));
  to?.end([]);
  reply.end(null);
  assert.match(await caller.rest(), /late/);
  assert.deepEqual(hand.cancelled, []);
});

test("a FIN is noticed behind more bytes than may wait when no further request will be read", async (t) => {
  const clock = simulatedClock();
  const hand = byHand();
  const limits = { halfCloseGraceMs: 5_000, maxPipelinedBytes: 1_024 };
  const served = await serveHttp(t, hand.service, { clock, limits });
  const caller = rawCaller(t, served.port);
  const first = hand.next();
  caller.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${"x".repeat(500_000)}`);
  caller.end();
  await first;
  await until(() => {
    clock.advance(1_000);
    return hand.cancelled.length === 1;
  });
  await until(() => served.open.count === 0);
});

test("each of several requests sent with a FIN has its own grace", async (t) => {
  const clock = simulatedClock();
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { clock, limits: { halfCloseGraceMs: 5_000 } });
  const caller = rawCaller(t, served.port);
  const first = hand.next();
  const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  caller.send(`${get}${get}${get}`);
  caller.end();
  const { reply } = await first;
  clock.advance(4_000);
  const second = hand.next();
  reply.start(plainResponse(200, "one"));
  reply.end(null);
  await second;
  clock.advance(4_000);
  assert.deepEqual(hand.cancelled, []);
  await until(() => {
    clock.advance(1_000);
    return hand.cancelled.length === 1;
  });
  await until(() => served.open.count === 0);
});

test("a caller that goes away cancels its call", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
  await next;
  caller.reset();
  await until(() => hand.cancelled.length === 1);
  assert.equal(hand.cancelled[0]?.kind, "cancelled");
  assert.deepEqual(
    served.log.map(({ status, target }) => [status, target]),
    [[499, "/gone"]],
  );
  assert.equal(served.open.count, 0);
});

test("a body that breaks off is refused if no response has begun", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  const { request } = await next;
  const failed: Failure[] = [];
  request.body.start({ chunk: () => true, end() {}, fail: (why) => void failed.push(why) });
  caller.end();
  assert.match(await caller.rest(), /^HTTP\/1.1 400 .*Connection: close/s);
  assert.equal(failed.length, 1);
  assert.equal(hand.cancelled.length, 1);
});

test("a response that breaks after its head closes the connection without a false end", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const { reply } = await next;
  const body = {
    length: null,
    whole: null,
    latin1: null,
    start: (sink: { chunk(bytes: Uint8Array): boolean }) => void sink.chunk(Buffer.from("half")),
    resume() {},
    cancel() {},
  };
  reply.start({ ...plainResponse(200), body });
  await caller.until("half\r\n");
  reply.end(failure("closed", "the endpoint is gone"));
  assert.doesNotMatch(await caller.rest(), /^0\r\n/m);
  await until(() => served.log.length === 1);
  assert.deepEqual(served.log[0]?.failure?.kind, "closed");
  assert.equal(served.log[0]?.sentBytes, 4);
});

test("a failed call is rendered, and the connection stays open", async (t) => {
  const served = await serveHttp(t, (_request, reply) => {
    reply.end(failure("connect", "nobody there", "safe"));
    return { cancel() {} };
  });
  const caller = rawCaller(t, served.port);
  caller.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 502 .*nobody there\n$/s);
  assert.match(await caller.message(), /^HTTP\/1.1 502 /);
});

test("limits have their status: 414 for the line, 431 for fields and their number", async (t) => {
  const limits = { maxInitialLineBytes: 100, maxHeadersBytes: 200, maxHeaderCount: 5 };
  const served = await serveHttp(t, hello, { limits });
  const ask = async (bytes: string) => {
    const caller = rawCaller(t, served.port);
    caller.send(bytes);
    return (await caller.rest()).slice(9, 12);
  };
  const line = (length: number) => `GET /${"x".repeat(length - 14)} HTTP/1.1\r\n`;
  assert.equal(await ask(`${line(100)}Host: a\r\nConnection: close\r\n\r\n`), "200");
  assert.equal(await ask(`${line(101)}Host: a\r\nConnection: close\r\n\r\n`), "414");
  assert.equal(await ask(`GET /${"x".repeat(5_000)}`), "414");
  const fields = (bytes: number) =>
    `Host: a\r\nX: ${"y".repeat(bytes - 33)}\r\nConnection: close\r\n`;
  assert.equal(await ask(`GET / HTTP/1.1\r\n${fields(200)}\r\n`), "200");
  assert.equal(await ask(`GET / HTTP/1.1\r\n${fields(201)}\r\n`), "431");
  assert.equal(await ask(`GET / HTTP/1.1\r\nX: ${"y".repeat(5_000)}`), "431");
  assert.equal(
    await ask(`GET / HTTP/1.1\r\nHost: a\r\n${"A: b\r\n".repeat(3)}Connection: close\r\n\r\n`),
    "200",
  );
  assert.equal(
    await ask(`GET / HTTP/1.1\r\nHost: a\r\n${"A: b\r\n".repeat(4)}Connection: close\r\n\r\n`),
    "431",
  );
});

test("a refused request is reported with its start line", async (t) => {
  const served = await serveHttp(t, hello);
  const caller = rawCaller(t, served.port);
  caller.send("GET /broken HTTP/1.1\r\nBad Name: x\r\n\r\n");
  await caller.rest();
  const [logged] = served.log;
  assert.deepEqual(
    [logged?.status, logged?.method, logged?.rawStartLine],
    [400, null, "GET /broken HTTP/1.1"],
  );
});

test("a head that was read and then refused is reported with its Host", async (t) => {
  const served = await serveHttp(t, hello);
  const hostOf = async (fields: string) => {
    const caller = rawCaller(t, served.port);
    caller.send(`GET / HTTP/1.1\r\n${fields}\r\n\r\n`);
    assert.match(await caller.rest(), /^HTTP\/1\.1 4/);
    return served.log.at(-1)?.host;
  };
  assert.equal(await hostOf("Host: web:80\r\nExpect: a-miracle"), "web:80");
  assert.equal(await hostOf("Content-Length: 1, 2\r\nHost: web"), "web");
  assert.equal(await hostOf("Host: a b"), "a b");
  assert.equal(await hostOf("Host: web\r\nHost: other"), null, "nobody knows which is meant");
  assert.equal(await hostOf("Host: web\r\nBad Name: x"), null, "it was not read");
});

test("a head that does not come in time gets a 408, an idle connection just closes", async (t) => {
  const clock = simulatedClock();
  const limits = { headerReadTimeoutMs: 1_000, idleTimeMs: 5_000 };
  const served = await serveHttp(t, hello, { clock, limits });
  const slow = rawCaller(t, served.port);
  slow.send("GET / HTTP/1.1\r\nHo");
  const idle = rawCaller(t, served.port);
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.message();
  await until(() => served.open.count === 2);
  // The bytes of the slow one came before the response that the idle one got, or come soon.
  await new Promise((resolve) => setTimeout(resolve, 20));
  clock.advance(999);
  assert.equal(slow.unread, "");
  clock.advance(2);
  assert.match(await slow.rest(), /^HTTP\/1.1 408 .*Connection: close/s);
  assert.equal(idle.hasEnded, false);
  clock.advance(4_000);
  assert.equal(await idle.rest(), "");
});

test("a body that does not come in time gets a 408", async (t) => {
  const clock = simulatedClock();
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { clock, limits: { stallTimeoutMs: 500 } });
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  const { request } = await next;
  request.body.start({ chunk: () => true, end() {}, fail() {} });
  clock.advance(501);
  assert.match(await caller.rest(), /^HTTP\/1.1 408 /);
  assert.equal(hand.cancelled.length, 1);
});

test("a connection past its life time closes after its next response, or when it is idle", async (t) => {
  const clock = simulatedClock();
  const served = await serveHttp(t, hello, { clock, limits: { lifeTimeMs: 1_000 } });
  const busy = rawCaller(t, served.port);
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await busy.message(), /connection: close/i);
  const idle = rawCaller(t, served.port);
  await until(() => served.open.count === 2);
  clock.advance(1_000);
  assert.equal(await idle.rest(), "");
  assert.equal(await busy.rest(), "", "it was idle as well");
});

test("close lets the response in progress end, with Connection: close, and refuses new callers", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const busy = rawCaller(t, served.port);
  const next = hand.next();
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const { reply } = await next;
  const closed = served.close(60_000);
  await refusing(t, served.port);
  reply.start(plainResponse(200, "the last one"));
  reply.end(null);
  assert.match(await busy.rest(), /Connection: close\r\n.*the last one$/s);
  busy.end();
  await closed;
  const late = rawCaller(t, served.port);
  await late.closed();
  assert.match(String(late.error), /ECONNREFUSED/);
});

test("close lets idle callers send one more request, and closes those that do not", async (t) => {
  const clock = simulatedClock();
  const served = await serveHttp(t, hello, { clock });
  const asking = rawCaller(t, served.port);
  const silent = rawCaller(t, served.port);
  await until(() => served.open.count === 2);
  const closed = served.close(60_000);
  await acceptorClosed();
  clock.advance(900);
  asking.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await asking.rest(), /^HTTP\/1\.1 200 .*Connection: close\r\n/s);
  asking.end();
  assert.equal(silent.hasEnded, false);
  clock.advance(101);
  assert.equal(await silent.rest(), "");
  silent.end();
  await closed;
});

test("close does not lose the request behind a response that had begun before", async (t) => {
  const hand = byHand();
  const served = await serveHttp(t, hand.service);
  const caller = rawCaller(t, served.port);
  const first = hand.next();
  const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  caller.send(get);
  const { reply } = await first;
  let sink: BodySink | null = null;
  const body = { length: 4, whole: null, latin1: null, resume() {}, cancel() {} };
  reply.start({ ...plainResponse(200), body: { ...body, start: (to) => void (sink = to) } });
  await caller.until("\r\n\r\n"); // its head does not say that it is the last
  const closed = served.close(60_000);
  await refusing(t, served.port);
  const to = sink as BodySink | null;
  to?.chunk(Buffer.from("body"));
  to?.end([]);
  reply.end(null);
  const second = hand.next();
  caller.send(get);
  const last = await second;
  last.reply.start(plainResponse(200, "the last one"));
  last.reply.end(null);
  assert.match(await caller.rest(), /^body.*Connection: close\r\n.*the last one$/s);
  caller.end();
  await closed;
});

test("close loses no caller whose connection waits to be accepted", async (t) => {
  const served = await serveHttp(t, hello);
  const callers = Array.from({ length: 50 }, () => rawCaller(t, served.port));
  for (const caller of callers) caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const closed = served.close(60_000);
  for (const caller of callers) {
    assert.match(await caller.message(), /^HTTP\/1\.1 200 /);
    caller.end();
  }
  await closed;
});

/** A server whose grace of a second has passed, with one call that nobody has answered. */
async function graceless(t: TestContext) {
  const clock = simulatedClock();
  const hand = byHand();
  const served = await serveHttp(t, hand.service, { clock });
  const caller = rawCaller(t, served.port);
  const next = hand.next();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await next;
  const closed = served.close(1_000);
  await acceptorClosed();
  clock.advance(1_001);
  return { clock, hand, caller, closed };
}

test("close responds to unfinished calls when the grace has passed, and cancels them", async (t) => {
  const { hand, caller, closed } = await graceless(t);
  assert.match(await caller.rest(), /^HTTP\/1\.1 502 .*Connection: close\r\n.*shutting down/s);
  assert.equal(hand.cancelled.length, 1);
  caller.end();
  await closed;
});

test("close destroys callers that do not read their last response", async (t) => {
  const { clock, caller, closed } = await graceless(t);
  await caller.rest(); // and the caller's own side stays open
  clock.advance(501);
  await closed;
});

test("a caller that never reads its responses cannot fill the proxy's memory", async (t) => {
  let responses = 0;
  const large = "x".repeat(10_000);
  const served = await serveHttp(
    t,
    respondingWith(() => (responses++, plainResponse(200, large))),
  );
  const caller = rawCaller(t, served.port);
  caller.socket.pause();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100_000));
  let before = -1;
  while (responses !== before) {
    before = responses;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(responses < 5_000, `${responses} responses were made for nobody`);
});

test("a caller that has finally read a long response is idle, not stalled", async (t) => {
  const clock = simulatedClock();
  const long = "x".repeat(16 * 1024 * 1024);
  const served = await serveHttp(
    t,
    respondingWith(() => plainResponse(200, long)),
    { clock, limits: { stallTimeoutMs: 500 } },
  );
  const caller = rawCaller(t, served.port);
  caller.socket.pause();
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => served.log.length === 1);
  caller.socket.resume();
  await caller.message();
  clock.advance(501);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 200 /);
});

/** Resolves when the port accepts no more connections. */
async function refusing(t: TestContext, port: number): Promise<void> {
  for (;;) {
    const caller = rawCaller(t, port);
    await until(() => caller.isClosed || caller.socket.readyState === "open");
    if (caller.isClosed) return;
    caller.socket.destroy();
  }
}

/** With a simulated clock every tick of the event loop is short, and a server closes after three. */
async function acceptorClosed(): Promise<void> {
  for (let tick = 0; tick < 5; tick++) await new Promise((resolve) => setImmediate(resolve));
}

const detailOf = ([why]: readonly Failure[]): string => why?.detail ?? "";

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test("a caller that speaks TLS or HTTP/2 gets an explanation, and the connection closes", async (t) => {
  const served = await serveHttp(t, hello);
  const told: readonly (readonly [string, RegExp])[] = [
    [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      /^HTTP\/1.1 400 .*look like TLS; .*plain HTTP\n$/s,
    ],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1.1 505 .*this is HTTP\/2; /s],
  ];
  for (const [bytes, answer] of told) {
    const caller = rawCaller(t, served.port);
    caller.send(bytes);
    assert.match(await caller.rest(), answer);
  }
});
