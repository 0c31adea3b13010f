// Long dtabs of callers, where the limits allow them: the call may fail, and it alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { binary, framed } from "../support/thrift-bytes.ts";

const upgrade = binary({ method: "__can__finagle__trace__v3__", seqid: 0 });

const text = (id: number, value: string): Buffer => {
  const head = Buffer.from([11, 0, id, 0, 0, 0, 0]);
  head.writeInt32BE(value.length, 3);
  return Buffer.concat([head, Buffer.from(value)]);
};

/** A RequestHeader with a dest and a dtab of one entry. */
const header = (dest: string, prefix: string, tree: string): Buffer => {
  const dtab = Buffer.from([15, 0, 10, 12, 0, 0, 0, 1]);
  return Buffer.concat([text(9, dest), dtab, text(1, prefix), text(2, tree), Buffer.of(0, 0)]);
};

/** The response to a call that carries this dtab. */
async function responseTo(t: TestContext, dest: string, prefix: string, tree: string) {
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: thrift
  dtab: /svc => ! ;
  callerDtabLimits: { maxBytes: 4000000, maxEntries: 1000 }
  servers: [{ port: 0 }]`,
  );
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(upgrade));
  await caller.bytes(4 + upgrade.length);
  const contexts = header(dest, prefix, tree);
  caller.send(framed(Buffer.concat([contexts, binary({ method: "ping", seqid: 1 })])));
  const length = Buffer.from(await caller.bytes(4), "latin1").readInt32BE(0);
  return await caller.bytes(length);
}

test("a prefix of more segments than a stack has frames matches a name as long", async (t) => {
  const response = await responseTo(
    t,
    `/svc${"/a".repeat(100_000)}`,
    `/svc${"/*".repeat(90_000)}`,
    "$",
  );
  assert.match(response, /ping/);
});

test("a union of more branches than a call has arguments is split", async (t) => {
  assert.match(await responseTo(t, "/svc/a", "/svc", `${"$&".repeat(300_000)}$`), /ping/);
});

test(
  "explaining how a long dtab was resolved holds no other caller up",
  { timeout: 20_000 },
  async (t) => {
    assert.match(await responseTo(t, "/svc/a", "/svc", `${"~&".repeat(300_000)}~`), /ping/);
  },
);

test("a mux call with a long prefix in its dtab is answered", async (t) => {
  const users = await muxService(t, "hello ");
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: mux
  dtab: /svc => ! ;
  callerDtabLimits: { maxBytes: 4000000, maxEntries: 1000 }
  servers: [{ port: 0 }]`,
  );
  const client = await muxClient(t, proxy.port);
  const dst = `/svc${"/a".repeat(16_000)}`;
  const entry = [`/svc${"/a".repeat(15_900)}`, `/$/inet/127.0.0.1/${users.port}`] as const;
  const response = await client.dispatch({ dst: dst.slice(4), dtab: [entry], payload: "world" });
  assert.equal(response.text, "hello world");
});
