// Faults that were injected, as callers of Thrift and mux and readers of access logs see them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { readHeaderFrame } from "../../protocols/thrift/codec/theader.ts";
import { testFolder } from "../support/folder.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import type { RawPeer } from "../support/raw.ts";
import { ask } from "../support/http-request.ts";
import { service } from "../support/service.ts";
import { binary, framed, read, textResult } from "../support/thrift-bytes.ts";

const delays = "faults: { enabled: true, delayMs: 2, delayPercent: 100 }";
const aborts = "faults: { enabled: true, abortPercent: 100 }";

/** A router in front of one port; `lines` are further keys of it. */
function proxied(
  t: TestContext,
  protocol: string,
  port: number,
  client: string,
  lines: readonly string[] = [],
) {
  return startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client: { ${client} }
${lines.map((line) => `  ${line}\n`).join("")}`,
  );
}

async function frame(peer: RawPeer): Promise<Buffer> {
  const prefix = await peer.bytes(4);
  const length = Buffer.from(prefix, "latin1").readInt32BE();
  return Buffer.from(await peer.bytes(length), "latin1");
}

const call = binary({ method: "get", seqid: 7 });
const reply = binary({ method: "get", seqid: 7, type: 2, body: textResult("got") });

/** A Thrift endpoint that answers each frame by one that is `answer` of its contents. */
const endpoint = (t: TestContext, answer: (bytes: Buffer) => Buffer = () => reply) =>
  rawEndpoint(t, async (peer) => {
    while (!peer.hasEnded && !peer.isClosed) {
      const bytes = await frame(peer).catch(() => null);
      if (bytes !== null) peer.send(framed(answer(bytes)));
    }
  });

const told = (contexts: readonly (readonly [string, Buffer])[]) =>
  contexts.map(([key, value]) => [key, value.toString()]);

test("a mux answer that a fault touched tells of it in a context, behind those of the service", async (t) => {
  const users = await muxService(t, (each) => each.ok("hello", [["own", "context"]]));
  const proxy = await proxied(t, "mux", users.port, delays);
  const client = await muxClient(t, proxy.port);
  const answer = await client.dispatch({ dst: "/users", payload: "x" });
  assert.deepEqual([answer.status, answer.text], [0, "hello"]);
  assert.deepEqual(told(answer.contexts), [
    ["own", "context"],
    ["l5d-fault", "delay 2"],
  ]);
});

test("a mux call that a fault broke gets a response that names the fault, in the text and in a context", async (t) => {
  const users = await muxService(t, "");
  const proxy = await proxied(t, "mux", users.port, aborts, ["errorDetail: none"]);
  const client = await muxClient(t, proxy.port);
  const broken = await client.dispatch({ dst: "/users" });
  assert.equal(broken.status, 1);
  assert.match(broken.text, /^l5d-fault: abort$/m);
  assert.deepEqual(told(broken.contexts), [["l5d-fault", "abort"]]);
  const old = await client.req("x");
  assert.match(old.text, /^l5d-fault: abort$/m, "an Rreq has no contexts: the text has to do");
});

test("a Treq that a fault delayed gets a response as if it were not: an Rreq has no contexts", async (t) => {
  const users = await muxService(t, "hello ");
  const proxy = await proxied(t, "mux", users.port, delays);
  const client = await muxClient(t, proxy.port);
  const answer = await client.req("old");
  assert.deepEqual([answer.type, answer.status, answer.text], [-1, 0, "hello old"]);
});

for (const isMux of [true, false]) {
  const name = isMux ? "ThriftMux" : "plain Thrift";
  test(`a mux caller of ThriftMux reads of faults in a context, with ${name} endpoints`, async (t) => {
    const calc = isMux
      ? await muxService(t, (each) => each.ok(reply, [["own", "context"]]))
      : await endpoint(t);
    const proxy = await proxied(t, "thriftmux", calc.port, `thriftMux: ${isMux}, ${delays}`);
    const client = await muxClient(t, proxy.port);
    const answer = await client.dispatch({ payload: call });
    assert.deepEqual([answer.status, answer.payload], [0, reply]);
    const own = isMux ? [["own", "context"]] : [];
    assert.deepEqual(told(answer.contexts), [...own, ["l5d-fault", "delay 2"]]);
  });
}

test("an exception in a ThriftMux answer names the fault, and so does a context", async (t) => {
  const calc = await endpoint(t);
  const proxy = await proxied(t, "thriftmux", calc.port, aborts);
  const client = await muxClient(t, proxy.port);
  const broken = await client.dispatch({ payload: call });
  assert.equal(read(broken.payload).type, 3);
  assert.match(broken.text, /^l5d-fault: abort$/m);
  assert.deepEqual(told(broken.contexts), [["l5d-fault", "abort"]]);
});

const upgrade = binary({ method: "__can__finagle__trace__v3__", seqid: 0 });
const agreed = binary({ method: "__can__finagle__trace__v3__", seqid: 0, type: 2 });
const emptyHeader = Buffer.of(0);

/** A ResponseHeader (binary) with these contexts. */
function responseHeader(contexts: readonly (readonly [string, string])[]): Buffer {
  const text = (id: number, value: string) =>
    Buffer.concat([Buffer.of(11, 0, id, 0, 0, 0, value.length), Buffer.from(value)]);
  const structs = contexts.map(([key, value]) =>
    Buffer.concat([text(1, key), text(2, value), Buffer.of(0)]),
  );
  const head = Buffer.of(15, 0, 2, 12, 0, 0, 0, contexts.length);
  return Buffer.concat([head, ...structs, Buffer.of(0)]);
}

test("an upgraded caller reads of faults in the ResponseHeader of its response", async (t) => {
  const proxy = await proxied(t, "thrift", (await endpoint(t)).port, delays);
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(upgrade));
  assert.deepEqual(await frame(caller), agreed);
  caller.send(framed(Buffer.concat([emptyHeader, call])));
  const header = responseHeader([["l5d-fault", "delay 2"]]);
  assert.deepEqual(await frame(caller), Buffer.concat([header, reply]));
});

test("the contexts of an upgraded endpoint stay beside the fault", async (t) => {
  const own = responseHeader([["own", "context"]]);
  const calc = await endpoint(t, (bytes) => {
    return bytes.equals(upgrade) ? agreed : Buffer.concat([own, reply]);
  });
  const client = `attemptTTwitterUpgrade: true, ${delays}`;
  const proxy = await proxied(t, "thrift", calc.port, client);
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(upgrade));
  await frame(caller);
  caller.send(framed(Buffer.concat([emptyHeader, call])));
  const both = responseHeader([
    ["own", "context"],
    ["l5d-fault", "delay 2"],
  ]);
  assert.deepEqual(await frame(caller), Buffer.concat([both, reply]));
});

/** A THeader frame's contents: binary, no transforms, one field a=b. */
const theader = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.from("0fff00000000000900020000010101610162", "hex"), message]);

test("a caller with THeader reads of faults beside the fields of the service", async (t) => {
  const calc = await endpoint(t, () => theader(reply));
  const proxy = await proxied(t, "thrift", calc.port, delays, ["thriftTransport: header"]);
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(theader(call)));
  const answer = framed(await frame(caller));
  const header = readHeaderFrame(answer);
  if (typeof header === "string") return assert.fail(header);
  assert.deepEqual(Object.fromEntries(header.fields), { "l5d-fault": "delay 2", a: "b" });
  assert.equal(header.seqid, 9);
  return assert.deepEqual(answer.subarray(header.messageAt), reply);
});

test("a plain Thrift answer is the service's bytes; an exception names the fault", async (t) => {
  const calc = await endpoint(t);
  const slow = await proxied(t, "thrift", calc.port, delays);
  const caller = rawCaller(t, slow.port);
  caller.send(framed(call));
  assert.deepEqual(await frame(caller), reply);
  const bad = await proxied(t, "thrift", calc.port, aborts, ["errorDetail: none"]);
  const unlucky = rawCaller(t, bad.port);
  unlucky.send(framed(call));
  const exception = read(await frame(unlucky));
  assert.deepEqual([exception.type, exception.seqid], [3, 7]);
  assert.match(exception.body.toString("latin1"), /l5d-fault: abort/);
});

test("the line of a call in an access log says which faults it met, and other lines nothing", async (t) => {
  const { path } = testFolder(t);
  const web = await service(t, "web");
  const calc = await endpoint(t);
  const users = await muxService(t, "");
  const log = (name: string) => join(path, name);
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  httpAccessLog: ${log("http")}
  dtab: /svc => /$/inet/127.0.0.1/${web.port} ;
  client: { faults: { delayMs: 2, delayPercent: 100 } }
  servers: [{ port: 0 }]
- protocol: mux
  muxAccessLog: ${log("mux")}
  dtab: /svc => /$/inet/127.0.0.1/${users.port} ;
  client: { faults: { delayMs: 2, delayPercent: 100 } }
  servers: [{ port: 0 }]
- protocol: thrift
  thriftAccessLog: ${log("thrift")}
  dtab: /svc => /$/inet/127.0.0.1/${calc.port} ;
  client: { faults: { delayMs: 2, delayPercent: 100 } }
  servers: [{ port: 0 }]
- protocol: thriftmux
  thriftAccessLog: ${log("thriftmux")}
  thriftAccessLogFormat: json
  dtab: /svc => /$/inet/127.0.0.1/${calc.port} ;
  client: { faults: { delayMs: 2, delayPercent: 100 } }
  servers: [{ port: 0 }]`,
  );
  const mux = await muxClient(t, proxy.portOf("mux"));
  const thriftmux = await muxClient(t, proxy.portOf("thriftmux"));
  const thrift = rawCaller(t, proxy.portOf("thrift"));
  const oneOfEach = async () => {
    await ask(proxy.portOf("http"), "/", { Host: "web" });
    await mux.dispatch({ dst: "/users" });
    await thriftmux.dispatch({ payload: call });
    thrift.send(framed(call));
    await frame(thrift);
  };
  await oneOfEach();
  const body = "enabled=true";
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  await fetch(`http://127.0.0.1:${proxy.adminPort}/faults.json`, { method: "POST", headers, body });
  await oneOfEach();
  await proxy.close(0);
  const lines = (name: string) => readFileSync(log(name), "utf8").trimEnd().split("\n");
  for (const name of ["http", "mux", "thrift"]) {
    const [untouched = "", touched = ""] = lines(name);
    assert.doesNotMatch(untouched, /l5d-fault/);
    assert.match(touched, /[\d"] l5d-fault="delay 2"$/);
  }
  const faults = lines("thriftmux").map((line) => (JSON.parse(line) as { fault: unknown }).fault);
  assert.deepEqual(faults, [null, "delay 2"]);
});
