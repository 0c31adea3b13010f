// Stories of mux through the whole proxy: many calls on one connection, in any order.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testFolder } from "../support/folder.ts";
import { dispatchBody, initBody, muxClient, muxService } from "../support/mux-peer.ts";
import type { MuxCall } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";

/** A proxy in front of named services, found in files. */
async function proxied(
  t: TestContext,
  services: Readonly<Record<string, readonly number[]>>,
  more = "",
) {
  const servers = more.includes("servers:") ? "" : "  servers: [{ port: 0 }]\n";
  const disco = discovery(t, services);
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers:
- protocol: mux
  dtab: /svc => /#/io.l5d.fs ;
${servers}${more}`,
  );
  return { proxy, disco };
}

test("a call goes to the service that its destination names, and its response comes back", async (t) => {
  const users = await muxService(t, "hello ");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/users", payload: "world" });
  assert.deepEqual([response.status, response.text], [0, "hello world"]);
});

test("a thousand calls wait on one connection, and their responses come in any order", async (t) => {
  const held: MuxCall[] = [];
  const users = await muxService(t, (call) => void held.push(call));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const asked = Array.from({ length: 1_000 }, (_, i) =>
    client.dispatch({ dst: "/users", payload: String(i) }),
  );
  await users.when(() => held.length === 1_000);
  assert.equal(users.sessions.length, 1, "one connection for all of them");
  for (const call of held.toReversed()) call.ok(`<${call.text}>`);
  const responses = await Promise.all(asked);
  responses.forEach(({ text }, i) => assert.equal(text, `<${i}>`));
  assert.equal(await proxy.metric("rt/mux/service/svc/users/success"), 1_000);
});

test("callers share the connection to an endpoint", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const clients = await Promise.all(Array.from({ length: 5 }, () => muxClient(t, proxy.port)));
  // All with the same tag.
  const responses = await Promise.all(
    clients.map((client, i) => client.dispatch({ dst: "/users", payload: `caller ${i}` }, 7)),
  );
  assert.deepEqual(
    responses.map(({ text }) => text),
    clients.map((_, i) => `caller ${i}`),
  );
  assert.equal(users.sessions.length, 1);
});

test("contexts, dtab and payload go through as they came; the destination becomes the residual", async (t) => {
  const users = await muxService(t, (call) => call.ok("fine", [["response-context", "x"]]));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const contexts = [["com.example.Any", Buffer.from([0, 255, 7])]] as const;
  const dtab = [["/elsewhere", "/nowhere | /here"]] as const;
  const payload = Buffer.from([0, 1, 254, 255]);
  const response = await client.dispatch({ dst: "/users/7/mail", contexts, dtab, payload });
  const [call] = users.calls;
  assert.deepEqual(call?.contexts, contexts);
  assert.deepEqual(call?.dtab, dtab);
  assert.equal(call?.dst, "/7/mail");
  assert.deepEqual(call?.payload, payload);
  assert.deepEqual(
    response.contexts.map(([key, value]) => [key, value.toString()]),
    [["response-context", "x"]],
  );
});

test("a call's own dtab overrides the router's, and its wildcards go no further", async (t) => {
  const [users, others] = [await muxService(t, "users"), await muxService(t, "others")];
  const { proxy } = await proxied(t, { users: [users.port], others: [others.port] });
  const client = await muxClient(t, proxy.port);
  const dtab = [
    ["/svc/*", "/#/io.l5d.fs/others"],
    ["/kept", "/x"],
  ] as const;
  assert.equal((await client.dispatch({ dst: "/users", dtab })).text, "others");
  // Finagle drops the session that brings it a wildcard.
  assert.deepEqual(others.calls[0]?.dtab, [["/kept", "/x"]]);
});

test("a Treq is named by the prefix alone and gets an Rreq; its trace is continued", async (t) => {
  const all = await muxService(t, "all ");
  const { proxy } = await proxied(t, { all: [all.port] }, "  dstPrefix: /#/io.l5d.fs/all\n");
  const client = await muxClient(t, proxy.port);
  const ids = Buffer.from("000000000000000300000000000000020000000000000001", "hex");
  const response = await client.req("old", [
    ["1", ids],
    ["2", Buffer.from([1])],
  ]);
  assert.deepEqual([response.type, response.status, response.text], [-1, 0, "all old"]);
  const [key, trace] = all.calls[0]?.contexts[0] ?? ["", Buffer.alloc(0)];
  assert.equal(key, "com.twitter.finagle.tracing.TraceContext");
  assert.equal(trace.toString("hex", 8), `${"0".repeat(15)}3${"0".repeat(15)}1${"0".repeat(15)}1`);
});

test("a trace is continued with a new span below the caller's", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const trace = Buffer.from(Array.from({ length: 40 }, (_, i) => i));
  const key = "com.twitter.finagle.tracing.TraceContext";
  await client.dispatch({
    dst: "/users",
    contexts: [
      ["a", "b"],
      [key, trace],
      ["c", "d"],
    ],
  });
  const contexts = users.calls[0]?.contexts ?? [];
  assert.deepEqual(
    contexts.map(([name]) => name),
    ["a", key, "c"],
  );
  const sent = contexts[1]?.[1] ?? Buffer.alloc(0);
  assert.notDeepEqual(sent.subarray(0, 8), trace.subarray(0, 8), "a new span");
  assert.deepEqual(sent.subarray(8, 16), trace.subarray(0, 8), "its parent is the caller's span");
  assert.deepEqual(sent.subarray(16), trace.subarray(16), "all else as it was");
});

const deadlineContext = (inMs: number) => {
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(BigInt(Date.now()) * 1_000_000n, 0);
  value.writeBigInt64BE(BigInt(Date.now() + inMs) * 1_000_000n, 8);
  return ["com.twitter.finagle.Deadline", value] as const;
};

test("a deadline goes through to the nanosecond, and ends the call when it has passed", async (t) => {
  const silent = await muxService(t, () => {});
  const { proxy } = await proxied(t, { silent: [silent.port] });
  const client = await muxClient(t, proxy.port);
  const deadline = deadlineContext(150);
  const response = await client.dispatch({ dst: "/silent", contexts: [deadline] });
  assert.equal(response.status, 1);
  assert.match(response.text, /took too long.*caller's deadline/);
  assert.deepEqual(silent.calls[0]?.contexts, [deadline]);
  const [session] = silent.sessions;
  await silent.when(() => session?.discarded.length === 1); // and the endpoint was told
});

test("a deadline that has passed already is not sent on", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/users", contexts: [deadlineContext(-5_000)] });
  assert.equal(response.status, 1);
  assert.match(response.text, /deadline had passed/);
  assert.equal(users.count, 0);
});

test("the proxy's own limit shortens the deadline that it passes on", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    "  service: { totalTimeoutMs: 1000 }\n",
  );
  const client = await muxClient(t, proxy.port);
  const far = deadlineContext(3_600_000);
  await client.dispatch({ dst: "/users", contexts: [["k", "v"], far] });
  await client.dispatch({ dst: "/users", contexts: [["k", "v"]] });
  for (const { contexts } of users.calls) {
    assert.deepEqual(
      contexts.map(([key]) => key),
      ["k", far[0]],
    );
    const leftMs = Number((contexts[1]?.[1].readBigInt64BE(8) ?? 0n) / 1_000_000n) - Date.now();
    assert.ok(leftMs <= 1_000 && leftMs > -10_000, `${leftMs} ms left`);
  }
});

test("a discarded call is cancelled at the endpoint, and its tag stays taken until the reply", async (t) => {
  const held: MuxCall[] = [];
  const users = await muxService(t, (call) => {
    if (call.text === "hold") held.push(call);
    else call.ok(`tag ${call.tag}`);
  });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const first = client.dispatch({ dst: "/users", payload: "hold" }, 5);
  await users.when(() => held.length === 1);
  client.discard(5);
  assert.equal((await first).type, -66, "an Rdiscarded for the caller, immediately");
  const [session] = users.sessions;
  await users.when(() => session?.discarded.length === 1);
  assert.deepEqual(session?.discarded, [held[0]?.tag]);
  const second = await client.dispatch({ dst: "/users" }, 5);
  assert.notEqual(second.text, `tag ${held[0]?.tag}`, "the endpoint still owes a response for it");
  held[0]?.ok("too late");
  await client.ping();
  const tags = [];
  for (let i = 0; i < 3; i++) tags.push((await client.dispatch({ dst: "/users" })).text);
  assert.ok(tags.includes(`tag ${held[0]?.tag}`), "given back with the response");
  assert.deepEqual(client.others, [], "the late response reached nobody");
});

test("the calls of a caller that goes away are cancelled at the endpoint", async (t) => {
  const users = await muxService(t, () => {});
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  for (let i = 0; i < 3; i++) void client.dispatch({ dst: "/users" });
  await users.when(() => users.count === 3);
  client.socket.destroy();
  await users.when(() => users.sessions[0]?.discarded.length === 3);
});

test("a nacked call goes to another endpoint; nacked by all, it is nacked to the caller", async (t) => {
  const nacks = await muxService(t, (call) => call.nack());
  const takes = await muxService(t, "taken ");
  const { proxy, disco } = await proxied(t, { users: [nacks.port, takes.port] });
  const client = await muxClient(t, proxy.port);
  for (let i = 0; i < 50; i++) {
    assert.equal((await client.dispatch({ dst: "/users", payload: `${i}` })).text, `taken ${i}`);
  }
  assert.ok(nacks.count > 0);
  assert.ok((await proxy.metric("rt/mux/client/#/io.l5d.fs/users/retries/requeues")) > 0);
  disco.set("only", [nacks.port]);
  const response = await client.dispatch({ dst: "/only" });
  assert.notEqual(response.status, 0);
  assert.match(response.text, /refused the call unprocessed/);
});

test("a nack whose flags forbid a retry is not retried", async (t) => {
  const flags = Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]); // rejected, and not restartable
  const users = await muxService(t, (call) => call.nack([["MuxFailure", flags]]));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  assert.equal((await client.dispatch({ dst: "/users" })).status, 1);
  assert.equal(users.count, 1);
});

test("an error of the endpoint is passed on as it is, and counted as its failure", async (t) => {
  const users = await muxService(t, (call) => call.error("no such user", [["why", "because"]]));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/users" });
  assert.deepEqual([response.status, response.text], [1, "no such user"]);
  assert.equal(response.contexts[0]?.[0], "why");
  assert.equal(users.count, 1, "never sent again");
  assert.equal(await proxy.metric("rt/mux/service/svc/users/failures"), 1);
});

test("a call without a route gets the name that was not found and why", async (t) => {
  const { proxy } = await proxied(t, {});
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/nobody" });
  assert.deepEqual([response.type, response.status], [-2, 1]);
  assert.match(response.text, /Unable to route request! No hosts are available for \/svc\/nobody/);
  assert.match(
    response.text,
    / {2}switchyard why http:\/\/127\.0\.0\.1:\d+ \/svc\/nobody --router mux/,
  );
  const old = await client.req("x");
  assert.deepEqual([old.type, old.status], [-1, 1]);
  assert.match(old.text, /Unable to route request!/);
});

test("a destination or dtab that cannot be read fails its call and nothing else", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const path = await client.dispatch({ dst: "no/path" });
  assert.match(path.text, /Unknown destination.*not a path/);
  const dtab = await client.dispatch({ dst: "/users", dtab: [["/a", "=>"]] });
  assert.match(dtab.text, /Unknown destination.*dtab of the call cannot be read/);
  assert.equal((await client.dispatch({ dst: "/users", payload: "ok" })).text, "ok");
});

test("a call to an endpoint that does not listen can be sent again", async (t) => {
  const { proxy } = await proxied(t, { dead: [await deadPort()] });
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/dead" });
  assert.notEqual(response.status, 0);
  assert.match(response.text, /refused the connection/);
  const [key, flags] = response.contexts[0] ?? ["", Buffer.alloc(8)];
  assert.equal(key, "MuxFailure");
  assert.ok(((flags.at(-1) ?? 0) & 2) !== 0, "rejected: no endpoint saw it");
});

test("long messages go in fragments both ways, when both sides know them", async (t) => {
  const users = await muxService(t, (call) => call.ok(call.payload), { maxFragment: 20_000 });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port, { maxFragment: 30_000 });
  const payload = randomBytes(500_000);
  const response = await client.dispatch({ dst: "/users", payload });
  assert.ok(response.payload.equals(payload));
  assert.equal(users.calls[0]?.pieces, Math.ceil(500_020 / 20_000));
  assert.equal(response.pieces, Math.ceil(500_003 / 30_000));
  assert.equal(users.sessions[0]?.clientFragment, 64 * 1024, "what the proxy asks for");
});

test("fragments are sent only to peers that asked for them", async (t) => {
  const users = await muxService(t, (call) => call.ok(call.payload), { maxFragment: null });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const payload = randomBytes(500_000);
  const response = await client.dispatch({ dst: "/users", payload });
  assert.ok(response.payload.equals(payload));
  assert.deepEqual([users.calls[0]?.pieces, response.pieces], [1, 1]);
});

test("a call in fragments is taken", async (t) => {
  const users = await muxService(t, (call) => call.ok(call.payload));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port, { maxFragment: 0x7fffffff });
  const body = dispatchBody({ dst: "/users", contexts: [["k", "v"]], payload: "in pieces" });
  const [first, second] = [client.responseTo(9), client.responseTo(10)];
  for (let at = 0; at < body.length; at += 3) {
    // Two messages, piece by piece in turns.
    const more = at + 3 < body.length ? 0x800000 : 0;
    client.send(2, 9 | more, body.subarray(at, at + 3));
    client.send(2, 10 | more, body.subarray(at, at + 3));
  }
  assert.equal((await first).text, "in pieces");
  assert.equal((await second).text, "in pieces");
  assert.deepEqual(users.calls[0]?.contexts, [["k", Buffer.from("v")]]);
});

test("a call that is discarded after its first fragment gets an Rdiscarded", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port, { maxFragment: 0x7fffffff });
  const response = client.responseTo(9);
  client.send(2, 9 | 0x800000, dispatchBody({ dst: "/users", payload: "the first piece" }));
  client.discard(9);
  assert.equal((await response).type, -66, "else its caller would keep the tag for ever");
  assert.equal((await client.dispatch({ dst: "/users", payload: "ok" }, 9)).text, "ok");
});

test("an endpoint that sends fragments of responses to a free tag is disconnected", async (t) => {
  const users = await muxService(t, (call) => {
    if (call.text === "ok") call.ok("ok");
    else call.session.send(-2, 77 | 0x800000, Buffer.alloc(1_000));
  });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/users", payload: "bad" });
  assert.match(response.text, /a fragment of a response to the tag 77, which is free/);
  assert.equal((await client.dispatch({ dst: "/users", payload: "ok" })).text, "ok");
});

test("a large response does not hold up small ones", async (t) => {
  const large = Buffer.alloc(9_000_000);
  const users = await muxService(t, (call) => call.ok(call.text === "large" ? large : "small"));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port, { maxFragment: 64 * 1024 });
  await client.dispatch({ dst: "/users" });
  client.socket.pause(); // so that the large response cannot go out immediately
  const slow = client.dispatch({ dst: "/users", payload: "large" });
  await until(
    () => proxy.metric("rt/mux/server/127.0.0.1/0/status/ok"),
    (count) => count === 2,
    "the large response is at the proxy",
  );
  let isLargeHere = false;
  void slow.then(() => (isLargeHere = true));
  const quick = client.dispatch({ dst: "/users" });
  await users.when(() => users.count === 3);
  client.socket.resume();
  await quick;
  assert.equal(isLargeHere, false, "the small response overtook the large one");
  assert.equal((await slow).payload.length, large.length);
});

test("an endpoint that drains gets no more calls, and those in progress end well", async (t) => {
  const held: MuxCall[] = [];
  const leaving = await muxService(t, (call) => void held.push(call));
  const { proxy, disco } = await proxied(t, { users: [leaving.port] });
  const client = await muxClient(t, proxy.port);
  const early = client.dispatch({ dst: "/users", payload: "early" });
  await leaving.when(() => held.length === 1);
  const [session] = leaving.sessions;
  leaving.stopListening();
  session?.drain();
  await leaving.when(() => session?.hasRdrain === true);
  const staying = await muxService(t, "from another: ");
  disco.set("users", [leaving.port, staying.port]);
  await until(
    () => client.dispatch({ dst: "/users", payload: "late" }),
    ({ text }) => text === "from another: late",
    "the new endpoint is known",
  );
  assert.equal(leaving.count, 1);
  held[0]?.ok("answered while draining");
  assert.equal((await early).text, "answered while draining");
  await leaving.when(() => session?.socket.destroyed === true);
});

test("a proxy that closes sends Tdrain, completes the calls it has, and nacks later ones", async (t) => {
  const held: MuxCall[] = [];
  const users = await muxService(t, (call) => void held.push(call));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const early = client.dispatch({ dst: "/users" });
  await users.when(() => held.length === 1);
  const closing = proxy.close(10_000);
  await client.when(() => client.others.some(({ type }) => type === 64));
  const late = await client.dispatch({ dst: "/users" });
  assert.equal(late.status, 2, "nacked");
  held[0]?.ok("in time");
  assert.equal((await early).text, "in time");
  await client.closed();
  await closing;
});

test("a proxy that waits no longer for calls tells their callers, and cancels them", async (t) => {
  const held: MuxCall[] = [];
  const users = await muxService(t, (call) => void held.push(call));
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const asked = [client.dispatch({ dst: "/users" }), client.dispatch({ dst: "/users" })];
  await users.when(() => held.length === 2);
  await proxy.close(0);
  for (const { status, text } of await Promise.all(asked)) {
    assert.equal(status, 1);
    assert.match(text, /the proxy is shutting down/);
  }
  await client.closed();
});

test("a proxy that closes does not wait for callers that know nothing of draining", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port, { acknowledges: false });
  await client.dispatch({ dst: "/users" });
  await proxy.close(60_000);
  await client.closed();
});

test("an endpoint that does not reply to pings is disconnected, and its calls fail", async (t) => {
  const users = await muxService(t, () => {}, { respondsToPings: false });
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    "  client: { pingIntervalMs: 50, pingTimeoutMs: 100 }\n",
  );
  const client = await muxClient(t, proxy.port);
  const response = await client.dispatch({ dst: "/users" });
  assert.equal(response.status, 1);
  assert.match(response.text, /did not reply to a ping within 100 ms/);
  await users.when(() => users.sessions[0]?.socket.destroyed === true);
});

test("an endpoint that replies to pings stays connected and is pinged again", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] }, "  client: { pingIntervalMs: 20 }\n");
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ dst: "/users" });
  await users.when(() => (users.sessions[0]?.pings ?? 0) >= 4);
  await client.dispatch({ dst: "/users" });
  assert.equal(users.sessions.length, 1);
});

test("a caller's ping gets its reply while calls are in progress", async (t) => {
  const users = await muxService(t, () => {});
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  void client.dispatch({ dst: "/users" });
  await client.ping();
  client.socket.destroy();
});

test("an endpoint whose lease is over gets no calls until it leases again", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ dst: "/users" });
  users.sessions[0]?.lease(0);
  await until(
    () => client.dispatch({ dst: "/users" }),
    ({ status }) => status !== 0,
    "the lease is over",
  );
  users.sessions[0]?.lease(60_000);
  await until(
    () => client.dispatch({ dst: "/users" }),
    ({ status }) => status === 0,
    "the lease is renewed",
  );
});

test("an endpoint that knows only Treq is spoken to so", async (t) => {
  const users = await muxService(t, "old ", { knowsDispatch: false, maxFragment: null });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const [a, b] = await Promise.all([
    client.dispatch({ dst: "/users", payload: "a" }),
    client.dispatch({ dst: "/users", payload: "b" }),
  ]);
  assert.deepEqual([a.type, a.text, b.text], [-2, "old a", "old b"]);
  assert.equal((await client.dispatch({ dst: "/users", payload: "c" })).text, "old c");
  assert.ok(users.calls.every(({ type }) => type === 1));
});

test("endpoints come and go under load, and no call is lost", async (t) => {
  const services = await Promise.all([0, 1, 2].map(() => muxService(t, "")));
  const ports = services.map(({ port }) => port);
  const { proxy, disco } = await proxied(t, { users: ports });
  const client = await muxClient(t, proxy.port);
  for (let round = 0; round < 30; round++) {
    disco.set(
      "users",
      ports.filter((_, i) => i !== round % 3),
    );
    const responses = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        client.dispatch({ dst: "/users", payload: `${round}/${i}` }),
      ),
    );
    responses.forEach(({ text }, i) => assert.equal(text, `${round}/${i}`));
  }
});

test("bytes that are no mux close their connection with a line in the log; others go on", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const good = await muxClient(t, proxy.port);
  const bad: readonly (readonly [Buffer, RegExp])[] = [
    [
      Buffer.from("7fffffff630000010000", "hex"),
      /a message of \d+ bytes, more than the 67108864 allowed/,
    ],
    [Buffer.from("ffffffff", "hex"), /a negative size/],
    [Buffer.from("00000003410000", "hex"), /too short for any/],
    [Buffer.from("0000000463000001", "hex"), /unknown type 99/],
    [Buffer.from("0000000c020000000000000000006869", "hex"), /a call with the tag 0/],
  ];
  for (const [bytes, why] of bad) {
    const client = await muxClient(t, proxy.port);
    client.socket.write(bytes);
    await client.closed();
    const event = proxy.events.findLast((each) => each["event"] === "caller disconnected");
    assert.match(String(event?.["why"]), why);
    assert.match(String(event?.["caller"]), /^127\.0\.0\.1:\d+$/);
    assert.equal((await good.dispatch({ dst: "/users", payload: "still" })).text, "still");
  }
  assert.equal(await proxy.metric("rt/mux/server/127.0.0.1/0/malformed"), bad.length);
});

test("a call that cannot be read fails alone: its session and its other calls continue", async (t) => {
  const users = await muxService(t, () => {});
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const other = client.dispatch({ dst: "/users", payload: "other" }, 9);
  await users.when(() => users.count === 1);
  const bad: readonly (readonly [type: number, body: string, RegExp])[] = [
    [2, "0000", /^a Tdispatch whose destination is cut short$/],
    [1, "80", /^a Treq with too many keys$/],
  ];
  for (const [type, body, why] of bad) {
    const response = client.responseTo(4);
    client.send(type, 4, Buffer.from(body, "hex"));
    const { status, text } = await response;
    assert.equal(status, 1);
    assert.match(text, why);
  }
  users.calls[0]?.ok("still here");
  assert.equal((await other).text, "still here");
  assert.equal(await proxy.metric("rt/mux/server/127.0.0.1/0/malformed"), bad.length);
});

test("an Rdrain without a Tdrain gets an Rerr, and the session continues", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  client.socket.write(Buffer.from("00000004c0000001", "hex"));
  assert.equal((await client.dispatch({ dst: "/users", payload: "on" })).text, "on");
  const [response] = client.others;
  assert.equal(response?.type, 127);
  assert.equal(response.body.toString(), "Unexpected mux message type -64");
});

test("a tag that is used twice ends the session with an Rerr for each call", async (t) => {
  const users = await muxService(t, () => {});
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const [first, other] = [
    client.dispatch({ dst: "/users" }, 4),
    client.dispatch({ dst: "/users" }, 5),
  ];
  await users.when(() => users.count === 2);
  client.send(2, 4, dispatchBody({ dst: "/users" }));
  for (const response of await Promise.all([first, other])) assert.equal(response.type, 127);
  await client.closed();
});

test("a session is negotiated as Finagle does it, and without the first question, too", async (t) => {
  const { proxy } = await proxied(t, {});
  const client = await muxClient(t, proxy.port);
  const check = client.responseTo(1);
  client.send(127, 1, "tinit check");
  assert.equal((await check).payload.toString(), "tinit check");
  const rinit = client.responseTo(1);
  client.send(68, 1, initBody(1_000));
  const { type, payload } = await rinit;
  assert.equal(type, -68);
  assert.match(payload.toString("latin1"), /^\0\x01.*mux-framer.*tls/s);
  const unknown = client.responseTo(3);
  client.send(-68, 3);
  assert.match((await unknown).text, /Unexpected mux message type -68/);
  const old = await muxClient(t, proxy.port);
  const refusal = old.responseTo(1);
  old.send(68, 1, Buffer.from([0, 2]));
  assert.equal((await refusal).text, "Unsupported Mux version: 2");
  await old.closed();
});

test("calls beyond maxOutstanding are nacked, and pings still get their replies", async (t) => {
  const users = await muxService(t, () => {});
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    "  servers: [{ port: 0, maxOutstanding: 10, maxHeldKB: 50 }]\n",
  );
  const client = await muxClient(t, proxy.port);
  for (let i = 0; i < 10; i++) void client.dispatch({ dst: "/users" });
  const refused = await client.dispatch({ dst: "/users" });
  assert.equal(refused.status, 2);
  assert.match(refused.text, /10 calls of this connection are in progress/);
  const other = await muxClient(t, proxy.port);
  void other.dispatch({ dst: "/users", payload: Buffer.alloc(40_000) });
  const large = await other.dispatch({ dst: "/users", payload: Buffer.alloc(40_000) });
  assert.equal(large.status, 2);
  assert.match(large.text, /maxHeldKB/);
  await client.ping();
  client.socket.destroy();
  other.socket.destroy();
});

test("ten thousand calls wait in little memory", async (t) => {
  const users = await muxService(t, (call) => {
    if (call.text === "warm") call.ok("");
  });
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ dst: "/users", payload: "warm" }, 100_000);
  const before = process.memoryUsage();
  for (let i = 0; i < 10_000; i++) {
    client.send(2, i + 2, dispatchBody({ dst: "/users", payload: "x".repeat(64) }));
  }
  await users.when(() => users.count === 10_001);
  const after = process.memoryUsage();
  const grownMib = (after.rss - before.rss) / 2 ** 20;
  // The caller's and the service's share are in it as well: they live in this process.
  assert.ok(grownMib < 120, `${grownMib.toFixed(1)} MiB`);
  assert.equal(users.sessions.length, 1);
  client.socket.destroy();
});

test("a caller that reads its responses is not disconnected, however many come together", async (t) => {
  const users = await muxService(t, (call) => call.ok(Buffer.alloc(300)));
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    "  servers: [{ port: 0, maxUnsentKB: 16 }]\n",
  );
  const client = await muxClient(t, proxy.port);
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 200 }, () => client.dispatch({ dst: "/users" }));
    await Promise.all(calls);
  }
  assert.equal(users.count, 4_000);
});

/** A caller that reads nothing, and for which responses of 20 MB wait at the proxy. */
async function deafCaller(t: TestContext, maxUnsentKB: number) {
  const users = await muxService(t, (call) => call.ok(Buffer.alloc(100_000)));
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    `  servers: [{ port: 0, maxUnsentKB: ${maxUnsentKB} }]\n`,
  );
  const client = await muxClient(t, proxy.port);
  client.socket.pause();
  for (let i = 0; i < 200; i++) void client.dispatch({ dst: "/users" });
  const answered = "rt/mux/server/127.0.0.1/0/status/ok";
  return { users, proxy, client, answered };
}

test("a caller that does not read its responses is read no further until it does", async (t) => {
  const { users, proxy, client, answered } = await deafCaller(t, 40_960);
  await until(
    () => proxy.metric(answered),
    (count) => count === 200,
    "all were answered",
  );
  for (let i = 0; i < 50; i++) void client.dispatch({ dst: "/users" });
  for (let i = 0; i < 20; i++) await proxy.metric(answered); // time enough to read them
  assert.equal(users.count, 200);
  client.socket.resume();
  await client.when(() => client.outstanding === 0);
  assert.equal(users.count, 250);
});

test("a caller that reads no responses at all is disconnected when too many wait", async (t) => {
  const { proxy, client } = await deafCaller(t, 8_192);
  const event = await until(
    () => proxy.events.filter((each) => each["event"] === "caller disconnected"),
    (events) => events.length > 0,
    "disconnected",
  );
  assert.equal(event.length, 1);
  assert.match(String(event[0]?.["why"]), /does not read its responses: \d+ bytes wait/);
  client.socket.destroy();
});

test("each call is a line in the access log", async (t) => {
  const folder = testFolder(t);
  const users = await muxService(t, "hello ");
  const log = join(folder.path, "mux.log");
  const { proxy } = await proxied(t, { users: [users.port] }, `  muxAccessLog: ${log}\n`);
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ dst: "/users", payload: "world" });
  await client.dispatch({ dst: "/nobody" });
  client.socket.destroy();
  await proxy.close(0);
  const [good = "", bad = "", ...more] = readFileSync(log, "utf8").split("\n");
  assert.deepEqual(more, [""]);
  const time = String.raw`[\d:.TZ-]+ 127\.0\.0\.1:\d+`;
  const times = String.raw`\d+\.\d{3}`;
  assert.match(
    good,
    new RegExp(`^${time} /svc/users "Tdispatch /users" ok 5 11 ${times} 127.0.0.1:${users.port}$`),
  );
  assert.match(bad, new RegExp(`^${time} /svc/nobody "Tdispatch /nobody" error:unbound 0 \\d+`));
});

test("sessions that are idle for too long are ended, on both sides, and the next call opens one", async (t) => {
  const users = await muxService(t, "");
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    `  servers: [{ port: 0, serverSession: { idleTimeMs: 100 } }]
  client: { clientSession: { idleTimeMs: 50 } }\n`,
  );
  const client = await muxClient(t, proxy.port);
  await client.dispatch({ dst: "/users" });
  await users.when(() => users.sessions[0]?.socket.destroyed === true);
  await client.closed();
  assert.ok(
    client.others.some(({ type }) => type === 64),
    "with a Tdrain",
  );
  const next = await muxClient(t, proxy.port);
  assert.equal((await next.dispatch({ dst: "/users", payload: "again" })).text, "again");
  assert.equal(users.sessions.length, 2);
});

test("sessions that are old are replaced while calls are in progress", async (t) => {
  const held: MuxCall[] = [];
  const users = await muxService(t, (call) => {
    if (call.text === "hold") held.push(call);
    else call.ok(call.text);
  });
  const { proxy } = await proxied(
    t,
    { users: [users.port] },
    `  servers: [{ port: 0, serverSession: { lifeTimeMs: 100 } }]
  client: { clientSession: { lifeTimeMs: 50 } }\n`,
  );
  const client = await muxClient(t, proxy.port);
  const slow = client.dispatch({ dst: "/users", payload: "hold" });
  await users.when(() => held.length === 1);
  await until(
    async () => {
      const other = await muxClient(t, proxy.port);
      return other.dispatch({ dst: "/users", payload: "quick" });
    },
    ({ text }) => text === "quick" && users.sessions.length >= 2,
    "a second session",
  );
  await client.when(() => client.others.some(({ type }) => type === 64));
  held[0]?.ok("in the end");
  assert.equal((await slow).text, "in the end");
  await client.closed();
  await users.when(() => users.sessions[0]?.socket.destroyed === true);
});
