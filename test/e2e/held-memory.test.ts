// limits.maxBufferedMB: what peers make the process hold is bounded, and counts no longer than it is held.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask } from "../support/http-request.ts";
import { dispatchBody, muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { service } from "../support/service.ts";
import { echoClient, echoServer, framedBinary } from "../support/thrift.ts";
import { binary, framed, read } from "../support/thrift-bytes.ts";
import { until } from "../support/until.ts";
import type { TestProxy } from "../support/proxy.ts";

const mebi = 1024 * 1024;
const limitMB = 10;
const callBytes = 2 * mebi;
const callers = 20;

function proxied(t: TestContext, protocol: string, port: number): Promise<TestProxy> {
  return startProxy(
    t,
    `
limits: { maxBufferedMB: ${limitMB} }
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.0.0.1/${port}
  servers: [{ port: 0 }]`,
  );
}

/** A struct whose field 1 is a string of so many bytes. */
function argument(bytes: number): Buffer {
  const field = Buffer.alloc(7 + bytes + 1, "x");
  field.set([11, 0, 1], 0);
  field.writeInt32BE(bytes, 3);
  field[7 + bytes] = 0;
  return field;
}

const heldBytes = (proxy: TestProxy) => proxy.metric("limits/buffered_bytes");

async function allHeld(proxy: TestProxy): Promise<number> {
  const full = await until(
    () => heldBytes(proxy),
    (bytes) => bytes > 0.6 * limitMB * mebi,
    "callers fill the memory",
  );
  return full;
}

test("unfinished Thrift calls fill no more than the limit; when their callers leave, calls are taken", async (t) => {
  const echo = await echoServer(t);
  const proxy = await proxied(t, "thrift", echo.port);
  const call = framed(binary({ method: "echo", seqid: 7, body: argument(callBytes) }));
  const unfinished = Array.from({ length: callers }, () => {
    const caller = rawCaller(t, proxy.port);
    caller.send(call.subarray(0, call.length - 1));
    return caller;
  });
  await allHeld(proxy);
  const server = `rt/thrift/server/127.0.0.1/${proxy.port}`;
  await until(
    () => proxy.metric(`${server}/received_bytes`),
    (bytes) => bytes === callers * (call.length - 1),
    "everything has been read",
  );
  assert.ok((await heldBytes(proxy)) <= 1.1 * limitMB * mebi);
  // The end of each call: those that found no memory have an exception, and their connections go on.
  for (const caller of unfinished) caller.send(call.subarray(call.length - 1));
  const refused = () => unfinished.filter(({ unread }) => unread.includes("maxBufferedMB"));
  await until(
    () => refused().length,
    (count) => count >= callers - limitMB / 2,
    "callers are refused",
  );
  for (const { unread } of refused()) {
    assert.equal(read(Buffer.from(unread, "latin1").subarray(4)).seqid, 7);
  }
  for (const caller of unfinished) caller.socket.destroy();
  await until(
    () => heldBytes(proxy),
    (bytes) => bytes === 0,
    "nothing is held",
  );
  const client = echoClient(t, proxy.port, framedBinary);
  assert.equal(await client.echo("taken"), "taken");
});

test("unfinished mux calls fill no more than the limit; refused ones get a nack on a session that goes on", async (t) => {
  const users = await muxService(t, (call) => call.ok(call.text));
  const proxy = await proxied(t, "mux", users.port);
  const clients = await Promise.all(
    Array.from({ length: callers }, () => muxClient(t, proxy.port, { maxFragment: 0x7fffffff })),
  );
  const body = dispatchBody({ dst: "/users", payload: Buffer.alloc(callBytes) });
  const sendUnfinished = (client: (typeof clients)[0]) => {
    for (let at = 0; at < body.length - 65_536; at += 65_536) {
      client.send(2, 9 | 0x800000, body.subarray(at, at + 65_536));
    }
  };
  for (const client of clients) sendUnfinished(client);
  await allHeld(proxy);
  for (const client of clients) await client.ping();
  assert.ok((await heldBytes(proxy)) <= 1.1 * limitMB * mebi);
  const responses = clients.map((client) => client.responseTo(9));
  for (const client of clients) client.send(2, 9, "the end");
  const statuses = await Promise.all(responses.map(async (each) => (await each).status));
  assert.ok(statuses.filter((status) => status === 2).length >= callers - limitMB);
  assert.ok(statuses.includes(0), "those that found memory went through");
  const [first] = clients;
  assert.equal((await first?.dispatch({ dst: "/users", payload: "small" }))?.text, "small");
  await until(
    () => heldBytes(proxy),
    (bytes) => bytes === 0,
    "nothing is held",
  );
});

test("HTTP calls get 503 while the memory is full and 200 as soon as it is not", async (t) => {
  const web = await service(t, "web");
  const users = await muxService(t, "");
  const proxy = await startProxy(
    t,
    `
limits: { maxBufferedMB: 1 }
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/${web.port}
  servers: [{ port: 0 }]
- protocol: mux
  label: mux
  dtab: /svc => /$/inet/127.0.0.1/${users.port}
  servers: [{ port: 0 }]`,
  );
  // First fragments, which wait for the next: long ones up to the limit, short ones to fill it up.
  const client = await muxClient(t, proxy.portOf("mux"), { maxFragment: 0x7fffffff });
  for (let tag = 2; tag < 40; tag++) {
    client.send(2, tag | 0x800000, Buffer.alloc(tag < 20 ? 60_000 : 3_000));
  }
  await client.ping();
  const full = await ask(proxy.port, "/", { Host: "web" });
  assert.equal(full.status, 503);
  assert.match(full.body, /maxBufferedMB/);
  client.socket.destroy();
  await until(
    () => heldBytes(proxy),
    (bytes) => bytes === 0,
    "nothing is held",
  );
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).status, 200);
});
