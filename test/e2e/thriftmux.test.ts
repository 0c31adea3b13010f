// Stories of ThriftMux through the whole proxy: Thrift in mux, plain Thrift on the same port.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testFolder } from "../support/folder.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort } from "../support/service.ts";
import { echoClient, echoServer, NotFound } from "../support/thrift.ts";
import {
  binary,
  compact,
  framed,
  read,
  readMessages,
  textResult,
} from "../support/thrift-bytes.ts";

interface ThriftService {
  readonly port: number;
  readonly seen: Buffer[];
}

/** A plain framed service that responds to each message by another; null: nothing. */
async function thriftService(
  t: TestContext,
  response: (message: Buffer) => Buffer | null,
): Promise<ThriftService> {
  const seen: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    readMessages(socket, (message) => {
      seen.push(message);
      const reply = response(message);
      if (reply !== null) socket.write(framed(reply));
    });
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, seen };
}

/** Says which method was called. */
function echo(message: Buffer): Buffer {
  const { method, seqid } = read(message);
  return binary({ method, seqid, type: 2, body: textResult(`did ${method}`) });
}

function proxied(t: TestContext, port: number, more = "") {
  return startProxy(
    t,
    `
routers:
- protocol: thriftmux
  dtab: /svc => /$/inet/127.1/${port} ;
  servers: [{ port: 0 }]
${more}`,
  );
}

const bodyText = (message: Buffer): string => read(message).body.toString("latin1");

test("a Thrift call in mux reaches a plain Thrift endpoint as the same bytes", async (t) => {
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port);
  const call = binary({ method: "ping", seqid: 77 });
  const response = await client.dispatch({ payload: call });
  assert.deepEqual(service.seen, [call]);
  assert.deepEqual([response.type, response.status], [-2, 0]);
  assert.deepEqual(read(response.payload).seqid, 77);
  assert.match(bodyText(response.payload), /did ping/);
  const old = await client.req(call);
  assert.deepEqual([old.type, old.status], [-1, 0]);
});

test("plain framed Thrift is taken on the same port", async (t) => {
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port);
  const caller = rawCaller(t, proxy.port);
  const call = framed(binary({ method: "ping", seqid: 5 }));
  for (const byte of call) caller.send(Buffer.of(byte)); // detected however it arrives
  const expected = framed(echo(binary({ method: "ping", seqid: 5 })));
  assert.equal(await caller.bytes(expected.length), expected.toString("latin1"));
  caller.send(Buffer.concat([call, call]));
  assert.equal(await caller.bytes(2 * expected.length), expected.toString("latin1").repeat(2));
  caller.end();
  await caller.closed();
});

test("many calls of one mux connection are in progress at a time, over several connections", async (t) => {
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port, { maxFragment: 65_536 });
  const responses = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      client.dispatch({ payload: binary({ method: `m${i}`, seqid: i }) }),
    ),
  );
  responses.forEach(({ payload }, i) => assert.match(bodyText(payload), new RegExp(`did m${i}`)));
});

test("with client: {thriftMux: true} endpoints get ThriftMux, contexts, dtab and residual included", async (t) => {
  const service = await muxService(t, (call) => call.ok(echo(call.payload), [["told", "back"]]));
  const proxy = await proxied(t, service.port, "  client: { thriftMux: true }\n");
  const client = await muxClient(t, proxy.port);
  const payload = binary({ method: "ping", seqid: 3 });
  const response = await client.dispatch({
    payload,
    contexts: [["k", "v"]],
    dtab: [["/a", "/b"]],
  });
  assert.match(bodyText(response.payload), /did ping/);
  assert.equal(response.contexts[0]?.[0], "told");
  const [call] = service.calls;
  assert.deepEqual(call?.payload, payload);
  assert.deepEqual(call?.contexts, [["k", Buffer.from("v")]]);
  assert.deepEqual(call?.dtab, [["/a", "/b"]]);
  assert.equal(call?.dst, "");
  assert.equal(service.sessions.length, 1);
});

test("a plain caller reaches a ThriftMux endpoint; an error there is an exception here", async (t) => {
  const service = await muxService(t, (call) => {
    if (read(call.payload).method === "fail") call.error("out of order");
    else call.ok(echo(call.payload), [["for", "mux callers"]]);
  });
  const proxy = await proxied(t, service.port, "  client: { thriftMux: true }\n");
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(binary({ method: "ping", seqid: 9 })));
  const expected = framed(echo(binary({ method: "ping", seqid: 9 })));
  assert.equal(await caller.bytes(expected.length), expected.toString("latin1"));
  caller.send(framed(binary({ method: "fail", seqid: 10 })));
  const length = Buffer.from(await caller.bytes(4), "latin1").readInt32BE(0);
  const response = read(Buffer.from(await caller.bytes(length), "latin1"));
  assert.deepEqual([response.type, response.method, response.seqid], [3, "fail", 10]);
  assert.match(response.body.toString(), /out of order/);
});

test("an error of a ThriftMux endpoint is tried again where calls may be, unless it says never", async (t) => {
  const never = ["MuxFailure", Buffer.from([0, 0, 0, 0, 0, 0, 0, 4])] as const;
  const service = await muxService(t, (call) => {
    if (service.count > 2) call.error("not again", [never]);
    else if (service.count === 2) call.ok(echo(call.payload));
    else call.error("not now");
  });
  const proxy = await proxied(
    t,
    service.port,
    `  service:
    responseClassifier: { kind: io.l5d.thrift.retryableApplicationExceptions }
  client: { thriftMux: true }
`,
  );
  const client = await muxClient(t, proxy.port);
  const payload = binary({ method: "ping" });
  assert.match(bodyText((await client.dispatch({ payload })).payload), /did ping/);
  assert.equal(service.count, 2);
  const response = await client.dispatch({ payload });
  assert.deepEqual([response.status, response.text, service.count], [1, "not again", 3]);
});

test("an upgraded caller's trace, client id and dtab reach a ThriftMux endpoint as mux has them", async (t) => {
  const service = await muxService(t, (call) => call.ok(echo(call.payload)));
  const proxy = await proxied(t, service.port, "  client: { thriftMux: true }\n");
  const caller = rawCaller(t, proxy.port);
  const upgrade = binary({ method: "__can__finagle__trace__v3__", seqid: 0 });
  caller.send(framed(upgrade));
  await caller.bytes(4 + upgrade.length);
  const header = Buffer.concat([
    Buffer.from("0a00010000000000000007", "hex"), // trace id 7
    Buffer.from("0a00020000000000000008", "hex"), // span id 8
    Buffer.from("0c00060b000100000002", "hex"), // client id
    Buffer.from("me\0"),
    Buffer.of(0),
  ]);
  caller.send(framed(Buffer.concat([header, binary({ method: "ping", seqid: 1 })])));
  await caller.bytes(4);
  const contexts = new Map(service.calls[0]?.contexts);
  assert.equal(contexts.get("com.twitter.finagle.thrift.ClientIdContext")?.toString(), "me");
  const trace = contexts.get("com.twitter.finagle.tracing.TraceContext");
  assert.equal(trace?.readBigInt64BE(8), 8n, "the caller's span is the parent");
  assert.equal(trace?.readBigInt64BE(16), 7n);
});

test("calls are named by the protocol that is configured", async (t) => {
  const service = await thriftService(t, () =>
    compact({ method: "ping", type: 2, body: Buffer.of(0) }),
  );
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: thriftmux
  dtab: /svc/ping => /$/inet/127.1/${service.port} ;
  thriftProtocol: compact
  thriftMethodInDst: true
  servers: [{ port: 0 }]`,
  );
  const client = await muxClient(t, proxy.port);
  const payload = compact({ method: "ping" });
  // Neither the destination of the message nor what else it says takes part in the name.
  const response = await client.dispatch({ payload, dst: "/elsewhere" });
  assert.equal(response.status, 0);
  assert.deepEqual(service.seen, [payload]);
  const wrong = await client.dispatch({ payload: binary({ method: "ping" }) });
  assert.match(
    wrong.text,
    /came in the binary protocol, and thriftProtocol of this router is compact/,
  );
  const nobody = await client.dispatch({ payload: compact({ method: "pong" }) });
  assert.equal(nobody.status, 0, "an exception in a response that is ok");
  assert.match(nobody.text, /no route for "pong" \(\/svc\/pong\)/);
});

test("a refusal is said in mux, any other failure as an exception in Thrift", async (t) => {
  const dead = await proxied(t, await deadPort());
  const client = await muxClient(t, dead.port);
  const refused = await client.dispatch({ payload: binary({ method: "ping" }) });
  assert.notEqual(refused.status, 0);
  assert.match(refused.text, /refused the connection/);
  const service = await thriftService(t, () => null);
  const slow = await proxied(t, service.port, "  service: { totalTimeoutMs: 50 }\n");
  const other = await muxClient(t, slow.port);
  const response = await other.dispatch({ payload: binary({ method: "ping", seqid: 4 }) });
  assert.equal(response.status, 0);
  const { type, method, seqid, body } = read(response.payload);
  assert.deepEqual([type, method, seqid], [3, "ping", 4]);
  assert.match(body.toString(), /"ping" \(\/svc\) took too long/);
});

test("a deadline in mux ends a call to a plain endpoint", async (t) => {
  const service = await thriftService(t, () => null);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port);
  const deadline = Buffer.alloc(16);
  deadline.writeBigInt64BE(BigInt(Date.now()) * 1_000_000n, 0);
  deadline.writeBigInt64BE(BigInt(Date.now() + 100) * 1_000_000n, 8);
  const response = await client.dispatch({
    payload: binary({ method: "ping" }),
    contexts: [["com.twitter.finagle.Deadline", deadline]],
  });
  assert.match(bodyText(response.payload), /took too long/);
});

test("a one-way call gets an empty response immediately", async (t) => {
  const service = await thriftService(t, () => null);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ payload: binary({ method: "tell", type: 4 }) });
  assert.deepEqual([response.status, response.payload.length], [0, 0]);
});

test("a payload that is not Thrift fails its call, and the session continues", async (t) => {
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port);
  const bad = await client.dispatch({ payload: "GET / HTTP/1.1" });
  assert.equal(bad.status, 1);
  assert.match(bad.text, /not a Thrift message/);
  assert.equal((await client.dispatch({ payload: binary({ method: "ping" }) })).status, 0);
});

test("calls of both kinds of callers are lines in one access log, and counted together", async (t) => {
  const folder = testFolder(t);
  const log = join(folder.path, "thrift.log");
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port, `  thriftAccessLog: ${log}\n`);
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ payload: binary({ method: "inmux" }) });
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(binary({ method: "plain" })));
  await caller.bytes(framed(echo(binary({ method: "plain" }))).length);
  caller.end();
  await caller.closed();
  const server = "rt/thriftmux/server/127.0.0.1/0";
  assert.equal(await proxy.metric(`${server}/status/reply`), 2);
  assert.equal(await proxy.metric(`${server}/connects`), 2);
  client.socket.destroy();
  await proxy.close(0);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  assert.match(lines[0] ?? "", / \/svc "inmux" reply \d+ \d+ /);
  assert.match(lines[1] ?? "", / \/svc "plain" reply \d+ \d+ /);
});

test("a proxy that closes lets both kinds of callers end", async (t) => {
  const service = await thriftService(t, echo);
  const proxy = await proxied(t, service.port);
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ payload: binary({ method: "ping" }) });
  const silent = rawCaller(t, proxy.port);
  await new Promise((resolve) => silent.socket.once("connect", resolve));
  await proxy.close(10_000);
  await client.closed();
});

for (const protocol of ["binary", "compact"] as const) {
  test(`npm thrift reaches npm thrift through a ThriftMux port, ${protocol}`, async (t) => {
    const wireFormat = { transport: "framed", protocol } as const;
    const server = await echoServer(t, wireFormat);
    const proxy = await proxied(t, server.port, `  thriftProtocol: ${protocol}\n`);
    const client = echoClient(t, proxy.port, wireFormat);
    assert.equal(await client.echo("hello"), "hello");
    assert.equal(await client.find("me"), "found me");
    await assert.rejects(client.find("missing"), NotFound);
    const bytes = Buffer.alloc(1_000_000, 7);
    assert.ok((await client.blob(bytes)).equals(bytes));
  });
}
