// Finagle's Thrift clients and servers, with TTwitter and without, through the proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { finagle } from "../support/finagle.ts";
import type { FinagleServerCall } from "../support/finagle.ts";
import { clientIdOf, traceContexts, traceOf } from "../support/finagle-contexts.ts";
import { startProxy } from "../support/proxy.ts";
import { binary, read, textResult } from "../support/thrift-bytes.ts";

const ping = { payload: binary({ method: "ping" }) };

/** Finagle's clients choose the sequence id themselves. */
const pong = ({ payload }: FinagleServerCall) => {
  const { seqid } = read(payload);
  return { payload: binary({ method: "ping", seqid, type: 2, body: textResult("pong") }) };
};

/** What a Thrift message says beside its sequence id. */
const said = (message: Buffer) => {
  const { type, method, body } = read(message);
  return { type, method, body };
};

const ponged = said(binary({ method: "ping", type: 2, body: textResult("pong") }));

/** Who calls whom: the kinds of Finagle, and what a router between them says. */
const pairs = [
  ["thrift", "thrift", "thrift", "attemptTTwitterUpgrade: true"],
  ["thrift", "thriftmux", "thriftmux", "thriftMux: true"],
  ["thriftmux", "thrift", "thriftmux", "attemptTTwitterUpgrade: true"],
  ["thriftmux", "thriftmux", "thriftmux", "thriftMux: true"],
] as const;

/** Of a trace: sampled, not sampled, undecided, debugged. */
const decisions = [6n, 2n, 0n, 7n];

for (const [from, to, protocol, client] of pairs) {
  test(`${from} calls ${to}: bytes, trace, client id and dtab arrive`, async (t) => {
    const peer = finagle(t);
    if (peer === null) return;
    const server = await peer.serve(to);
    const proxy = await startProxy(
      t,
      `
      routers:
      - protocol: ${protocol}
        dtab: /svc => /$/inet/127.0.0.1/${server.port}
        servers: [{ port: 0 }]
        client: { ${client} }`,
    );
    const caller = await peer.connect(from, proxy.port, { clientId: "shop" });
    for (const decision of decisions) {
      const contexts = traceContexts({ trace: 7n, span: 8n, flags: decision });
      const pending = caller.begin({ ...ping, contexts, dtab: "/one=>/two" });
      const call = await server.next();
      assert.deepEqual(said(call.payload), said(ping.payload));
      const { trace, flags } = traceOf(call);
      assert.deepEqual([trace, flags], [7n, decision]);
      assert.equal(clientIdOf(call), "shop");
      assert.equal(call.dtab, "/one=>/two");
      call.answer(pong(call));
      assert.deepEqual(said((await pending.result).payload), ponged);
    }
  });
}

for (const upgrade of [true, false]) {
  test(`a client reaches a server that is not asked to upgrade, ${upgrade ? "having upgraded itself" : "not upgraded either"}`, async (t) => {
    const peer = finagle(t);
    if (peer === null) return;
    const server = await peer.serve("thrift", { handle: (call) => call.answer(pong(call)) });
    const proxy = await startProxy(
      t,
      `
      routers:
      - protocol: thrift
        dtab: /svc => /$/inet/127.0.0.1/${server.port}
        servers: [{ port: 0 }]`,
    );
    const caller = await peer.connect("thrift", proxy.port, { upgrade });
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(said((await caller.call(ping)).payload), ponged);
    }
    assert.equal(server.count, 3);
  });
}

test("an exception of the service and a name that leads nowhere come as TApplicationException", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thrift", { handle: (call) => call.fail("out of tea") });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      thriftMethodInDst: true
      dtab: /svc/ping => /$/inet/127.0.0.1/${server.port}
      servers: [{ port: 0 }]
      client: { attemptTTwitterUpgrade: true }`,
  );
  const caller = await peer.connect("thrift", proxy.port);
  const failed = read((await caller.call(ping)).payload);
  assert.equal(failed.type, 3);
  assert.match(failed.body.toString(), /out of tea/);
  const lost = read((await caller.call({ payload: binary({ method: "pong" }) })).payload);
  assert.equal(lost.type, 3);
  assert.match(lost.body.toString(), /no route for "pong" \(\/svc\/pong\)/);
  // Ready to be copied, with the trace that Finagle's client began.
  assert.match(lost.body.toString(), /\n {2}switchyard why http:\S+ (?:[0-9a-f]{16}){1,2}/);
});

test("a call that timed out at the client is interrupted at the server, and the next one works", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thrift");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      dtab: /svc => /$/inet/127.0.0.1/${server.port}
      servers: [{ port: 0 }]
      client: { attemptTTwitterUpgrade: true }`,
  );
  const caller = await peer.connect("thrift", proxy.port, { timeoutMs: 1_000 });
  const pending = caller.begin(ping);
  const call = await server.next();
  await call.interrupted; // by its deadline, which the client told
  await pending.result;
  const next = caller.begin(ping);
  const nextCall = await server.next();
  nextCall.answer(pong(nextCall));
  assert.deepEqual(said((await next.result).payload), ponged);
});

test("a call that the client gave up is interrupted at the server, and the client's next one works", async (t) => {
  const peer = finagle(t);
  if (peer === null) return;
  const server = await peer.serve("thrift");
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      dtab: /svc => /$/inet/127.0.0.1/${server.port}
      servers: [{ port: 0 }]
      client: { attemptTTwitterUpgrade: true }`,
  );
  const caller = await peer.connect("thrift", proxy.port);
  const pending = caller.begin(ping);
  const call = await server.next();
  pending.cancel();
  assert.notEqual((await pending.result).error, undefined);
  await call.interrupted;
  const next = caller.begin(ping);
  const nextCall = await server.next();
  nextCall.answer(pong(nextCall));
  assert.deepEqual(said((await next.result).payload), ponged);
});
