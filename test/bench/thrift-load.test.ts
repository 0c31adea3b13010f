// The instruments of the Thrift bench: the frames are valid, and the load counts what it gets.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { askThrift, callFrame, replyFrame } from "../../bench/lib/thrift-frames.ts";
import { runThriftLoad } from "../../bench/lib/thrift-load.ts";
import { echoClient, echoServer } from "../support/thrift.ts";

/** Answers each call with these bytes, in two pieces. */
async function listenWith(t: TestContext, response: Buffer): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {
      socket.write(response.subarray(0, 4));
      setImmediate(() => socket.write(response.subarray(4)));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

test("a server of npm thrift replies to the call exactly as the origin does", async (t) => {
  const echo = await echoServer(t);
  assert.equal(await askThrift(echo.port), null);
  const result = await runThriftLoad({ port: echo.port, connections: 1, seconds: 0.1, hosts: [] });
  assert.ok(result.requests > 0);
  assert.equal(result.errors, 0);
  const origin = await listenWith(t, replyFrame);
  assert.equal(await echoClient(t, origin).echo("any"), "switchyard ".repeat(6).slice(0, 64));
  assert.equal(callFrame.length, replyFrame.length);
});

test("a fixed rate is kept, and each call is counted", async (t) => {
  const port = await listenWith(t, replyFrame);
  const options = { port, connections: 8, seconds: 0.5, hosts: [], ratePerS: 200 };
  const { requests, errors } = await runThriftLoad(options);
  assert.ok(requests + errors >= 80 && requests + errors <= 101, `${requests} and ${errors}`);
});

test("an exception counts as an error, not as a response", async (t) => {
  const exception = Buffer.from(replyFrame);
  exception[7] = 3;
  const port = await listenWith(t, exception);
  assert.notEqual(await askThrift(port), null);
  const result = await runThriftLoad({ port, connections: 1, seconds: 0.1, hosts: [] });
  assert.equal(result.requests, 0);
  assert.ok(result.errors > 0);
});
