// Endpoints that respond to one-way calls: nobody's call must suffer.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { rawEndpoint, rawCaller } from "../../../support/raw.ts";
import { startProxy } from "../../../support/proxy.ts";
import { binary, framed } from "../../../support/thrift-bytes.ts";
import { dialDone, dialled, requestOf } from "../harness.ts";
import { callFrame, exceptionReply, onewayFrame, replyFrame, frameOf } from "../messages.ts";

const latin1 = (...bytes: Buffer[]): string => Buffer.concat(bytes).toString("latin1");

/** What an endpoint may send after the one-way call `note`, sequence id 1. */
const replies: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["an empty frame", Buffer.alloc(4)],
  ["a reply", replyFrame("note", 1)],
  ["an exception", exceptionReply("note", 1)],
];

for (const [name, bytes] of replies) {
  test(`${name} to a one-way call is skipped before the response to the next call`, async () => {
    for (const seqid of [1, 2]) {
      // Split anywhere, even within the two.
      const response = replyFrame("get", seqid, "it");
      const stream = latin1(bytes, response);
      for (let cut = 0; cut <= stream.length; cut++) {
        const wire = dialled();
        wire.send(requestOf(onewayFrame("note", 1)));
        await dialDone();
        const sent = wire.send(requestOf(callFrame("get", seqid)));
        wire.socket.receive(stream.slice(0, cut));
        wire.socket.receive(stream.slice(cut));
        assert.equal(sent.end, "ok");
        assert.deepEqual(sent.response?.frame, response);
        assert.equal(wire.pooled, 1);
      }
    }
  });

  test(`${name} to a one-way call leaves an idle connection in the pool`, async () => {
    const wire = dialled();
    wire.send(requestOf(onewayFrame("note", 1)));
    await dialDone();
    wire.socket.receive(latin1(bytes));
    assert.equal(wire.pooled, 1);
    wire.socket.receive(latin1(bytes)); // once is enough
    assert.equal(wire.isGone, true);
  });
}

test("a response to one of many one-way calls is skipped, whichever it is", async () => {
  const wire = dialled();
  for (let i = 0; i < 200; i++) {
    wire.send(requestOf(onewayFrame(`note${i}`, i)));
    await dialDone();
  }
  const sent = wire.send(requestOf(callFrame("get", 7)));
  for (const i of [199, 150, 136]) wire.socket.receive(latin1(replyFrame(`note${i}`, i)));
  wire.socket.receive(latin1(replyFrame("get", 7)));
  assert.equal(sent.end, "ok");
});

test("an empty frame or a foreign reply without a one-way call fails the call", async () => {
  for (const bytes of [Buffer.alloc(4), replyFrame("note", 1), frameOf("")]) {
    const wire = dialled();
    const sent = wire.send(requestOf(callFrame("get", 1)));
    await dialDone();
    wire.socket.receive(latin1(bytes));
    assert.equal(typeof sent.end === "object" && sent.end?.kind, "malformed");
    assert.equal(wire.isGone, true);
  }
});

test("callers of a service that responds to one-way calls get their own responses", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: thrift
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  servers: [{ port: 0 }]
`,
  );
  const caller = rawCaller(t, proxy.port);
  const note = framed(binary({ method: "note", seqid: 0, type: 4 }));
  const get = framed(binary({ method: "get", seqid: 0 }));
  const reply = framed(binary({ method: "get", seqid: 0, type: 2 }));
  for (let i = 0; i < 20; i++) {
    caller.send(note);
    const service = i === 0 ? await endpoint.accepted() : endpoint.peers[0];
    await service?.bytes(note.length);
    caller.send(get);
    await service?.bytes(get.length);
    service?.send(
      i % 2 === 0 ? Buffer.alloc(4) : framed(binary({ method: "note", type: 2, seqid: 0 })),
    );
    service?.send(reply);
    assert.equal(await caller.bytes(reply.length), reply.toString("latin1"));
  }
  assert.equal(endpoint.peers.length, 1);
  assert.equal(await proxy.metric("rt/thrift/server/127.0.0.1/0/success"), 40);
  caller.socket.destroy();
});
