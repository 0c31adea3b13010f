// Server and client together, nothing between: what passes through, and how fast it may.
import assert from "node:assert/strict";
import { createServer, request as ask } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { simulatedClock } from "../../support/clock.ts";
import { passTo } from "../../support/http.ts";
import { rawCaller, rawEndpoint } from "../../support/raw.ts";

/** A server of Node's, as an independent endpoint. */
async function nodeEndpoint(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return bound.port;
}

async function textOf(stream: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

test("bodies pass whole, with a length or in chunks, in both directions", async (t) => {
  const port = await nodeEndpoint(t, (request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      response.write(chunk); // what comes goes back, as it comes
    });
    request.on("end", () => response.end());
    response.on("finish", () => hashes.push(hash.digest("hex")));
  });
  const hashes: string[] = [];
  const proxy = await passTo(t, port);
  for (const size of [0, 1, 5_000, 6_000, 65_535, 65_536, 65_537, 1_000_000]) {
    for (const isChunked of [true, false]) {
      const sent = randomBytes(size);
      const headers = isChunked ? {} : { "content-length": size };
      const back = await new Promise<Buffer>((resolve, reject) => {
        const call = ask({ port: proxy.port, method: "PUT", headers }, (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () => resolve(Buffer.concat(parts)));
        });
        call.on("error", reject);
        if (isChunked) {
          for (let at = 0; at < size; at += 9_999) call.write(sent.subarray(at, at + 9_999));
          call.end();
        } else call.end(sent);
      });
      assert.ok(back.equals(sent), `${size} bytes, ${isChunked ? "chunked" : "with a length"}`);
    }
  }
});

test("200 MB stream through to a slow reader, and memory stays where it was", async (t) => {
  const total = 200 * 1024 * 1024;
  const block = Buffer.alloc(1024 * 1024, "0123456789abcdef");
  const port = await nodeEndpoint(t, (_request, response) => {
    let sent = 0;
    const go = () => {
      while (sent < total) {
        sent += block.length;
        if (!response.write(block)) return void response.once("drain", go);
      }
      response.end();
    };
    go();
  });
  const proxy = await passTo(t, port);
  const before = process.memoryUsage().rss;
  let peak = 0;
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    const call = ask({ port: proxy.port }, (response) => {
      response.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received % (16 * 1024 * 1024) < chunk.length) {
          peak = Math.max(peak, process.memoryUsage().rss);
          response.pause();
          setTimeout(() => response.resume(), 5);
        }
      });
      response.on("end", resolve);
    });
    call.on("error", reject);
    call.end();
  });
  assert.equal(received, total);
  const grownMiB = (peak - before) / 2 ** 20;
  assert.ok(grownMiB < 100, `grew by ${grownMiB.toFixed(0)} MiB`);
});

test("a caller that stops reading stops the endpoint", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const peer = await endpoint.accepted();
  await peer.message();
  caller.socket.pause();
  peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`);
  let written = 0;
  while (peer.socket.writableLength < 4 * 1024 * 1024) {
    written += chunk.length;
    peer.socket.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(written < 256 * 1024 * 1024, "the endpoint was never stopped");
  }
});

test("an endpoint that stops reading stops the caller", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => peer.socket.pause());
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
  await endpoint.accepted();
  const block = Buffer.alloc(65_536);
  let written = 0;
  while (caller.socket.writableLength < 4 * 1024 * 1024) {
    written += block.length;
    caller.socket.write(block);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(written < 256 * 1024 * 1024, "the caller was never stopped");
  }
});

test("Expect: 100-continue goes to the endpoint and its 100 comes back", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const peer = await endpoint.accepted();
  assert.match(await peer.until("\r\n\r\n"), /Expect: 100-continue\r\n/);
  assert.equal(caller.unread, "");
  peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal(await caller.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  caller.send("hello");
  assert.equal(await peer.bytes(5), "hello");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 200/);
});

test("the proxy sends the 100 for an endpoint that ignores Expect: 100-continue", async (t) => {
  const clock = simulatedClock();
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port, { clock });
  const caller = rawCaller(t, proxy.port);
  caller.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  clock.advance(1_000);
  assert.equal(await caller.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  caller.send("hello");
  assert.equal(await peer.bytes(5), "hello");
  peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 200/, "the late 100 is not passed on");
});

test("a response that ends with its connection is chunked for an HTTP/1.1 caller", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => {
    void peer.message().then(() => {
      peer.send("HTTP/1.0 200 OK\r\n\r\nhello");
      peer.end();
    });
  });
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const all = await caller.until("0\r\n\r\n");
  assert.match(all, /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await caller.until("0\r\n\r\n"); // the caller's connection stays
});

test("a response that breaks off is broken off for the caller as well", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => {
    void peer.message().then(() => {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
      setImmediate(() => peer.reset());
    });
  });
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await caller.rest(), /hello.+/s); // and then nothing
  await until(() => proxy.log.length === 1);
  assert.equal(proxy.log[0]?.failure?.kind, "closed");
});

test("an HTTP/1.0 request is forwarded as such, and its caller gets no chunks", async (t) => {
  const endpoint = await rawEndpoint(t, (peer) => {
    void peer.message().then((head) => {
      assert.match(head, /^GET \/ HTTP\/1\.0\r\n/);
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      peer.send("0\r\n\r\n");
    });
  });
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await caller.rest(), /^HTTP\/1.1 200 OK\r\n((?!chunked).)*\r\n\r\nhello$/s);
});

test("a caller that disconnects closes the endpoint's connection", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const peer = await endpoint.accepted();
  await peer.message();
  caller.reset();
  await peer.rest();
});

test("a request with chunks to a dead endpoint leaves the connection usable (linkerd #2374)", async (t) => {
  const proxy = await passTo(t, 1);
  const caller = rawCaller(t, proxy.port);
  caller.send("POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 502 /);
  caller.send("5\r\nworld\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 502 /);
  assert.deepEqual(
    proxy.log.map(({ method }) => method),
    ["POST", "GET"],
  );
});

test("trailers pass in both directions", async (t) => {
  const port = await nodeEndpoint(t, (request, response) => {
    void textOf(request).then((text) => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write(text);
      response.addTrailers({ "x-sum": String(request.trailers["x-asked"]) });
      response.end();
    });
  });
  const proxy = await passTo(t, port);
  const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
    const call = ask(
      { port: proxy.port, method: "POST", headers: { trailer: "x-asked" } },
      (got) => {
        void textOf(got).then(() => resolve(got.trailers));
      },
    );
    call.on("error", reject);
    call.write("body");
    call.addTrailers({ "x-asked": "42" });
    call.end();
  });
  assert.deepEqual({ ...trailers }, { "x-sum": "42" });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
