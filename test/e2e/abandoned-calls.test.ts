// Callers of HTTP, Thrift, ThriftMux and mux that leave while their call is in progress.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { frameBytes, dispatchBody } from "../../demo/mux/message.ts";
import { testFolder } from "../support/folder.ts";
import { muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import type { RawPeer } from "../support/raw.ts";
import { binary, framed } from "../support/thrift-bytes.ts";
import { until } from "../support/until.ts";

const message = binary({ method: "get", seqid: 7 });
const reply = binary({ method: "get", seqid: 7, type: 2 });
const theader = Buffer.from("0fff000000000009000100000000", "hex");
const dispatch = frameBytes(2, 5, dispatchBody({ payload: message }));

/** An endpoint that gets one call and responds when told to. */
interface SlowEndpoint {
  readonly port: number;
  /** Resolves when the endpoint has the call. */
  called(): Promise<void>;
  respond(): void;
  /** Resolves when the endpoint is told that nobody awaits its response. */
  told(): Promise<void>;
}

async function plainEndpoint(t: TestContext, request: Buffer, response: Buffer) {
  const endpoint = await rawEndpoint(t);
  let peer: RawPeer | null = null;
  return {
    port: endpoint.port,
    async called() {
      peer = await endpoint.accepted();
      await peer.bytes(request.length);
    },
    respond: () => peer?.send(response),
    told: async () => void (await peer?.rest()),
  };
}

async function muxEndpoint(t: TestContext): Promise<SlowEndpoint> {
  const service = await muxService(t, () => {});
  return {
    port: service.port,
    called: () => service.when(() => service.count === 1),
    respond: () => service.calls[0]?.ok(reply),
    told: () => service.when(() => service.sessions[0]?.discarded.length === 1),
  };
}

interface Way {
  readonly name: string;
  readonly protocol: string;
  readonly keys: string;
  readonly server?: string;
  /** What the caller sends. */
  readonly call: Buffer;
  endpoint(t: TestContext): Promise<SlowEndpoint>;
  /** In the access log. */
  readonly status: RegExp;
}

const inHeader = framed(Buffer.concat([theader, message]));
const cancelled = / cancelled /;

const httpRequest = Buffer.from("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
const httpPost = Buffer.from(
  "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
);
const httpResponse = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${reply.length}\r\n\r\n`),
  reply,
]);

const ways: readonly Way[] = [
  {
    name: "http",
    protocol: "http",
    keys: "httpAccessLog: LOG",
    call: httpRequest,
    endpoint: (t) => plainEndpoint(t, httpRequest, httpResponse),
    status: /"GET \/ HTTP\/1\.1" 499 - /,
  },
  {
    name: "http, with a body",
    protocol: "http",
    keys: "httpAccessLog: LOG",
    call: httpPost,
    endpoint: (t) => plainEndpoint(t, httpPost, httpResponse),
    status: /"POST \/ HTTP\/1\.1" 499 - /,
  },
  {
    name: "thrift, framed",
    protocol: "thrift",
    keys: "thriftAccessLog: LOG",
    call: framed(message),
    endpoint: (t) => plainEndpoint(t, framed(message), framed(reply)),
    status: cancelled,
  },
  {
    name: "thrift, buffered",
    protocol: "thrift",
    keys: "thriftAccessLog: LOG\n  client: { thriftFramed: false }",
    server: "thriftFramed: false",
    call: message,
    endpoint: (t) => plainEndpoint(t, message, reply),
    status: cancelled,
  },
  {
    name: "thrift, THeader",
    protocol: "thrift",
    keys: "thriftAccessLog: LOG\n  thriftTransport: header",
    call: inHeader,
    endpoint: (t) => plainEndpoint(t, inHeader, framed(Buffer.concat([theader, reply]))),
    status: cancelled,
  },
  {
    name: "thriftmux, a mux caller and a plain endpoint",
    protocol: "thriftmux",
    keys: "thriftAccessLog: LOG",
    call: dispatch,
    endpoint: (t) => plainEndpoint(t, framed(message), framed(reply)),
    status: cancelled,
  },
  {
    name: "thriftmux, a plain caller and a mux endpoint",
    protocol: "thriftmux",
    keys: "thriftAccessLog: LOG\n  client: { thriftMux: true }",
    call: framed(message),
    endpoint: muxEndpoint,
    status: cancelled,
  },
  {
    name: "mux",
    protocol: "mux",
    keys: "muxAccessLog: LOG",
    call: dispatch,
    endpoint: muxEndpoint,
    status: / gone:cancelled /,
  },
];

/** A caller that has sent its call, which the endpoint has received. */
async function calling(t: TestContext, way: Way, halfCloseGraceMs: number) {
  const endpoint = await way.endpoint(t);
  const log = join(testFolder(t).path, "calls.log");
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: ${way.protocol}
  label: r
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  ${way.protocol === "mux" ? "identifier: { kind: io.l5d.static, path: all }" : ""}
  ${way.keys.replace("LOG", log)}
  servers:
  - port: 0
    halfCloseGraceMs: ${halfCloseGraceMs}
    ${way.server ?? ""}
`,
  );
  const caller = rawCaller(t, proxy.port);
  caller.send(way.call);
  await endpoint.called();
  return { proxy, caller, endpoint, log };
}

async function assertCancelled(
  proxy: Awaited<ReturnType<typeof startProxy>>,
  log: string,
  status: RegExp,
) {
  const metrics = await until(
    async () => JSON.parse(await proxy.admin("/admin/metrics.json")) as Record<string, number>,
    (all) => all[`rt/r/server/127.0.0.1/${proxy.port}/cancelled`] === 1,
    "the call counted as cancelled",
  );
  const named = (ending: string) => Object.entries(metrics).filter(([key]) => key.endsWith(ending));
  assert.equal(named("/cancelled").filter(([key]) => !key.includes("status")).length, 4);
  for (const [, count] of named("/cancelled")) assert.equal(count, 1);
  for (const [, count] of [...named("/failures"), ...named("/success")]) assert.equal(count, 0);
  await proxy.close(0);
  const line = readFileSync(log, "utf8");
  assert.match(line, status);
}

test("http: a reset in the middle of a long upload is noticed while the upload is held back", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await startProxy(
    t,
    `
    routers:
    - { protocol: http, dtab: "/svc => /$/inet/127.1/${endpoint.port}", servers: [{ port: 0 }] }`,
  );
  const caller = rawCaller(t, proxy.port);
  caller.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100000000\r\n\r\n");
  const peer = await endpoint.accepted();
  peer.socket.pause();
  caller.send(Buffer.alloc(50_000_000));
  // The proxy has stopped reading: what it does not take stays in the caller's socket.
  let left = -1;
  await until(
    () => {
      const before = left;
      left = caller.socket.writableLength;
      return { before, left };
    },
    ({ before, left: now }) => now > 0 && now === before,
    "the upload held back",
  );
  caller.reset();
  await until(
    () => proxy.metric("rt/http/server/127.0.0.1/0/cancelled"),
    (count) => count === 1,
    "the call cancelled",
  );
  peer.socket.destroy();
});

for (const way of ways) {
  test(`${way.name}: a FIN cancels the call after halfCloseGraceMs, at the endpoint as well`, async (t) => {
    const { proxy, caller, endpoint, log } = await calling(t, way, 30);
    caller.end();
    await endpoint.told();
    await caller.rest();
    caller.socket.destroy();
    await assertCancelled(proxy, log, way.status);
  });

  test(`${way.name}: a reset cancels the call immediately, at the endpoint as well`, async (t) => {
    const { proxy, caller, endpoint, log } = await calling(t, way, 3_600_000);
    caller.reset();
    await endpoint.told();
    await assertCancelled(proxy, log, way.status);
  });

  test(`${way.name}: a caller that has sent a FIN gets a response that begins in time`, async (t) => {
    const { proxy, caller, endpoint } = await calling(t, way, 3_600_000);
    caller.end();
    endpoint.respond();
    assert.ok((await caller.rest()).includes(reply.toString("latin1")));
    assert.equal(await proxy.metric("rt/r/server/127.0.0.1/0/success"), 1);
    assert.equal(await proxy.metric("rt/r/server/127.0.0.1/0/cancelled"), 0);
    caller.socket.destroy();
  });
}
