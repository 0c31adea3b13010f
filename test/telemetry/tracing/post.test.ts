// A collector that responds badly, slowly or never.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { poster } from "../../../src/telemetry/tracing/post.ts";
import type { PostOptions } from "../../../src/telemetry/tracing/post.ts";
import { collector } from "../../support/collector.ts";
import { deadPort } from "../../support/service.ts";

function posterTo(t: TestContext, port: number, changed: Partial<PostOptions> = {}) {
  const made = poster({
    url: `http://127.0.0.1:${port}/api/v2/spans`,
    headers: {},
    isCompressed: true,
    timeoutMs: 5_000,
    connection: { options: {}, close() {} },
    ...changed,
  });
  t.after(() => made.close());
  return made;
}

test("a body is compressed when that is worth it, and headers are sent", async (t) => {
  const { port, posts } = await collector(t);
  const { post } = posterTo(t, port, { headers: { "x-token": "abc", host: "zipkin" } });
  const long = JSON.stringify(Array.from({ length: 500 }, (_, i) => i));
  for (const body of ["[]", long]) assert.deepEqual(await post(body), { kind: "sent" });
  assert.deepEqual(
    posts.map(({ body }) => body),
    ["[]", long],
  );
  assert.deepEqual(
    posts.map(({ headers }) => headers["content-encoding"]),
    [undefined, "gzip"],
  );
  const headers = posts[0]?.headers;
  assert.deepEqual(
    [headers?.["content-type"], headers?.["x-token"], headers?.host],
    ["application/json", "abc", "zipkin"],
  );
  const plain = posterTo(t, port, { isCompressed: false });
  await plain.post(long);
  assert.equal(posts.at(-1)?.headers["content-encoding"], undefined);
});

test("a status says whether the same batch is worth another attempt", async (t) => {
  const at = await collector(t);
  const { post } = posterTo(t, at.port);
  at.respond = () => ({ status: 400, body: "span 3:\n  bad id" });
  assert.deepEqual(await post("[]"), {
    kind: "refused",
    problem: "the collector responded 400: span 3: bad id",
  });
  at.respond = () => ({ status: 503, headers: { "retry-after": "7" } });
  assert.deepEqual(await post("[]"), {
    kind: "failed",
    problem: "the collector responded 503",
    retryAfterMs: 7_000,
  });
  at.respond = () => ({ status: 429, headers: { "retry-after": "soon" } });
  assert.deepEqual(await post("[]"), { kind: "failed", problem: "the collector responded 429" });
});

test("of a long response only the beginning is read", async (t) => {
  let written = 0;
  const server = createServer((request, response) => {
    request.resume();
    const chunk = Buffer.alloc(65_536, "x");
    const more = (): void => {
      for (let room = true; room && !response.destroyed;) {
        room = response.write(chunk);
        written += chunk.length;
      }
      if (!response.destroyed) response.once("drain", more);
    };
    response.writeHead(500);
    more();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const result = await posterTo(t, port).post("[]");
  assert.ok(result.kind === "failed" && result.problem.length < 300);
  assert.ok(written < 50_000_000, `${written} bytes`);
});

test("a collector that refuses, hangs up or stays silent is a problem in words, never a rejection", async (t) => {
  const refused = await posterTo(t, await deadPort()).post("[]");
  assert.ok(refused.kind === "failed");
  assert.match(refused.problem, /ECONNREFUSED/);

  const server = createServer((request) => {
    if (request.url === "/hang-up") request.socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gone = await posterTo(t, port, { url: `http://127.0.0.1:${port}/hang-up` }).post("[]");
  assert.ok(gone.kind === "failed" && gone.problem !== "");
  const silent = await posterTo(t, port, { timeoutMs: 50 }).post("[]");
  assert.ok(silent.kind === "failed");
  assert.match(silent.problem, /timeout/i);
});

test("a response that drips is given up", async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    const drip = setInterval(() => response.write("x"), 20);
    response.once("close", () => clearInterval(drip));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const result = await posterTo(t, port, { timeoutMs: 100 }).post("[]");
  assert.ok(result.kind === "failed");
  assert.match(result.problem, /timeout/i);
});
