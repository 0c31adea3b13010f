// What callers, and whoever can make them send something, cannot do: docs/security.md.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { service } from "../support/service.ts";
import { binary, framed, read, readMessages, textResult } from "../support/thrift-bytes.ts";

const httpRouter = `
    routers:
    - protocol: http
      errorDetail: full
      dtab: |
        /inet => /$/inet ;
        /host => /$/io.buoyant.hostportPfx/inet ;
      servers: [{ port: 0 }]`;

for (const host of [
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "0.0.0.0",
  "0",
  "localhost",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
]) {
  test(`a caller's dtab does not lead to the admin server as ${host}`, async (t) => {
    const proxy = await startProxy(t, httpRouter);
    const headers = {
      Host: `localhost:${proxy.adminPort}`,
      "l5d-dtab": `/svc => /$/inet/${host}/${proxy.adminPort}`,
    };
    const { status, body } = await ask(proxy.port, "/admin/ping", headers);
    assert.ok(status >= 500, `${status} ${body}`);
    assert.match(body, /is the admin server of this proxy, which no name may lead to/);
    assert.doesNotMatch(
      body,
      /discovery has not located|bindingTimeoutMs/,
      "waiting does not help",
    );
  });
}

test("neither does a Host that the router's own dtab takes for an address", async (t) => {
  const proxy = await startProxy(t, httpRouter.replace("/host =>", "/svc =>"));
  const headers = { Host: `127.0.0.1:${proxy.adminPort}` };
  const { status, body } = await ask(proxy.port, "/admin/heap?snapshot=1", headers, "POST");
  assert.ok(status >= 500, `${status} ${body.slice(0, 100)}`);
  assert.match(body, /is the admin server of this proxy/);
});

test("neither does discovery, whose other addresses still take the calls", async (t) => {
  const web = await service(t, "web");
  const { rootDir, set } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      errorDetail: full
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  set("web", [web.port, proxy.adminPort]);
  set("evil", [proxy.adminPort]);
  for (let i = 0; i < 20; i++) {
    assert.equal((await ask(proxy.port, "/admin/ping", { Host: "web" })).body, "web");
  }
  const { body } = await ask(proxy.port, "/admin/ping", { Host: "evil" });
  assert.match(body, /is the admin server of this proxy/);
});

test("the admin server refuses what came through another proxy", async (t) => {
  const guarded = await startProxy(t, httpRouter);
  const other = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${guarded.adminPort}
      servers: [{ port: 0 }]`,
  );
  const headers = { Host: "localhost" };
  const { status, body } = await ask(other.port, "/admin/shutdown", headers, "POST");
  assert.equal(status, 403);
  assert.match(body, /came through a proxy/);
});

test("a router's name does not lead to its own server, unless the file allows it", async (t) => {
  const strict = await startProxy(t, httpRouter);
  const toItself = (proxy: TestProxy) =>
    ask(proxy.port, "/", { Host: "x", "l5d-ctx-dtab": `/svc => /inet/127.1/${proxy.port}` });
  const refused = await toItself(strict);
  assert.ok(refused.status >= 500);
  assert.match(refused.body, /is a server of the router http itself.*allowSelfCalls: true/);
  const lax = await startProxy(
    t,
    httpRouter.replace(
      "[{ port: 0 }]",
      "[{ port: 0, maxCallDepth: 5 }]\n      allowSelfCalls: true",
    ),
  );
  const { status, body } = await toItself(lax);
  assert.ok(status >= 400 && !body.includes("allowSelfCalls"), body);
  assert.match(body, /number of calls \(5\) has been exceeded/);
});

/** A router whose callers may only lead names to names; `/good` is a service. */
function namesOnly(t: TestContext, protocol: string, port: number) {
  return startProxy(
    t,
    `
    routers:
    - protocol: ${protocol}
      callerDtab: names
      dtab: /good => /$/inet/127.1/${port}
      servers: [{ port: 0 }]`,
  );
}

const address = (port: number) => `/$/inet/127.0.0.1/${port}`;
const refusal = /leads to \/\$\/inet\/127\.0\.0\.1\/\d+, but callers of this server may only/;

test("http: a caller's dtab leads to names only", async (t) => {
  const web = await service(t, "web");
  const proxy = await namesOnly(t, "http", web.port);
  const headers = { Host: "other" };
  for (const header of ["l5d-dtab", "l5d-ctx-dtab"]) {
    const good = { ...headers, [header]: "/svc/other => /good" };
    assert.equal((await ask(proxy.port, "/", good)).body, "web");
    const bad = { ...headers, [header]: `/svc/other => ${address(web.port)}` };
    const { status, body } = await ask(proxy.port, "/", bad);
    assert.equal(status, 400);
    assert.match(body, refusal);
    assert.match(body, /permit this one with the router's key callerDtab/);
    assert.doesNotMatch(body, /identifier/);
  }
  assert.equal(web.count, 2);
  const size = `rt/http/server/127.0.0.1/0/dtab/size`;
  assert.equal(await proxy.metric(`${size}.count`), 4);
  assert.equal(await proxy.metric(`${size}.max`), 1);
});

test("mux: a call that was led to the admin server is not nacked, since no further attempt succeeds", async (t) => {
  const proxy = await startProxy(t, httpRouter.replace("protocol: http", "protocol: mux"));
  const caller = await muxClient(t, proxy.port);
  const response = await caller.dispatch({
    dst: "/web",
    dtab: [["/svc/web", address(proxy.adminPort)]],
    payload: "hi",
  });
  assert.equal(response.status, 1, "an error; 2 would be a nack");
  assert.match(response.text, /is the admin server of this proxy/);
});

test("mux: a caller's dtab leads to names only", async (t) => {
  const echo = await muxService(t, "echo ");
  const proxy = await namesOnly(t, "mux", echo.port);
  const caller = await muxClient(t, proxy.port);
  const call = (to: string) =>
    caller.dispatch({ dst: "/other", dtab: [["/svc/other", to]], payload: "hi" });
  assert.equal((await call("/good")).text, "echo hi");
  const refused = await call(address(echo.port));
  assert.match(refused.text, refusal);
  assert.equal(echo.count, 1);
});

const upgrade = binary({ method: "__can__finagle__trace__v3__", seqid: 0 });
const string = (id: number, value: string): Buffer => {
  const head = Buffer.from([11, 0, id, 0, 0, 0, 0]);
  head.writeInt32BE(Buffer.byteLength(value), 3);
  return Buffer.concat([head, Buffer.from(value)]);
};
/** A TTwitter RequestHeader with one delegation. */
const delegation = (source: string, to: string): Buffer =>
  Buffer.concat([
    Buffer.from([15, 0, 10, 12, 0, 0, 0, 1]),
    string(1, source),
    string(2, to),
    Buffer.of(0, 0),
  ]);

for (const protocol of ["thrift", "thriftmux"]) {
  test(`${protocol}: the delegations of a TTwitter caller lead to names only`, async (t) => {
    const calls: string[] = [];
    const endpoint = await thriftEndpoint(t, calls);
    const proxy = await namesOnly(t, protocol, endpoint);
    const caller = rawCaller(t, proxy.port);
    caller.send(framed(upgrade));
    await frame(caller);
    const call = async (to: string) => {
      const message = binary({ method: "ping", seqid: 1 });
      caller.send(framed(Buffer.concat([delegation("/svc", to), message])));
      return frame(caller);
    };
    assert.match(await call(address(endpoint)), refusal);
    assert.deepEqual(calls, []);
    assert.match(await call("/good"), /did ping/);
    assert.deepEqual(calls, ["ping"]);
  });
}

async function frame(caller: ReturnType<typeof rawCaller>): Promise<string> {
  const length = Buffer.from(await caller.bytes(4), "latin1").readInt32BE(0);
  return caller.bytes(length);
}

async function thriftEndpoint(t: TestContext, calls: string[]): Promise<number> {
  const reply = (message: Buffer): Buffer => {
    const { method, seqid } = read(message);
    calls.push(method);
    return binary({ method, seqid, type: 2, body: textResult(`did ${method}`) });
  };
  const server = createServer((socket) => {
    socket.on("error", () => {}); // the proxy closes it at the test's end
    readMessages(socket, (message) => socket.write(framed(reply(message))));
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  return typeof at === "object" && at !== null ? at.port : assert.fail("not listening");
}
