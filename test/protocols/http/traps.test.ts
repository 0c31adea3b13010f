// Traps that proxies on Node have fallen into, each held open here with real sockets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { passTo } from "../../support/http.ts";
import { rawCaller, rawEndpoint } from "../../support/raw.ts";
import type { RawPeer } from "../../support/raw.ts";

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Answers every request that comes, in order, with its target. */
function echo(peer: RawPeer): void {
  const next = async () => {
    for (;;) {
      const [, target = ""] = (await peer.message()).split(" ");
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
    }
  };
  next().catch(() => {}); // the connection is over
}

test("an error behind a good request does not take the good one's response", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a b\r\n\r\n");
  const peer = await endpoint.accepted();
  await peer.message();
  peer.send(okay);
  assert.match(await caller.message(), /^HTTP\/1\.1 200 .*ok$/s);
  assert.match(await caller.rest(), /^HTTP\/1\.1 400 /);
});

test("Connection: close with bytes behind it: one response, then closed, the rest ignored", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send(
    "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\u0000",
  );
  assert.match(await caller.rest(), /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n\r\n\/1$/s);
  assert.equal(proxy.log.length, 1);
});

test("a refused upgrade does not stop the requests behind it", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send(
    "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.match(await caller.message(), /\/1$/);
  assert.match(await caller.message(), /\/2$/);
});

test("an ambiguous Host is refused", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port);
  for (const host of ["a\r\nHost: b", "a, b", "a b", "a/b", "u@h"]) {
    const caller = rawCaller(t, proxy.port);
    caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(await caller.rest(), /^HTTP\/1\.1 400 /, host);
  }
  assert.equal(endpoint.peers.length, 0);
});

test("fields of a response whose body failed do not reappear in the error", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => {
    void peer.message().then(() => {
      peer.send(
        "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
      );
    });
  });
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const got = await caller.message();
  assert.match(got, /^HTTP\/1\.1 502 /);
  assert.doesNotMatch(got, /x-secret|^transfer-encoding:/im);
  assert.equal(got.match(/^content-length:/gim)?.length, 1);
});

test("a status line that could not be written is refused", async (t) => {
  for (const line of ["HTTP/1.1 000 Zero", "HTTP/1.1 200 Bad\u0001Reason", "HTTP/1.1 20 Short"]) {
    const endpoint = await rawEndpoint(t, (peer) => {
      void peer.message().then(() => peer.send(`${line}\r\nContent-Length: 0\r\n\r\n`));
    });
    const proxy = await passTo(t, endpoint.port);
    const caller = rawCaller(t, proxy.port);
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(await caller.message(), /^HTTP\/1\.1 502 /, line);
  }
});

test("HTTP/1.0 with Transfer-Encoding is refused and closed, what follows is not read", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send(
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.match(await caller.rest(), /^HTTP\/1\.1 400 ((?!HTTP\/1\.1).)*$/s);
  assert.equal(endpoint.peers.length, 0);
});

test("fields beyond the limit are refused, never dropped", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port, { limits: { maxHeadersBytes: 100_000 } });
  const caller = rawCaller(t, proxy.port);
  // Node would drop what follows the first thousand, and with it the framing that others see.
  const many = "A: b\r\n".repeat(2_500);
  caller.send(
    `POST / HTTP/1.1\r\nHost: a\r\n${many}Content-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  assert.match(await caller.rest(), /^HTTP\/1\.1 431 ((?!HTTP\/).)*$/s);
  assert.equal(endpoint.peers.length, 0);
});

test("a length of 2^64 and beyond is invalid", async (t) => {
  const endpoint = await rawEndpoint(t, echo);
  const proxy = await passTo(t, endpoint.port);
  for (const length of ["18446744073709551615", "18446744073709551621", "9007199254740993"]) {
    const caller = rawCaller(t, proxy.port);
    caller.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\nhello`);
    assert.match(await caller.rest(), /^HTTP\/1\.1 400 /, length);
  }
});
