// A mux message that is longer than maxFrameKB fails its own call, on either side, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { discovery } from "../support/discovery.ts";
import { dispatchBody, muxClient, muxService } from "../support/mux-peer.ts";
import type { MuxCall } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";

const tooLong = Buffer.alloc(1_200 * 1024, "x");
const tag = 9;

async function proxied(t: TestContext, port: number) {
  const disco = discovery(t, { users: [port] });
  return startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers:
- protocol: mux
  maxFrameKB: 1024
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]`,
  );
}

/** A caller with another call in progress, which must not notice anything. */
async function withCallInProgress(t: TestContext) {
  let other: MuxCall | null = null;
  const users = await muxService(t, (call) => {
    if (call.text === "wait") other = call;
    else call.ok(call.text);
  });
  const proxy = await proxied(t, users.port);
  const client = await muxClient(t, proxy.port, { maxFragment: 0x7fffffff });
  const response = client.dispatch({ dst: "/users", payload: "wait" });
  await users.when(() => other !== null);
  const finishes = async () => {
    other?.ok("not noticed");
    assert.equal((await response).text, "not noticed");
  };
  return { users, proxy, client, finishes };
}

for (const isFragmented of [false, true]) {
  const how = isFragmented ? "in fragments" : "in one piece";
  test(`a call that is too long ${how} gets an error; its tag and its session stay usable`, async (t) => {
    const { users, proxy, client, finishes } = await withCallInProgress(t);
    const body = dispatchBody({ dst: "/users", payload: tooLong });
    const response = client.responseTo(tag);
    const pieceBytes = isFragmented ? 64 * 1024 : body.length;
    for (let at = 0; at < body.length; at += pieceBytes) {
      const more = at + pieceBytes < body.length ? 0x800000 : 0;
      client.send(2, tag | more, body.subarray(at, at + pieceBytes));
    }
    const { status, text } = await response;
    assert.equal(status, 1);
    assert.match(text, /more than (?:the )?1048576 (?:bytes|allowed) \(maxFrameKB\)/);
    assert.equal((await client.dispatch({ dst: "/users", payload: "short" }, tag)).text, "short");
    await finishes();
    assert.equal(users.count, 2, "the long call reached no endpoint");
    assert.equal(await proxy.metric("rt/mux/server/127.0.0.1/0/malformed"), 0);
  });
}

test("a call that is too long and discarded halfway gets an Rdiscarded", async (t) => {
  const { client, finishes } = await withCallInProgress(t);
  const response = client.responseTo(tag);
  for (let sent = 0; sent < tooLong.length; sent += 100_000) {
    client.send(2, tag | 0x800000, tooLong.subarray(sent, sent + 100_000));
  }
  client.discard(tag);
  assert.equal((await response).type, -66);
  assert.equal((await client.dispatch({ dst: "/users", payload: "next" }, tag)).text, "next");
  await finishes();
});

for (const maxFragment of [null, 0x7fffffff]) {
  const how = maxFragment === null ? "in one piece" : "in fragments";
  test(`a response that is too long ${how} fails its call; the endpoint's session continues`, async (t) => {
    let other: MuxCall | null = null;
    const users = await muxService(
      t,
      (call) => {
        if (call.text === "wait") other = call;
        else call.ok(call.text === "long" ? tooLong : call.text);
      },
      { maxFragment },
    );
    const proxy = await proxied(t, users.port);
    const [one, two] = [await muxClient(t, proxy.port), await muxClient(t, proxy.port)];
    const waiting = two.dispatch({ dst: "/users", payload: "wait" });
    await users.when(() => other !== null);
    const { status, text } = await one.dispatch({ dst: "/users", payload: "long" });
    assert.equal(status, 1);
    assert.match(text, /more than (?:the )?1048576 (?:bytes|allowed) \(maxFrameKB\)/);
    assert.equal((await one.dispatch({ dst: "/users", payload: "short" })).text, "short");
    (other as MuxCall | null)?.ok("not noticed");
    assert.equal((await waiting).text, "not noticed");
    assert.equal(users.sessions.length, 1, "one session served them all");
    assert.deepEqual(users.sessions[0]?.discarded.length, maxFragment === null ? 0 : 1);
  });
}

test("a response that cannot be read fails its call; the endpoint's session continues", async (t) => {
  const users = await muxService(t, (call) => {
    if (call.text === "bad") call.session.send(-2, call.tag, Buffer.from([7]));
    else call.ok(call.text);
  });
  const proxy = await proxied(t, users.port);
  const client = await muxClient(t, proxy.port);
  const { status, text } = await client.dispatch({ dst: "/users", payload: "bad" });
  assert.equal(status, 1);
  assert.match(text, /a response with the unknown status 7/);
  assert.equal((await client.dispatch({ dst: "/users", payload: "good" })).text, "good");
  assert.equal(users.sessions.length, 1);
});
