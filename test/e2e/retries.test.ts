// The stories of calls that are sent again: which, how often, where, and what the caller sees.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import type { Answering } from "../support/service.ts";

const body = "x".repeat(3_000);

/** Answers 503 so many times, then echoes the request's body, or says fine. */
function failing(times: number): Answering {
  let left = times;
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.statusCode = left-- > 0 ? 503 : 200;
      response.end(Buffer.concat(chunks).toString() || "fine");
    });
  };
}

async function proxyTo(
  t: TestContext,
  ports: readonly number[],
  policy: string,
): Promise<TestProxy> {
  const { rootDir } = discovery(t, { web: ports });
  const yaml = `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]
${policy.replaceAll(/^/gm, "  ")}
`;
  return startProxy(t, yaml);
}

const web = { Host: "web" };
const classifier = (part: string) =>
  `service: { responseClassifier: { kind: io.l5d.http.retryable${part}5XX } }`;
const retries = "rt/http/service/svc/web/retries";

test("by default a 503 goes to the caller as it is, whatever the method", async (t) => {
  const endpoint = await service(t, failing(Infinity));
  const proxy = await proxyTo(t, [endpoint.port], "");
  for (const method of ["GET", "POST"]) {
    assert.equal((await ask(proxy.port, "/", web, method)).status, 503);
  }
  assert.equal(endpoint.count, 2);
});

test("retryableRead5XX sends a GET again, to another endpoint, and a POST not", async (t) => {
  const bad = await service(t, failing(Infinity));
  const good = await service(t, failing(0));
  const proxy = await proxyTo(t, [bad.port, good.port], classifier("Read"));
  for (let i = 0; i < 10; i++) {
    const { status, body: text } = await ask(proxy.port, "/", web);
    assert.deepEqual([status, text], [200, "fine"]);
  }
  assert.equal(good.count, 10);
  // The bad one was met by chance, and each time it was met the other one was asked next.
  assert.equal(await proxy.metric(`${retries}/total`), bad.count);
  assert.equal(await proxy.metric("rt/http/service/svc/web/success"), 10);
  assert.equal(await proxy.metric("rt/http/client/#/io.l5d.fs/web/requests"), 10 + bad.count);

  const alone = await service(t, failing(1));
  const other = await proxyTo(t, [alone.port], classifier("Read"));
  assert.equal((await ask(other.port, "/", web, "POST", body)).status, 503);
  assert.equal(alone.count, 1);
});

test("maxAttempts ends it, and the caller gets the last response", async (t) => {
  const endpoint = await service(t, failing(Infinity));
  const proxy = await proxyTo(t, [endpoint.port], classifier("All"));
  const { status, headers } = await ask(proxy.port, "/", web, "POST", body);
  assert.equal(status, 503);
  assert.equal(headers.get("l5d-success-class"), "0.0");
  assert.equal(endpoint.count, 3);
  assert.equal(await proxy.metric(`${retries}/request_limit`), 1);
});

test("a response that says l5d-retryable is sent again by default, a POST too; then it says so no more", async (t) => {
  const endpoint = await service(t, (_, response) => {
    response.writeHead(502, { "l5d-retryable": "true" }).end("nobody there");
  });
  const proxy = await proxyTo(t, [endpoint.port], "");
  const { status, headers } = await ask(proxy.port, "/", web, "POST", body);
  assert.equal(status, 502);
  assert.equal(headers.has("l5d-retryable"), false);
  assert.equal(endpoint.count, 3);
});

test("an empty budget ends retries for all calls of the name", async (t) => {
  const endpoint = await service(t, failing(Infinity));
  const proxy = await proxyTo(
    t,
    [endpoint.port],
    `service:
  responseClassifier: { kind: io.l5d.http.retryableRead5XX }
  retries: { maxAttempts: 10, budget: { minRetriesPerSec: 1, percentCanRetry: 0 } }
client: { failureAccrual: { kind: none } }`,
  );
  for (let i = 0; i < 20; i++) assert.equal((await ask(proxy.port, "/", web)).status, 503);
  // Ten seconds of the minimum; the story is over long before they have passed.
  assert.equal(endpoint.count, 20 + 10);
  assert.equal(await proxy.metric(`${retries}/total`), 10);
  assert.equal(await proxy.metric(`${retries}/budget`), 0);
  assert.ok((await proxy.metric(`${retries}/budget_exhausted`)) >= 18);
});

const chunkedHead = "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const answer = (status: number, text: string) =>
  `HTTP/1.1 ${status} x\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

test("a body that flows is sent again from its beginning, and goes on where it was", async (t) => {
  const [first, second] = [await rawEndpoint(t), await rawEndpoint(t)];
  const proxy = await proxyTo(t, [first.port, second.port], classifier("All"));
  const caller = rawCaller(t, proxy.port);
  caller.send(chunkedHead + chunk("hello "));
  const accepted = [first.accepted(), second.accepted()] as const;
  const failingOne = await Promise.race(
    accepted.map(async (peer, i) => {
      await peer;
      return i;
    }),
  );
  const failing = await accepted[failingOne === 0 ? 0 : 1];
  await failing.until("hello ");
  failing.send(answer(503, "not now")); // before the body has ended
  const fine = await accepted[failingOne === 0 ? 1 : 0];
  await fine.until("hello ");
  caller.send(`${chunk("world")}0\r\n\r\n`);
  await fine.until("world\r\n0\r\n\r\n");
  assert.equal((await failing.rest()).includes("world"), false); // half a request, and no more
  fine.send(answer(200, "fine"));
  assert.match(await caller.message(), /^HTTP\/1.1 200 .*fine$/s);
});

test("a body longer than retryBufferKB is sent once", async (t) => {
  const endpoint = await service(t, failing(1));
  const policy = `service:
  retryBufferKB: 16
  responseClassifier: { kind: io.l5d.http.retryableAll5XX }`;
  const proxy = await proxyTo(t, [endpoint.port], policy);
  const caller = rawCaller(t, proxy.port);
  caller.send(`${chunkedHead}${chunk("y".repeat(17_000))}`);
  caller.send("0\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 503 /);
  assert.equal(endpoint.count, 1);

  caller.send(`${chunkedHead}${chunk("y".repeat(16_000))}`);
  caller.send("0\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1.1 200 /);
});

test("a long POST reaches the next endpoint when the first refuses the connection", async (t) => {
  const good = await service(t, failing(0));
  const long = "z".repeat(1_000_000);
  const proxy = await proxyTo(t, [await deadPort(), good.port], "");
  for (let i = 0; i < 8; i++) {
    const { status, body: text } = await ask(proxy.port, "/", web, "POST", long);
    assert.deepEqual([status, text.includes(long)], [200, true]);
  }
  assert.ok((await proxy.metric("rt/http/client/#/io.l5d.fs/web/retries/requeues")) >= 1);
});

test("a discarded response that never ends does not hold the next attempt", async (t) => {
  const endless = await service(t, (_, response) => {
    response.writeHead(503);
    response.write("and ");
  });
  const good = await service(t, failing(0));
  const policy = `${classifier("Read")}\nclient: { failureAccrual: { kind: none } }`;
  const proxy = await proxyTo(t, [endless.port, good.port], policy);
  for (let i = 0; i < 10; i++) assert.equal((await ask(proxy.port, "/", web)).status, 200);
  assert.equal(good.count, 10);
});

test("totalTimeoutMs ends a call over all its attempts", async (t) => {
  const slow = await service(t, (_, response) => {
    setTimeout(() => response.writeHead(503).end(), 600).unref();
  });
  const policy = `service:
  totalTimeoutMs: 1000
  retries: { maxAttempts: 10 }
  responseClassifier: { kind: io.l5d.http.retryableRead5XX }`;
  const proxy = await proxyTo(t, [slow.port], policy);
  const startedMs = performance.now();
  const { status, headers } = await ask(proxy.port, "/", web);
  const tookMs = performance.now() - startedMs;
  assert.equal(status, 503);
  assert.match(headers.get("l5d-err") ?? "", /1\+s/);
  assert.ok(tookMs >= 950, `${tookMs} ms`);
  assert.ok(slow.count <= 2, `${slow.count} tries`);
});

test("an attempt that takes too long is retried, and the endpoint learns how long it has", async (t) => {
  const deadlines: (string | undefined)[] = [];
  const hanging = await service(t, (request) => {
    deadlines.push(String(request.headers["l5d-ctx-deadline"]));
  });
  const good = await service(t, failing(0));
  const policy = `${classifier("Read")}
client: { requestAttemptTimeoutMs: 50, failureAccrual: { kind: none } }`;
  const proxy = await proxyTo(t, [hanging.port, good.port], policy);
  for (let i = 0; i < 6; i++) assert.equal((await ask(proxy.port, "/", web)).status, 200);
  for (const deadline of deadlines) {
    const [setNs, endNs] = (deadline ?? "").split(" ").map(BigInt);
    const leftNs = (endNs ?? 0n) - (setNs ?? 0n);
    assert.ok(leftNs > 40_000_000n && leftNs <= 50_000_000n, `${leftNs}`);
  }
});

test("waits between tries as backoff says", async (t) => {
  const startedMs: number[] = [];
  const endpoint = await service(t, (_, response) => {
    startedMs.push(performance.now());
    response.writeHead(500).end();
  });
  const policy = `service:
  responseClassifier: { kind: io.l5d.http.retryableRead5XX }
  retries: { backoff: { kind: constant, ms: 100 } }`;
  const proxy = await proxyTo(t, [endpoint.port], policy);
  assert.equal((await ask(proxy.port, "/", web)).status, 500);
  const waits = startedMs.slice(1).map((ms, i) => ms - (startedMs[i] ?? 0));
  assert.equal(waits.length, 2);
  for (const ms of waits) assert.ok(ms >= 95, `${ms} ms`);
});

test("each name has the policy of its prefixes", async (t) => {
  const endpoint = await service(t, failing(1));
  const { rootDir } = discovery(t, { web: [endpoint.port], other: [endpoint.port] });
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]
  service:
    kind: io.l5d.static
    configs:
    - prefix: /
      responseClassifier: { kind: io.l5d.http.retryableRead5XX }
    - prefix: /svc/other
      responseClassifier: { kind: io.l5d.http.nonRetryable5XX }
`,
  );
  assert.equal((await ask(proxy.port, "/", { Host: "other" })).status, 503);
  assert.equal((await ask(proxy.port, "/", { Host: "other" })).status, 200);
  const again = await service(t, failing(1));
  const second = await proxyTo(t, [again.port], classifier("Read"));
  assert.equal((await ask(second.port, "/", web)).status, 200);
});

test("a Finagle nack that was retried to the end leaves as one that is not retried again", async (t) => {
  for (const nack of ["finagle-http-nack", "Finagle-Http-Nack", "retry-after"]) {
    const endpoint = await service(t, (_request, response) => {
      response.statusCode = 503;
      response.setHeader(nack, nack === "retry-after" ? "0" : "true");
      response.setHeader("x-kept", "yes");
      response.end("busy");
    });
    const proxy = await proxyTo(t, [endpoint.port], "");
    const { status, headers, body: text } = await ask(proxy.port, "/", web, "POST");
    assert.equal(endpoint.count, 3, nack);
    assert.deepEqual([status, text, headers.get("x-kept")], [503, "busy", "yes"], nack);
    assert.equal(headers.has("finagle-http-nack") || headers.has("retry-after"), false, nack);
    assert.equal(headers.has("finagle-http-nonretryable-nack"), nack !== "retry-after", nack);
  }
});
