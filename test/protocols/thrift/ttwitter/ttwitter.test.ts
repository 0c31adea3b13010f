// The TTwitter upgrade in both directions, on raw sockets through the whole proxy.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import {
  readRequestHeader,
  writeRequestHeader,
} from "../../../../protocols/thrift/ttwitter/headers.ts";
import type { RequestHeader } from "../../../../protocols/thrift/ttwitter/headers.ts";
import type { ThriftProtocol } from "../../../../protocols/thrift/codec/types.ts";
import { startProxy } from "../../../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../../../support/raw.ts";
import type { RawPeer } from "../../../support/raw.ts";
import { exceptionIn, frameOf, strict, textField, types } from "../messages.ts";

// As test/vectors has them: what Finagle's client asks, and what its server responses.
const question =
  "00000028800100010000001b5f5f63616e5f5f66696e61676c655f5f74726163655f5f76335f5f0000000000";
const agreed =
  "00000028800100020000001b5f5f63616e5f5f66696e61676c655f5f74726163655f5f76335f5f0000000000";
const compactQuestion = "000000208221001b5f5f63616e5f5f66696e61676c655f5f74726163655f5f76335f5f00";
const compactAgreed = "000000208241001b5f5f63616e5f5f66696e61676c655f5f74726163655f5f76335f5f00";

const call = strict(types.call, "get", 7, textField(1, "it"));
const reply = strict(types.reply, "get", 7, textField(0, "is"));

const hexOf = (latin1: string): string => Buffer.from(latin1, "latin1").toString("hex");

async function frame(peer: RawPeer): Promise<Buffer> {
  const prefix = await peer.bytes(4);
  const length = Buffer.from(prefix, "latin1").readInt32BE();
  return Buffer.from(prefix + (await peer.bytes(length)), "latin1");
}

const plainHeader: RequestHeader = {
  traceId: 1n,
  spanId: 2n,
  parentSpanId: null,
  sampled: null,
  clientId: null,
  flags: 0n,
  contexts: [],
  dest: null,
  delegations: [],
  traceIdHigh: null,
};

const upgraded = (
  header: Partial<RequestHeader>,
  message = call,
  protocol: ThriftProtocol = "binary",
) => frameOf(...writeRequestHeader(protocol, { ...plainHeader, ...header }), message);

/** A frame of an upgraded connection: its header, and the message behind it. */
function opened(bytes: Buffer, protocol: ThriftProtocol = "binary") {
  const header = readRequestHeader(protocol, bytes, 4, bytes.length);
  if (typeof header === "string") return assert.fail(header);
  return { header: header.value, message: bytes.subarray(header.end) };
}

interface Setting {
  readonly client?: string;
  readonly server?: string;
  readonly router?: string;
}

async function through(
  t: TestContext,
  { client = "", server = "", router = "" }: Setting = {},
  onPeer: (peer: RawPeer) => void = () => {},
) {
  const endpoint = await rawEndpoint(t, onPeer);
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      ${router}
      dtab: /svc => /$/inet/127.0.0.1/${endpoint.port}
      client: { ${client} }
      servers: [{ port: 0, ${server} }]`,
  );
  return { proxy, endpoint, caller: rawCaller(t, proxy.port) };
}

async function upgrade(caller: RawPeer): Promise<void> {
  caller.send(Buffer.from(question, "hex"));
  assert.equal(hexOf(await caller.bytes(agreed.length / 2)), agreed);
}

const attempt = { client: "attemptTTwitterUpgrade: true" };

async function agree(peer: RawPeer): Promise<void> {
  assert.equal(hexOf(await peer.bytes(question.length / 2)), question);
  peer.send(Buffer.from(agreed, "hex"));
}

test("an upgraded caller reaches a plain endpoint, which sees the message alone", async (t) => {
  const { endpoint, caller } = await through(t);
  await upgrade(caller);
  caller.send(upgraded({ clientId: "me" }));
  const peer = await endpoint.accepted();
  assert.deepEqual(await frame(peer), frameOf(call));
  peer.send(frameOf(reply));
  assert.deepEqual(await frame(caller), frameOf("00", reply));
});

test("responses to calls before the upgrade have no header", async (t) => {
  const { endpoint, caller } = await through(t);
  caller.send(Buffer.concat([frameOf(call), Buffer.from(question, "hex"), upgraded({})]));
  const [first, second] = [await endpoint.accepted(), await endpoint.accepted()];
  await Promise.all([frame(first), frame(second)]);
  second.send(frameOf(reply));
  first.send(frameOf(reply));
  assert.deepEqual(await frame(caller), frameOf(reply));
  assert.equal((await frame(caller)).toString("hex"), agreed);
  assert.deepEqual(await frame(caller), frameOf("00", reply));
});

test("a plain caller reaches an upgraded endpoint, which gets a trace that begins here", async (t) => {
  const { endpoint, caller } = await through(t, attempt);
  caller.send(frameOf(call));
  const peer = await endpoint.accepted();
  await agree(peer);
  const { header, message } = opened(await frame(peer));
  assert.deepEqual(message, call);
  assert.equal(header.traceId, header.spanId);
  assert.notEqual(header.spanId, 0n);
  assert.deepEqual({ ...header, traceId: 1n, spanId: 2n }, { ...plainHeader, dest: "/" });
  peer.send(frameOf("00", reply));
  assert.deepEqual(await frame(caller), frameOf(reply));
});

test("an endpoint that gives an exception for the question is spoken to plainly", async (t) => {
  const { endpoint, caller } = await through(t, attempt);
  caller.send(frameOf(call));
  const peer = await endpoint.accepted();
  await frame(peer);
  const name = "__can__finagle__trace__v3__";
  peer.send(frameOf(strict(types.exception, name, 0, "0b000100000002696e0800020000000100")));
  assert.deepEqual(await frame(peer), frameOf(call));
  peer.send(frameOf(reply));
  assert.deepEqual(await frame(caller), frameOf(reply));
});

test("an endpoint that hangs up on the upgrade fails the call with the key to change", async (t) => {
  // Nothing was sent: it is tried again, a few times.
  const { caller } = await through(t, attempt, (peer) => void peer.socket.destroy());
  caller.send(frameOf(call));
  const { type, text } = exceptionIn((await frame(caller)).toString("latin1"));
  assert.equal(type, 6);
  assert.match(
    text,
    /closed the connection when asked for the TTwitter upgrade: write attemptTTwitterUpgrade: false/,
  );
});

test("ids, client, contexts, dest and dtab go from an upgraded caller to an upgraded endpoint", async (t) => {
  const { endpoint, caller } = await through(t, attempt);
  await upgrade(caller);
  const contexts = [
    { key: "com.twitter.finagle.Retries", value: Uint8Array.of(0, 0, 0, 2) },
    { key: "com.twitter.finagle.thrift.ClientIdContext", value: Buffer.from("inner") },
  ];
  const told: RequestHeader = {
    ...plainHeader,
    traceId: 0x1b4bbb7c0f6a2ff0n,
    spanId: -2n,
    parentSpanId: 5n,
    sampled: true,
    clientId: "outer",
    flags: 6n,
    contexts,
    dest: "/users/v1",
    delegations: [["/a/*", "0.50*/b & 0.50*/c"]],
    traceIdHigh: -1n,
  };
  caller.send(upgraded(told));
  const peer = await endpoint.accepted();
  await agree(peer);
  const { header, message } = opened(await frame(peer));
  assert.deepEqual(message, call);
  const { spanId, ...rest } = header;
  assert.notEqual(spanId, told.spanId);
  const { spanId: parentSpanId, ...expected } = told;
  assert.deepEqual(
    { ...rest, contexts: rest.contexts.map(({ key, value }) => [key, [...value]]) },
    {
      ...expected,
      parentSpanId,
      clientId: "inner", // what the context says goes before the field
      contexts: contexts.map(({ key, value }) => [key, [...value]]),
    },
  );
  const contextsBack = frameOf("0f00020c000000010b0001000000016b0b000200000001760000", reply);
  peer.send(contextsBack);
  assert.deepEqual(await frame(caller), contextsBack);
});

test("a trace context goes before the header's ids, and is not sent twice", async (t) => {
  const { endpoint, caller } = await through(t, attempt);
  await upgrade(caller);
  const value = Buffer.from(
    "000000000000000b000000000000000c000000000000000d0000000000000006",
    "hex",
  );
  const key = "com.twitter.finagle.tracing.TraceContext";
  caller.send(upgraded({ contexts: [{ key, value }] }));
  const peer = await endpoint.accepted();
  await agree(peer);
  const { header } = opened(await frame(peer));
  const { traceId, parentSpanId, flags, contexts } = header;
  assert.deepEqual([traceId, parentSpanId, flags, contexts], [13n, 11n, 6n, []]);
  peer.send(frameOf("00", reply));
  await frame(caller);
});

test("the dest names the call, and the caller's delegations override the router's dtab", async (t) => {
  const { proxy, endpoint, caller } = await through(t, { router: "thriftMethodInDst: true" });
  const other = await rawEndpoint(t);
  await upgrade(caller);
  const delegations = [
    ["/svc/x", "/$/nil # a comment ends with its entry"],
    ["/svc/users", `/$/inet/127.0.0.1/${other.port}`],
  ] as const;
  caller.send(upgraded({ dest: "/users", delegations }));
  const peer = await other.accepted();
  assert.deepEqual(await frame(peer), frameOf(call));
  peer.send(frameOf(reply));
  await frame(caller);
  assert.equal(endpoint.peers.length, 0);
  assert.equal(await proxy.metric("rt/thrift/service/svc/users/get/requests"), 1);
});

test("a dest or a dtab that cannot be read is an exception; the connection lives", async (t) => {
  const { caller } = await through(t);
  await upgrade(caller);
  for (const [header, reason] of [
    [{ dest: "users" }, /dest in the header of the call is not a path/],
    [{ dest: "" }, /dest in the header of the call is not a path/],
    [{ delegations: [["/a", "b"]] }, /the delegations in the header of the call are not a dtab/],
    [{ delegations: [["/a", "/b;/c=>/d"]] }, /a delegation .* is more than one entry of a dtab/],
  ] as const) {
    caller.send(upgraded(header as Partial<RequestHeader>));
    const response = await frame(caller);
    assert.equal(response[4], 0, "an empty ResponseHeader goes before");
    const { name, seqid, type, text } = exceptionIn(
      frameOf(response.subarray(5)).toString("latin1"),
    );
    assert.deepEqual([name, seqid, type], ["get", 7, 1]);
    assert.match(text, reason);
  }
});

test("a header that cannot be read ends the connection, and the log says why", async (t) => {
  const { proxy, caller } = await through(t);
  await upgrade(caller);
  caller.send(frameOf("0a0001"));
  assert.equal(await caller.rest(), "");
  const told = proxy.events.find(({ event }) => event === "bad-thrift-input");
  assert.match(String(told?.["reason"]), /the header of an upgraded call cannot be read: .*ends/);
  assert.equal(await proxy.metric("rt/thrift/server/127.0.0.1/0/malformed"), 1);
});

/** A deadline so many milliseconds from now. */
function deadline(fromNowMs: number) {
  const value = Buffer.alloc(16);
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  value.writeBigInt64BE(nowNs, 0);
  value.writeBigInt64BE(nowNs + BigInt(fromNowMs) * 1_000_000n, 8);
  return { key: "com.twitter.finagle.Deadline", value };
}

test("a deadline that has passed ends the call before it is sent", async (t) => {
  const { endpoint, caller } = await through(t);
  await upgrade(caller);
  caller.send(upgraded({ contexts: [deadline(-100)] }));
  const response = await frame(caller);
  const { text } = exceptionIn(frameOf(response.subarray(5)).toString("latin1"));
  assert.match(text, /took too long/);
  assert.equal(endpoint.peers.length, 0);
});

test("the caller's deadline is passed on as it is, unless a limit here is stricter", async (t) => {
  for (const [service, isKept] of [
    ["", true],
    ["service: { totalTimeoutMs: 500 }", false],
  ] as const) {
    const { endpoint, caller } = await through(t, { ...attempt, router: service });
    await upgrade(caller);
    const told = deadline(60_000);
    caller.send(upgraded({ contexts: [told] }));
    const peer = await endpoint.accepted();
    await agree(peer);
    const { header } = opened(await frame(peer));
    assert.equal(header.contexts.length, 1);
    const seen = Buffer.from(header.contexts[0]?.value ?? []);
    if (isKept) assert.deepEqual(seen, told.value);
    else assert.ok(seen.readBigInt64BE(8) < told.value.readBigInt64BE(8));
    peer.send(frameOf("00", reply));
    await frame(caller);
  }
});

test("a server that clears contexts believes the dest and nothing else", async (t) => {
  const setting = { ...attempt, server: "clearContext: true", router: "thriftMethodInDst: true" };
  const { proxy, endpoint, caller } = await through(t, setting);
  await upgrade(caller);
  const delegations = [["/svc", "/$/nil"]] as const;
  caller.send(
    upgraded({ dest: "/users", delegations, clientId: "me", contexts: [deadline(-100)] }),
  );
  const peer = await endpoint.accepted();
  await agree(peer);
  const { header } = opened(await frame(peer));
  assert.deepEqual({ ...header, traceId: 1n, spanId: 2n }, { ...plainHeader, dest: "/users" });
  peer.send(frameOf("00", reply));
  await frame(caller);
  assert.equal(await proxy.metric("rt/thrift/service/svc/users/get/requests"), 1);
});

test("all of it holds for the compact protocol, and without frames", async (t) => {
  const compact = { ...attempt, router: "thriftProtocol: compact" };
  const { endpoint, caller } = await through(t, compact);
  caller.send(Buffer.from(compactQuestion, "hex"));
  assert.equal(hexOf(await caller.bytes(compactAgreed.length / 2)), compactAgreed);
  const message = Buffer.from("822107036765741802697400", "hex");
  const response = Buffer.from("824107036765740802697300", "hex");
  caller.send(upgraded({ clientId: "me", sampled: false }, message, "compact"));
  const peer = await endpoint.accepted();
  assert.equal(hexOf(await peer.bytes(compactQuestion.length / 2)), compactQuestion);
  peer.send(Buffer.from(compactAgreed, "hex"));
  const seen = opened(await frame(peer), "compact");
  assert.deepEqual(seen.message, message);
  assert.deepEqual([seen.header.clientId, seen.header.sampled], ["me", false]);
  peer.send(frameOf("00", response));
  assert.deepEqual(await frame(caller), frameOf("00", response));
});

test("an upgraded caller without frames is understood", async (t) => {
  const unframed = { server: "thriftFramed: false", client: "thriftFramed: false" };
  const { endpoint, caller } = await through(t, unframed);
  caller.send(Buffer.from(question.slice(8), "hex"));
  assert.equal(hexOf(await caller.bytes(agreed.length / 2 - 4)), agreed.slice(8));
  caller.send(upgraded({ dest: "/users" }).subarray(4));
  const peer = await endpoint.accepted();
  assert.equal(hexOf(await peer.bytes(call.length)), call.toString("hex"));
  peer.send(reply);
  assert.equal(hexOf(await caller.bytes(reply.length + 1)), `00${reply.toString("hex")}`);
});

test("a header with more than 5,000 delegations or contexts is refused, not read to its end", () => {
  const field = (id: number, value: string): Buffer => {
    const head = Buffer.from([11, 0, id, 0, 0, 0, value.length]);
    return Buffer.concat([head, Buffer.from(value)]);
  };
  const entry = Buffer.concat([field(1, "/a"), field(2, "/b"), Buffer.of(0)]);
  const headerOf = (id: number, count: number) => {
    const list = Buffer.from([15, 0, id, 12, 0, 0, 0, 0]);
    list.writeInt32BE(count, 4);
    const body = Buffer.concat(Array.from({ length: count }, () => entry));
    const bytes = Buffer.concat([list, body, Buffer.of(0)]);
    return readRequestHeader("binary", bytes, 0, bytes.length);
  };
  assert.notEqual(typeof headerOf(10, 5_000), "string");
  assert.equal(headerOf(10, 5_001), "it has more than 5000 delegations");
  assert.equal(headerOf(8, 300_000), "it has more than 5000 contexts");
});
