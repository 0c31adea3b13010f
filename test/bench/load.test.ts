import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { parseWrk, wrkScript } from "../../bench/lib/generator.ts";
import { ResponseReader, runLoad } from "../../bench/lib/load.ts";
import { bodyBytes, startOrigin } from "../../bench/lib/origin.ts";
import { download, upload } from "../../bench/lib/stream.ts";

async function originPort(t: TestContext, pauseMs = 0): Promise<number> {
  const origin = await startOrigin({ ports: 2, pauseMs });
  t.after(() => origin.close());
  assert.equal(new Set(origin.ports).size, 2);
  return origin.ports[1] ?? 0;
}

/** Everything the origin says to these bytes until `count` responses have arrived. */
async function converse(port: number, writes: readonly string[], count: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  let text = "";
  for (const part of writes) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.split("HTTP/1.1 200").length > count && text.endsWith("\n")) break;
  }
  return text;
}

test("the load generator counts what the origin sends, without an error", async (t) => {
  const port = await originPort(t);
  const result = await runLoad({ port, connections: 4, seconds: 0.2, hosts: ["a", "b", "c"] });
  assert.ok(result.requests > 100, `${result.requests} requests`);
  assert.equal(result.errors, 0);
  assert.ok(result.p50Ms > 0 && result.p99Ms >= result.p50Ms && result.p99Ms < 200);
});

test("responses other than 200, and connections that break, are errors", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { requests, errors } = await runLoad({ port, connections: 1, seconds: 0.1, hosts: ["a"] });
  assert.ok(requests > 0);
  assert.ok(errors >= requests, `${errors} errors in ${requests}`);
});

test("a response is complete at its last byte, however it is cut", () => {
  const responses = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
  ];
  for (const response of responses) {
    const status = Number(response.slice(9, 12));
    for (let cut = 1; cut < response.length; cut++) {
      const reader = new ResponseReader();
      assert.equal(reader.read(Buffer.from(response.slice(0, cut))), null, `${cut} of ${response}`);
      assert.equal(reader.read(Buffer.from(response.slice(cut))), status, `${cut} of ${response}`);
    }
  }
});

test("the origin responds with 64 bytes, pipelined or in pieces", async (t) => {
  const port = await originPort(t);
  const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const one = await converse(port, [request], 1);
  assert.equal(one.length - one.indexOf("\r\n\r\n") - 4, bodyBytes);
  assert.equal(await converse(port, [request + request], 2), one + one);
  const pieces = [request.slice(0, 10), request.slice(10, -2), request.slice(-2)];
  assert.equal(await converse(port, pieces, 1), one);
});

test("the origin counts a body and serves the next request behind it", async (t) => {
  const port = await originPort(t);
  const put = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234";
  const text = await converse(port, [put, "56789GET / HTTP/1.1\r\n\r\n"], 2);
  assert.match(text, /\r\n\r\n10\nHTTP\/1\.1 200 OK/);
});

test("streams are whole in both directions, though their readers rest", async (t) => {
  const port = await originPort(t, 1);
  const options = { port, host: "a", bytes: 20 * 1024 * 1024 + 1, pauseMs: 1 };
  await download(options);
  await upload(options);
});

test("a stream that is cut short is an error", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await assert.rejects(
    download({ port, host: "a", bytes: 100, pauseMs: 0 }),
    /closed before the end/,
  );
});

test("wrk sends one Host as a plain header and several by turns", () => {
  assert.match(wrkScript(["web"]), /^wrk\.headers\["Host"\] = "web"$/m);
  assert.doesNotMatch(wrkScript(["web"]), /request = /);
  assert.match(wrkScript(["a", "b"]), /hosts, requests, at = \{ "a", "b" \}/);
});

test("wrk's summary is its last line, and its absence an error", () => {
  const line = '{"requests":10,"seconds":1.5,"p50Ms":1.0,"p99Ms":2.5,"errors":0}';
  const result = parseWrk(`Running 2s test\n  Latency 1ms\n\n${line}\n`);
  assert.deepEqual(result, { requests: 10, seconds: 1.5, p50Ms: 1, p99Ms: 2.5, errors: 0 });
  assert.throws(() => parseWrk("unable to connect\n"), /without a summary: unable to connect/);
});
