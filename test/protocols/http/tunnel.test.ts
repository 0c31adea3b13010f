// Upgrades: two connections become one pipe, when both sides agree.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { simulatedClock } from "../../support/clock.ts";
import { passTo } from "../../support/http.ts";
import type { HttpSetting } from "../../support/http.ts";
import { rawCaller, rawEndpoint } from "../../support/raw.ts";

const upgrade =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
const agreed =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";

async function tunnel(t: TestContext, setting: HttpSetting = {}) {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port, setting);
  const caller = rawCaller(t, proxy.port);
  caller.send(upgrade);
  const peer = await endpoint.accepted();
  assert.match(
    await peer.until("\r\n\r\n"),
    /^GET \/chat HTTP\/1\.1\r\nHost: a\r\nSec-WebSocket-Key: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/,
  );
  peer.send(agreed);
  assert.match(
    await caller.until("\r\n\r\n"),
    /^HTTP\/1\.1 101 .*Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/s,
  );
  return { proxy, caller, peer };
}

test("bytes go both ways when both sides agree", async (t) => {
  const { caller, peer } = await tunnel(t);
  caller.send("to the endpoint \u0000\u00ff");
  assert.equal(await peer.bytes(18), "to the endpoint \u0000\u00ff");
  peer.send("and back");
  assert.equal(await caller.bytes(8), "and back");
});

test("bytes right behind the heads belong to the tunnel", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send(`${upgrade}early caller`);
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  peer.send(`${agreed}early endpoint`);
  await caller.until("\r\n\r\n");
  assert.equal(await caller.bytes(14), "early endpoint");
  assert.equal(await peer.bytes(12), "early caller");
});

test("one side may end while the other continues", async (t) => {
  const { caller, peer, proxy } = await tunnel(t);
  caller.send("last words");
  caller.end();
  assert.equal(await peer.rest(), "last words");
  peer.send("an answer");
  assert.equal(await caller.bytes(9), "an answer");
  peer.end();
  await caller.closed();
  await peer.closed();
  await until(() => proxy.log.length === 1);
  const { status, receivedBytes, sentBytes, failure } = proxy.log[0] ?? {};
  assert.deepEqual([status, receivedBytes, sentBytes, failure], [101, 10, 9, null]);
  assert.deepEqual([proxy.wire.stats.connections, proxy.open.count], [0, 0]);
});

test("a side that breaks ends the other", async (t) => {
  const { caller, peer } = await tunnel(t);
  caller.reset();
  await peer.rest();
});

test("a side that does not read stops the other", async (t) => {
  const { caller, peer } = await tunnel(t);
  peer.socket.pause();
  const block = Buffer.alloc(65_536);
  let written = 0;
  while (caller.socket.writableLength < 1024 * 1024) {
    written += block.length;
    caller.socket.write(block);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(written < 256 * 1024 * 1024, "the caller was never stopped");
  }
  let received = 0;
  peer.socket.on("data", (chunk: Buffer) => (received += chunk.length));
  peer.socket.resume();
  await until(() => received === written);
});

test("an unused tunnel is closed", async (t) => {
  const clock = simulatedClock();
  const { caller, peer } = await tunnel(t, { clock, limits: { tunnelIdleTimeMs: 1_000 } });
  clock.advance(900);
  caller.send("x");
  await peer.bytes(1);
  clock.advance(900);
  assert.equal(caller.hasEnded, false);
  clock.advance(200);
  await caller.rest();
  await peer.rest();
});

test("closing the listener ends tunnels when the grace has passed", async (t) => {
  const { proxy, caller, peer } = await tunnel(t);
  await proxy.close(0);
  await caller.rest();
  await peer.rest();
});

test("an upgrade that the endpoint does not want is an ordinary request", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  // With another request right behind: it must neither hang nor fall into a tunnel.
  caller.send(`${upgrade}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  assert.match(await caller.message(), /no$/);
  assert.match(await peer.until("\r\n\r\n"), /^GET \/next HTTP\/1\.1\r\nHost: a\r\n\r\n$/);
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
  assert.match(await caller.message(), /next$/);
});

test("an endpoint that switches unasked is malformed, and gets no tunnel", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const peer = await endpoint.accepted();
  await peer.until("\r\n\r\n");
  peer.send(`${agreed}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`);
  assert.match(await caller.message(), /^HTTP\/1\.1 502 /);
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
