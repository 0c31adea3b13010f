// What mux can say of a call has an end: lengths and counts of two bytes, signed in Finagle. What
// goes beyond is refused to the caller who caused it; the process and the others never notice.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { binary, framed, read, textResult } from "../support/thrift-bytes.ts";

function proxied(t: TestContext, protocol: string, port: number, more = "") {
  return startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
${more}`,
  );
}

test("a call whose residual is longer than mux can encode fails alone", async (t) => {
  const users = await muxService(t, "hello ");
  const proxy = await proxied(t, "mux", users.port);
  const client = await muxClient(t, proxy.port);
  // One byte that has to be escaped, and all are: each is four characters then.
  const dst = `/\\x20${"a".repeat(20_000)}`;
  const long = await client.dispatch({ dst, payload: "world" });
  assert.equal(long.status, 1);
  assert.match(long.text, /the residual path has 80005 characters, more than mux can encode/);
  const longest = `/${"a".repeat(32_766)}`;
  assert.equal((await client.dispatch({ dst: longest, payload: "1" })).text, "hello 1");
  assert.equal(users.count, 1, "the endpoint never saw the long one");
});

const reply = binary({ method: "ping", seqid: 1, type: 2, body: textResult("did ping") });
const pairs = (count: number) => Array.from({ length: count }, () => ["k", "v"] as const);

for (const protocol of ["mux", "thriftmux"]) {
  const endpoints = protocol === "mux" ? "" : "  client: { thriftMux: true }\n";
  const payload = binary({ method: "ping", seqid: 1 });

  test(`${protocol}: a call with more than 1,000 contexts fails alone`, async (t) => {
    const users = await muxService(t, (call) => call.ok(reply));
    const more = `${endpoints}  service: { totalTimeoutMs: 60000 }\n`;
    const proxy = await proxied(t, protocol, users.port, more);
    const client = await muxClient(t, proxy.port);
    assert.equal((await client.dispatch({ contexts: pairs(1_000), payload })).status, 0);
    assert.equal(users.calls[0]?.contexts.length, 1_001, "and the deadline");
    for (const count of [1_001, 32_767, 65_535]) {
      const full = await client.dispatch({ contexts: pairs(count), payload });
      assert.equal(full.status, 1);
      assert.equal(full.text, `a Tdispatch with ${count} contexts, more than the 1000 allowed`);
    }
    assert.equal((await client.dispatch({ payload })).status, 0);
    assert.equal(users.count, 2, "the endpoint never saw the others");
  });

  test(`${protocol}: a response with more than 1,000 contexts fails its call alone`, async (t) => {
    const counts = [1_000, 1_001, 65_535, 0];
    const users = await muxService(t, (call) => call.ok(reply, pairs(counts.shift() ?? 0)));
    const proxy = await proxied(t, protocol, users.port, endpoints);
    const client = await muxClient(t, proxy.port);
    assert.equal((await client.dispatch({ payload })).contexts.length, 1_000);
    for (const count of [1_001, 65_535]) {
      const full = await client.dispatch({ payload });
      assert.equal(full.status, protocol === "mux" ? 1 : 0, "Thrift: an exception");
      const why = `sent an Rdispatch with ${count} contexts, more than the 1000 allowed`;
      assert.ok(full.text.includes(why), full.text);
    }
    assert.equal((await client.dispatch({ payload })).status, 0);
    assert.equal(users.sessions.length, 1, "one session served them all");
  });
}

test("a time limit of more than 292 years is passed on as a deadline that mux can encode", async (t) => {
  const users = await muxService(t, "hello ");
  const more = "  service: { totalTimeoutMs: 9007199254740991 }\n";
  const proxy = await proxied(t, "mux", users.port, more);
  const client = await muxClient(t, proxy.port);
  assert.equal((await client.dispatch({ payload: "world" })).text, "hello world");
  const [key, value] = users.calls[0]?.contexts[0] ?? [];
  assert.equal(key, "com.twitter.finagle.Deadline");
  assert.ok((value?.readBigInt64BE(8) ?? 0n) > 8n * 10n ** 18n);
});

const upgrade = binary({ method: "__can__finagle__trace__v3__", seqid: 0 });

const text = (id: number, value: string): Buffer => {
  const head = Buffer.from([11, 0, id, 0, 0, 0, 0]);
  head.writeInt32BE(Buffer.byteLength(value), 3);
  return Buffer.concat([head, Buffer.from(value)]);
};

/** A RequestHeader with one list of structs of two strings. */
function header(id: number, entries: readonly (readonly [string, string])[]): Buffer {
  const head = Buffer.from([15, 0, id, 12, 0, 0, 0, 0]);
  head.writeInt32BE(entries.length, 4);
  const structs = entries.flatMap(([a, b]) => [text(1, a), text(2, b), Buffer.of(0)]);
  return Buffer.concat([head, ...structs, Buffer.of(0)]);
}

const contexts = 8;
const delegations = 10;

/** Of a router whose callers may send dtabs longer than mux can carry. */
const large = `
  client: { thriftMux: true }
  callerDtabLimits: { maxBytes: 1000000, maxEntries: 100000 }
`;

test("an upgraded caller that sends more than mux can encode gets an exception", async (t) => {
  const service = await muxService(t, (call) => {
    const { method, seqid } = read(call.payload);
    call.ok(binary({ method, seqid, type: 2, body: textResult(`did ${method}`) }));
  });
  const proxy = await proxied(t, "thriftmux", service.port, large);
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(upgrade));
  await caller.bytes(4 + upgrade.length);
  const many = Array.from({ length: 6_000 }, () => ["/a", "/b"] as const);
  const tries = [
    [header(delegations, many), /it has more than 5000 delegations/],
    [header(delegations, [["/a", `/${"b".repeat(70_000)}`]]), /an entry of more than 32 KB/],
    [header(contexts, many), /it has more than 5000 contexts/],
    [header(contexts, many.slice(0, 1_001)), /1001 contexts, more than the 1000 that a mux/],
    [header(contexts, [["\u20ac".repeat(30_000), ""]]), /did ping/], // left out: it is no use to anybody
  ] as const;
  for (const [told, said] of tries) {
    caller.send(framed(Buffer.concat([told, binary({ method: "ping", seqid: 1 })])));
    const length = Buffer.from(await caller.bytes(4), "latin1").readInt32BE(0);
    assert.match(await caller.bytes(length), said);
  }
});
