import { defaultCallerDtabLimits } from "../../../src/core/names/caller-dtab-limits.ts";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as v from "valibot";
import { decodeTrace } from "../../../protocols/http/codec/traces/l5d.ts";
import { http } from "../../../protocols/http/index.ts";
import type { HttpRequest, HttpResponse } from "../../../protocols/http/message.ts";
import type { Address } from "../../../src/core/address.ts";
import { failure } from "../../../src/core/failure.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { ProtocolRouter } from "../../../src/core/protocol.ts";
import { ended, stack } from "../../../src/core/service.ts";
import type { Service } from "../../../src/core/service.ts";
import type { ListenOptions, Wire } from "../../../src/core/transport.ts";
import { systemClock } from "../../../src/runtime/timers.ts";
import { wireStats } from "../../support/http.ts";
import { boundTo } from "./messages.ts";
import { recorded } from "./recorded.ts";

const clock = systemClock();
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const socket = {
  noDelay: true,
  reusePort: false,
  keepAlive: null,
  backlog: null,
  readTimeoutMs: Infinity,
  writeTimeoutMs: Infinity,
};

interface ProxyOptions {
  readonly router?: Record<string, unknown>;
  readonly server?: Record<string, unknown>;
  readonly clearContext?: boolean;
  readonly meta?: Record<string, string>;
  /** What stands between server and wire, where src/routing stands otherwise. */
  readonly around?: (
    wire: Wire<HttpRequest, HttpResponse>,
    router: ProtocolRouter<HttpRequest, HttpResponse>,
  ) => Service<HttpRequest, HttpResponse>;
}

/** One server and one wire of a router, the identifier between them, and nothing else. */
async function proxy(t: TestContext, endpointPort: number, options: ProxyOptions = {}) {
  const parse = (keys: v.ObjectEntries, given: Record<string, unknown> = {}) =>
    v.parse(v.strictObject(keys), given) as Record<string, unknown>;
  const metrics = recorded();
  const router = http.open(parse(http.routerKeys, options.router), {
    clock,
    random: Math.random,
    log: quiet,
    label: "test",
    stats: metrics.stats,
    explain: (dst) => `${dst}: explained`,
  });
  const { meta } = options;
  const where = { host: "127.0.0.1", port: endpointPort, weight: 1 };
  const address: Address = meta === undefined ? where : { ...where, meta };
  const wire = router.dial(
    address,
    {
      connectTimeoutMs: 1000,
      socket,
      minConnections: 0,
      maxConnections: 10,
      maxWaiters: 10,
      maxWaitMs: Infinity,
      poolIdleMs: Infinity,
      idleTimeMs: Infinity,
      lifeTimeMs: Infinity,
      config: parse(http.clientKeys),
    },
    wireStats(),
  );
  const send = options.around?.(wire, router) ?? wire.service;
  const listening: ListenOptions = {
    host: "127.0.0.1",
    port: 0,
    gate: null,
    socket,
    idleTimeMs: Infinity,
    lifeTimeMs: Infinity,
    maxConcurrentRequests: Infinity,
    halfCloseGraceMs: 1_000,
    clearContext: options.clearContext ?? false,
    callerDtabLimits: defaultCallerDtabLimits,
    timeoutMs: Infinity,
    config: parse(http.serverKeys, options.server),
  };
  const route: Service<HttpRequest, HttpResponse> = (request, reply) => {
    const name = identify(request);
    if (typeof name !== "string") {
      reply.end(failure("unidentified", name.unidentified));
      return ended;
    }
    request.logicalName = name;
    request.bound = boundTo("/#/test/web");
    request.endpoint = address;
    return send(request, reply);
  };
  const served = stack(router.serverFilters(listening), route);
  const listener = await router.listen(listening, served, metrics.stats);
  t.after(async () => {
    wire.close(0);
    await listener.close(0);
    await router.close();
  });
  return { port: listener.port, router, metrics };
}

const identify = (() => {
  const plugin = http.identifiers.find(({ kind }) => kind === http.defaultIdentifier);
  if (plugin === undefined) throw new Error("the default identifier is not in the list");
  const config = v.parse(plugin.schema, { kind: plugin.kind });
  return plugin.create(config, { prefix: pathLiteral("/svc") });
})();

/** An endpoint of Node's own making; keeps the requests it got. */
async function endpoint(t: TestContext, answer: RequestListener = (_q, a) => void a.end("hello")) {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, reply) => {
    seen.push(request);
    answer(request, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

function get(
  port: number,
  options: { path?: string; method?: string; headers?: Record<string, string | string[]> } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = ask({ port, host: "127.0.0.1", agent: false, ...options }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** Sends bytes as they are; gives all that comes back until the connection closes. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const caller = connect(port, "127.0.0.1", () => caller.write(bytes, "latin1"));
    caller.setEncoding("latin1");
    caller.on("data", (chunk: string) => (text += chunk));
    caller.on("close", () => resolve(text));
    caller.on("error", reject);
  });
}

test("an endpoint receives the trace, the names and the hop; the caller receives the hops of the response", async (t) => {
  const { port, seen } = await endpoint(t);
  const through = await proxy(t, port, {
    server: { addForwardedHeader: {}, timestampHeader: "x-at" },
  });
  const answer = await get(through.port, { headers: { host: "web", via: "1.1 edge" } });
  assert.deepEqual([answer.status, answer.text], [200, "hello"]);
  assert.equal(answer.headers.via, "1.1 switchyard");
  const headers = seen[0]?.headers ?? {};
  assert.equal(headers["host"], "web");
  assert.equal(headers["via"], "1.1 edge, 1.1 switchyard");
  assert.equal(headers["l5d-dst-service"], "/svc/web");
  assert.equal(headers["l5d-dst-client"], "/#/test/web");
  assert.match(String(headers["l5d-reqid"]), /^[0-9a-f]{16}$/);
  assert.notEqual(decodeTrace(String(headers["l5d-ctx-trace"])), null);
  assert.match(String(headers["forwarded"]), /^by=_\w{6};for=_\w{6};host=web$/);
  assert.ok(Math.abs(Number(headers["x-at"]) - Date.now()) < 60_000);
});

test("the trace, the deadline and the dtab stay the same through two proxies in a row", async (t) => {
  const { port, seen } = await endpoint(t);
  const inner = await proxy(t, port);
  const outer = await proxy(t, inner.port);
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const deadline = `${nowNs} ${nowNs + 30_000_000_123n}`;
  const answer = await get(outer.port, {
    headers: { host: "web", "l5d-ctx-deadline": deadline, "l5d-dtab": "/svc => /b ;" },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.via, "1.1 switchyard, 1.1 switchyard");
  const headers = seen[0]?.headers ?? {};
  assert.equal(headers["via"], "1.1 switchyard, 1.1 switchyard");
  assert.equal(headers["l5d-ctx-deadline"], deadline);
  assert.equal(headers["l5d-ctx-dtab"], "/svc=>/b");
  assert.equal(headers["l5d-dtab"], undefined);
  const trace = decodeTrace(String(headers["l5d-ctx-trace"]));
  assert.equal(
    headers["l5d-reqid"],
    [trace?.traceHigh, trace?.traceLow]
      .map((half) => ((half ?? 0) >>> 0).toString(16).padStart(8, "0"))
      .join(""),
  );
});

test("a loop of proxies ends when the Via list is too long", async (t) => {
  const loop = { port: 0 };
  const { port, seen } = await endpoint(t, (request, reply) => {
    const { via } = request.headers;
    void get(loop.port, { headers: { host: "web", via: String(via) } }).then((answer) =>
      reply.writeHead(answer.status, { "l5d-err": String(answer.headers["l5d-err"]) }).end(),
    );
  });
  loop.port = (await proxy(t, port, { server: { maxCallDepth: 3 } })).port;
  const answer = await get(loop.port, { headers: { host: "web" } });
  assert.equal(answer.status, 400);
  assert.match(String(answer.headers["l5d-err"]), /^Maximum\+number\+of\+calls\+%283%29/);
  assert.equal(seen.length, 4);
});

test("a request without a name, a bad dtab and bytes that are not a request are all 400", async (t) => {
  const { port, seen } = await endpoint(t);
  const through = await proxy(t, port);
  const nameless = await raw(through.port, "GET /a HTTP/1.0\r\n\r\n");
  assert.match(nameless, /^HTTP\/1\.[01] 400 Bad Request\r\n/);
  assert.match(
    nameless,
    /\r\n\r\nUnknown destination: GET \/a HTTP\/1\.0, from 127\.0\.0\.1:\d+ \/ Host header is absent\n/,
  );
  const bad = await get(through.port, { headers: { host: "web", "l5d-dtab": "/a=>" } });
  assert.equal(bad.status, 400);
  assert.match(bad.text, /^l5d-dtab header is not a dtab: /);
  const garbage = await raw(through.port, "GE\u0001T / HTTP/1.1\r\n\r\n");
  assert.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n[^]*l5d-err: /);
  assert.equal(seen.length, 0);
});

test("an endpoint that refuses is a retryable 502 whose text names it", async (t) => {
  const gone = await endpoint(t);
  const { port } = gone;
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const closedPort = (free.address() as AddressInfo).port;
  await new Promise((resolve) => free.close(resolve));
  assert.notEqual(port, closedPort);
  const through = await proxy(t, closedPort);
  const answer = await get(through.port, { headers: { host: "web" } });
  assert.equal(answer.status, 502);
  assert.equal(answer.headers["l5d-retryable"], "true");
  assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
  assert.match(
    answer.text,
    new RegExp(`^Unable to establish connection to 127\\.0\\.0\\.1:${closedPort}\\.\n`),
  );
  assert.match(
    answer.text,
    /\nservice name: \/svc\/web\nrouter: test\nclient name: \/#\/test\/web\n/,
  );
});

test("a server that clears context shows callers nothing and trusts none of theirs", async (t) => {
  const { port, seen } = await endpoint(t, (_request, reply) =>
    reply.writeHead(500, { "l5d-err": "secret", "l5d-success-class": "0.0" }).end("secret"),
  );
  const through = await proxy(t, port, { clearContext: true });
  const answer = await get(through.port, { headers: { host: "web", "L5D-Own": "x" } });
  assert.deepEqual([answer.status, answer.text], [500, ""]);
  assert.deepEqual(
    Object.keys(answer.headers).filter((name) => name.startsWith("l5d-")),
    [],
  );
  assert.equal(seen[0]?.headers["l5d-own"], undefined);
  assert.notEqual(seen[0]?.headers["l5d-ctx-trace"], undefined);
});

test("the service's verdict reaches the caller, in place of the previous hop's", async (t) => {
  const { port } = await endpoint(t, (_request, reply) =>
    reply.writeHead(200, { "l5d-success-class": "0.0" }).end("x"),
  );
  const through = await proxy(t, port, {
    around: (wire, router) => (request, reply) =>
      wire.service(request, {
        start(response) {
          router.mark(response, "success");
          reply.start(response);
        },
        end: (why) => reply.end(why),
      }),
  });
  const answer = await get(through.port, { headers: { host: "web" } });
  assert.equal(answer.headers["l5d-success-class"], "1.0");
});

test("an endpoint gets the Host that discovery knows, and redirects name the caller's", async (t) => {
  const { port, seen } = await endpoint(t, (_request, reply) =>
    reply.writeHead(302, { location: "http://inner.test/next" }).end(),
  );
  const through = await proxy(t, port, { meta: { authority: "inner.test" } });
  const answer = await get(through.port, { headers: { host: "outer" } });
  assert.equal(seen[0]?.headers.host, "inner.test");
  assert.equal(answer.headers.location, "http://outer/next");
});

test("a diagnostic TRACE collects a report from each proxy on the path", async (t) => {
  const { port } = await endpoint(t, (_request, reply) => reply.writeHead(405).end());
  const inner = await proxy(t, port);
  const outer = await proxy(t, inner.port);
  const trace = (forwards: string) =>
    get(outer.port, {
      method: "TRACE",
      headers: { host: "web", "l5d-add-context": "true", "max-forwards": forwards },
    });
  const near = await trace("0");
  assert.equal(near.text.split("--- Router: test ---").length - 1, 1);
  assert.match(near.text, /dtab resolution:\n {2}\/svc\/web: explained\n$/);
  assert.equal((await trace("1")).text.split("--- Router: test ---").length - 1, 2);
  const far = await trace("9");
  assert.equal(far.status, 405);
  assert.equal(far.text.split("--- Router: test ---").length - 1, 2);
});

test("the access log has a line for each response, including requests never routed", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "access-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { port } = await endpoint(t);
  const logs = { common: path.join(folder, "common.log"), json: path.join(folder, "json.log") };
  for (const [httpAccessLogFormat, httpAccessLog] of Object.entries(logs)) {
    const through = await proxy(t, port, { router: { httpAccessLog, httpAccessLogFormat } });
    await get(through.port, { path: "/a?b", headers: { host: "web", "user-agent": "test" } });
    await raw(through.port, "GET / HTTP/1.0\r\n\r\n");
    await raw(through.port, 'GE"T\u0001\r\n\r\n');
    await through.router.close();
  }
  const [routed, nameless, garbage, rest] = readFileSync(logs.common, "utf8").split("\n");
  assert.match(
    routed ?? "",
    /^web 127\.0\.0\.1 - - \[.*\] "GET \/a\?b HTTP\/1\.1" 200 5 "-" "test"$/,
  );
  assert.match(nameless ?? "", /^- 127\.0\.0\.1 - - \[.*\] "GET \/ HTTP\/1\.0" 400 \d+ "-" "-"$/);
  assert.match(garbage ?? "", /^- 127\.0\.0\.1 - - \[.*\] "GE\\"T\\x01" 400 \d+ "-" "-"$/);
  assert.equal(rest, "");
  const lines = readFileSync(logs.json, "utf8").trimEnd().split("\n");
  const [first, second, third] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    [first?.["path"], first?.["client"], first?.["endpoint"], first?.["status"]],
    ["/svc/web", "/#/test/web", `127.0.0.1:${port}`, 200],
  );
  assert.deepEqual([second?.["failure"], second?.["path"]], ["unidentified", null]);
  assert.deepEqual([third?.["status"], third?.["target"]], [400, 'GE"T\u0001']);
});

test("a server counts responses by status, routed or not", async (t) => {
  const { port } = await endpoint(t);
  const through = await proxy(t, port);
  await get(through.port, { headers: { host: "web" } });
  await raw(through.port, "GET / HTTP/1.0\r\n\r\n");
  const counted = through.metrics.all();
  assert.equal(counted["status/200"], 1);
  assert.equal(counted["status/4XX"], 1);
  assert.equal(counted["connects"], 2);
  assert.deepEqual(counted["request_payload_bytes"], [0, 0]);
});

test("unsupported values of keys are refused with an explanation", () => {
  const problem = (keys: v.ObjectEntries, given: Record<string, unknown>) =>
    v.safeParse(v.strictObject(keys), given).issues?.[0].message ?? "none";
  assert.match(problem(http.clientKeys, { forwardClientCert: "yes" }), /true or false/);
  assert.match(problem(http.routerKeys, { timeoutStatus: 500 }), /503 or 504/);
  assert.match(problem(http.routerKeys, { httpAccessLogRollPolicy: "monthly" }), /hourly/);
  assert.match(problem(http.routerKeys, { errorDetail: "all" }), /full, local or none/);
  assert.equal(problem(http.serverKeys, { addForwardedHeader: null }), "none");
  assert.match(problem(http.serverKeys, { timestampHeader: "a b" }), /name of a header/);
});
