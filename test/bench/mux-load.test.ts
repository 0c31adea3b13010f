// The instruments of the mux bench: the frames are valid, and the load counts what it gets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { askMux, callFrame } from "../../bench/lib/mux-frames.ts";
import { runMuxLoad } from "../../bench/lib/mux-load.ts";
import { startMuxOrigin } from "../../bench/lib/mux-origin.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";

test("a mux service written apart from it understands the call of the bench", async (t) => {
  const service = await muxService(t, "");
  assert.equal(await askMux(service.port), null);
  const [call] = service.calls;
  assert.deepEqual([call?.dst, call?.payload.length], ["/web", 64]);
  const nacks = await muxService(t, (each) => each.nack());
  assert.notEqual(await askMux(nacks.port), null);
});

test("the load goes through the proxy to the origin, and every call is counted", async (t) => {
  const { ports, stop } = await startMuxOrigin(1);
  t.after(stop);
  const [port = 0] = ports;
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: mux
  dtab: /svc => /$/inet/127.1/${port} ;
  servers: [{ port: 0 }]`,
  );
  await askMux(proxy.port);
  const options = { port: proxy.port, connections: 8, seconds: 0.2, hosts: [] };
  const { requests, errors } = await runMuxLoad(options);
  assert.ok(requests > 100, `${requests} calls`);
  assert.equal(errors, 0);
  assert.ok((await proxy.metric("rt/mux/service/svc/web/success")) >= requests);
});

test("a call that must stay in progress gets no response from the origin", async (t) => {
  const { ports, stop } = await startMuxOrigin(1);
  t.after(stop);
  const [port = 0] = ports;
  const client = await muxClient(t, port);
  client.socket.write(callFrame(9, true));
  await client.ping();
  assert.deepEqual(client.others, []);
});
