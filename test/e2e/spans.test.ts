// The spans of calls, as a collector of Zipkin gets them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { collector, zipkinSpans } from "../support/collector.ts";
import type { Collector, ZipkinSpan } from "../support/collector.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import { deadPort } from "../support/service.ts";
import { binary, framed, read, readMessages } from "../support/thrift-bytes.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpan = "f067aa0ba902b701";

function exporter({ port }: Collector, rate = 1): string {
  return `
telemetry:
- { kind: io.zipkin.http, host: "127.0.0.1:${port}", initialSampleRate: ${rate}, intervalMs: 10 }
`;
}

function httpRouter(to: string, more = ""): string {
  return `
routers:
- protocol: http
  label: edge
  dtab: /svc => ${to} ;
  tracePropagator: { kind: io.l5d.zipkin }
  servers: [{ port: 0 }]
${more}`;
}

/** Responds with these statuses, then with 200; keeps the heads. */
async function endpoint(t: TestContext, ...statuses: number[]) {
  const heads: string[] = [];
  const { port } = await rawEndpoint(t, (peer) => {
    peer.socket.on("data", (head: Buffer) => {
      heads.push(head.toString("latin1"));
      peer.send(`HTTP/1.1 ${statuses.shift() ?? 200} X\r\nContent-Length: 0\r\n\r\n`);
    });
  });
  return { port, heads };
}

async function get(
  t: TestContext,
  port: number,
  lines = "",
  target = "/users?x=1",
): Promise<string> {
  const caller = rawCaller(t, port);
  caller.send(`GET ${target} HTTP/1.1\r\nHost: users\r\n${lines}\r\n`);
  const head = await caller.message();
  caller.socket.destroy();
  return head;
}

const sampled = `b3: ${trace}-${callerSpan}-1\r\n`;

async function spans(from: Collector, count: number): Promise<ZipkinSpan[]> {
  await from.until((posts) => zipkinSpans(posts).length >= count, `${count} spans`);
  return zipkinSpans(from.posts);
}

const only = (all: readonly ZipkinSpan[], kind: ZipkinSpan["kind"]): ZipkinSpan[] =>
  all.filter((span) => span.kind === kind);

test("a sampled call is a server span below the caller's, and a client span for its attempt", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const beganUs = Date.now() * 1_000;
  const proxy = await startProxy(
    t,
    exporter(zipkin, 0) + httpRouter(`/$/inet/127.1/${users.port}`),
  );
  await get(t, proxy.port, sampled);
  const [server, client, ...more] = await spans(zipkin, 2);
  assert.ok(server !== undefined && client !== undefined && more.length === 0);
  assert.deepEqual(
    [server.traceId, server.parentId, server.kind, server.name],
    [trace, callerSpan, "SERVER", "get /users"],
  );
  assert.deepEqual(server.localEndpoint, {
    serviceName: "edge",
    ipv4: "127.0.0.1",
    port: proxy.port,
  });
  assert.equal(server.remoteEndpoint["ipv4"], "127.0.0.1");
  assert.deepEqual(server.tags, {
    "router.label": "edge",
    service: "/svc/users",
    dentry: `/svc => /$/inet/127.1/${users.port}`,
    client: `/$/inet/127.1/${users.port}`,
    residual: "/users",
    endpoint: `127.0.0.1:${users.port}`,
    "http.req.method": "GET",
    "http.uri": "/users?x=1",
    "http.rsp.status": "200",
    "l5d.success": "1.0",
  });
  assert.deepEqual([client.traceId, client.parentId, client.kind], [trace, server.id, "CLIENT"]);
  assert.deepEqual(client.remoteEndpoint, { ipv4: "127.0.0.1", port: users.port });
  assert.match(
    users.heads[0] ?? "",
    new RegExp(`x-b3-spanid: ${client.id}\r\n`),
    "as the endpoint saw it",
  );
  assert.ok(server.timestamp >= beganUs && server.timestamp <= Date.now() * 1_000, "wall time, µs");
  assert.ok(client.timestamp >= server.timestamp);
  assert.ok(client.timestamp + client.duration <= server.timestamp + server.duration + 1);
});

test("retries are spans of their own, with the reason and what went wrong", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t, 503, 503);
  const classifier =
    "  service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX }, retries: { backoff: { kind: constant, ms: 0 } } }\n";
  const proxy = await startProxy(
    t,
    exporter(zipkin) + httpRouter(`/$/inet/127.1/${users.port}`, classifier),
  );
  await get(t, proxy.port);
  const all = await spans(zipkin, 4);
  const [server] = only(all, "SERVER");
  const attempts = only(all, "CLIENT");
  assert.equal(server?.tags["retries"], "2");
  assert.equal(server?.tags["http.rsp.status"], "200");
  assert.deepEqual(
    attempts.map(({ tags }) => [tags["http.rsp.status"], tags["attempt"], tags["error"]]),
    [
      ["503", undefined, "503"],
      ["503", "retry", "503"],
      ["200", "retry", undefined],
    ],
  );
  assert.deepEqual(
    attempts.map(({ annotations }) => annotations.map(({ value }) => value)),
    [
      ["response begins"],
      ["finagle.retry", "response begins"],
      ["finagle.retry", "response begins"],
    ],
  );
  assert.deepEqual(new Set(attempts.map(({ parentId }) => parentId)), new Set([server?.id]));
  assert.equal(new Set(all.map(({ id }) => id)).size, 4);
});

test("a call that fails has an error in words, and says where in the router", async (t) => {
  const zipkin = await collector(t);
  const proxy = await startProxy(t, exporter(zipkin) + httpRouter("/#/nobody"));
  await get(t, proxy.port);
  const [server] = await spans(zipkin, 1);
  assert.equal(server?.tags["io.buoyant.router.Failure"], "ClientAcquisition");
  assert.match(server?.tags["error"] ?? "", /\/svc\/users/);
  assert.equal(server?.tags["l5d.success"], "0.0");
});

for (const protocol of ["http", "mux", "thrift"]) {
  test(`${protocol}: an attempt that reached no endpoint is a span with its reason`, async (t) => {
    const zipkin = await collector(t);
    const proxy = await startProxy(
      t,
      `${exporter(zipkin)}
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.1/${await deadPort()} ;
  client: { requeueBudget: { percentCanRetry: 0, minRetriesPerSec: 0 } }
  servers: [{ port: 0 }]
`,
    );
    if (protocol === "http") await get(t, proxy.port);
    else if (protocol === "mux") await (await muxClient(t, proxy.port)).dispatch({ payload: call });
    else {
      const caller = rawCaller(t, proxy.port);
      caller.send(framed(call));
      await caller.bytes(4);
      caller.socket.destroy();
    }
    const [server, attempt] = await spans(zipkin, 2);
    assert.equal(attempt?.parentId, server?.id);
    assert.match(attempt?.tags["error"] ?? "", /refused/);
    assert.equal(server?.tags["io.buoyant.router.Failure"], "ClientAcquisition");
  });
}

test("the second proxy's server span is below the first one's client span", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const second = await startProxy(t, exporter(zipkin) + httpRouter(`/$/inet/127.1/${users.port}`));
  const first = await startProxy(t, exporter(zipkin) + httpRouter(`/$/inet/127.1/${second.port}`));
  await get(t, first.port);
  const all = await spans(zipkin, 4);
  assert.equal(new Set(all.map(({ traceId }) => traceId)).size, 1);
  const byId = new Map(all.map((span) => [span.id, span]));
  const kinds: string[] = [];
  let span = all.find(({ id }) => !all.some(({ parentId }) => parentId === id));
  for (; span !== undefined; span = byId.get(span.parentId ?? "")) kinds.unshift(span.kind);
  assert.deepEqual(kinds, ["SERVER", "CLIENT", "SERVER", "CLIENT"]);
});

test("a call that the caller decided not to record leaves no span, and goes on undecided no more", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const proxy = await startProxy(t, exporter(zipkin) + httpRouter(`/$/inet/127.1/${users.port}`));
  await get(t, proxy.port, `b3: ${trace}-${callerSpan}-0\r\n`);
  await get(t, proxy.port);
  const all = await spans(zipkin, 2);
  assert.ok(all.every(({ traceId }) => traceId !== trace));
  assert.match(users.heads[0] ?? "", /x-b3-sampled: 0/);
  assert.match(users.heads[1] ?? "", /x-b3-sampled: 1/, "decided once, for all hops");
});

test("l5d-sample decides for one call, with a sampleRate of 0", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const proxy = await startProxy(
    t,
    exporter(zipkin, 0) + httpRouter(`/$/inet/127.1/${users.port}`),
  );
  await get(t, proxy.port, "", "/undecided");
  await get(t, proxy.port, "l5d-sample: 1.0\r\n", "/asked");
  const all = await spans(zipkin, 2);
  assert.deepEqual(new Set(all.map(({ name }) => name)), new Set(["get /asked"]));
  assert.doesNotMatch(users.heads[0] ?? "", /x-b3-sampled/, "a rate of 0 decides nothing");
});

test("each exporter has its own rate, of the traces that the callers have not decided", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const both = `${exporter(zipkin, 0)}- { kind: io.l5d.tracelog }\n`;
  const proxy = await startProxy(t, both + httpRouter(`/$/inet/127.1/${users.port}`));
  await get(t, proxy.port, "", "/mine");
  await get(t, proxy.port, sampled, "/theirs");
  const all = await spans(zipkin, 2);
  assert.deepEqual(new Set(all.map(({ name }) => name)), new Set(["get /theirs"]));
  const logged = proxy.events.filter(({ event }) => event === "span");
  assert.deepEqual(
    logged.map(({ name, kind }) => `${String(kind)} ${String(name)}`),
    ["server GET /mine", "client GET /mine", "server GET /theirs", "client GET /theirs"],
  );
  const [server, client] = logged;
  assert.ok(typeof server?.["sr"] === "number" && typeof server["ss"] === "number");
  assert.ok(typeof client?.["cs"] === "number" && typeof client["cr"] === "number");
});

test("the rate changes at run time, and recording stops and starts", async (t) => {
  const zipkin = await collector(t);
  const users = await endpoint(t);
  const proxy = await startProxy(
    t,
    exporter(zipkin, 0) + httpRouter(`/$/inet/127.1/${users.port}`),
  );
  const post = async (body: string) => {
    const response = await fetch(`http://127.0.0.1:${proxy.adminPort}/admin/tracing`, {
      method: "POST",
      body: new URLSearchParams(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  await get(t, proxy.port, "", "/before");
  assert.equal((await post("sampleRate=1")).status, 200);
  await get(t, proxy.port, "", "/during");
  assert.equal((await post("disable=true")).body["enabled"], false);
  await get(t, proxy.port, sampled, "/off");
  assert.match(users.heads.at(-1) ?? "", new RegExp(`x-b3-traceid: ${trace}`), "traces still pass");
  await post("enable=true&sampleRate=0&exporter=io.zipkin.http");
  await get(t, proxy.port, sampled, "/after");
  const all = await spans(zipkin, 4);
  assert.deepEqual(new Set(all.map(({ name }) => name)), new Set(["get /during", "get /after"]));
  const page = JSON.parse(await proxy.admin("/admin/tracing")) as { exporters: object[] };
  assert.deepEqual(page.exporters, [
    {
      exporter: "io.zipkin.http",
      sampleRate: 0,
      to: `http://127.0.0.1:${zipkin.port}/api/v2/spans`,
      sent: 4,
      dropped: 0,
      queued: 0,
      problem: null,
    },
  ]);
  assert.equal((await post("exporter=otlp&sampleRate=1")).status, 404);
  assert.equal((await post("sampleRate=2")).status, 400);
  assert.match(await proxy.admin("/admin/tracing?disable=true"), /a change is a POST/);
});

// Mux and Thrift.

const traceKey = "com.twitter.finagle.tracing.TraceContext";
const upgrade = "__can__finagle__trace__v3__";
const call = binary({ method: "get", seqid: 3 });

/** Span, parent, trace and flags. */
const context = (flags: bigint, high: string): Buffer =>
  Buffer.from(
    `${callerSpan}00000000000000aa${trace.slice(16)}${flags.toString(16).padStart(16, "0")}${high}`,
    "hex",
  );

async function muxEndpoint(t: TestContext) {
  const seen: Buffer[] = [];
  const { port } = await muxService(t, ({ contexts, payload, ok }) => {
    for (const [key, value] of contexts) if (key === traceKey) seen.push(value);
    ok(
      payload.length > 8 && payload[0] === 0x80
        ? binary({ ...read(payload), type: 2, body: Buffer.of(0) })
        : "ok",
    );
  });
  return { port, seen };
}

for (const [protocol, more] of [
  ["mux", ""],
  ["thriftmux", "  client: { thriftMux: true }\n"],
] as const) {
  test(`${protocol}: the endpoint's context has the client span of the proxy, 64 and 128 bits`, async (t) => {
    const zipkin = await collector(t);
    const users = await muxEndpoint(t);
    const proxy = await startProxy(
      t,
      `${exporter(zipkin)}
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
${more}`,
    );
    const client = await muxClient(t, proxy.port);
    for (const high of ["", trace.slice(0, 16)]) {
      await client.dispatch({
        payload: call,
        contexts: [
          ["k", "v"],
          [traceKey, context(6n, high)],
        ],
      });
      const all = (await spans(zipkin, high === "" ? 2 : 4)).slice(-2);
      const [server, sent] = [only(all, "SERVER")[0], only(all, "CLIENT")[0]];
      assert.equal(server?.traceId, high + trace.slice(16));
      assert.equal(server?.parentId, callerSpan);
      const bytes = users.seen.pop();
      assert.equal(bytes?.length, high === "" ? 32 : 40);
      assert.equal(bytes?.toString("hex", 0, 24), `${sent?.id}${server?.id}${trace.slice(16)}`);
      assert.equal(bytes?.readBigUInt64BE(24), 6n);
    }
  });

  test(`${protocol}: a call without a trace gets one, with the decision`, async (t) => {
    const zipkin = await collector(t);
    const users = await muxEndpoint(t);
    const proxy = await startProxy(
      t,
      `${exporter(zipkin)}
routers:
- protocol: ${protocol}
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
${more}`,
    );
    const client = await muxClient(t, proxy.port);
    await client.dispatch({ payload: call, contexts: [["k", "v"]] });
    const [server, sent] = await spans(zipkin, 2);
    const [bytes] = users.seen;
    assert.equal(bytes?.toString("hex", 0, 24), `${sent?.id}${server?.id}${server?.traceId}`);
    assert.equal(bytes?.readBigUInt64BE(24), 6n);
    assert.equal(server?.parentId, undefined, "a root");
    assert.equal(server?.name, protocol === "mux" ? "tdispatch" : "get");
  });
}

test("thrift: an upgraded endpoint's header has the client span of the proxy", async (t) => {
  const zipkin = await collector(t);
  const headers: Buffer[] = [];
  const users = await rawEndpoint(t, (peer) => {
    readMessages(peer.socket, (message) => {
      if (message[0] === 0x80) {
        peer.send(framed(binary({ method: upgrade, seqid: 0, type: 2 })));
        return;
      }
      headers.push(message);
      const reply = binary({ method: "get", seqid: 3, type: 2 });
      peer.send(framed(Buffer.concat([Buffer.of(0), reply])));
    });
  });
  const proxy = await startProxy(
    t,
    `${exporter(zipkin)}
routers:
- protocol: thrift
  dtab: /svc => /$/inet/127.1/${users.port} ;
  servers: [{ port: 0 }]
  client: { attemptTTwitterUpgrade: true }
`,
  );
  const caller = rawCaller(t, proxy.port);
  caller.send(framed(call));
  await caller.bytes(4 + binary({ method: "get", seqid: 3, type: 2 }).length);
  caller.socket.destroy();
  const [server, sent] = await spans(zipkin, 2);
  assert.deepEqual([server?.name, server?.kind, sent?.parentId], ["get", "SERVER", server?.id]);
  const header = headers[0]?.toString("hex") ?? "";
  // Field 1 is the trace, 2 the span, 3 the parent; 5 says that it is sampled.
  assert.match(
    header,
    new RegExp(`^0a0001${server?.traceId}0a0002${sent?.id}0a0003${server?.id}02000501`),
  );
});
