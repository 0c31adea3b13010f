// Our parser beside Node's own (llhttp): whatever we take, Node must take, and in the same way.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { rawCaller, rawEndpoint } from "../../support/raw.ts";
import { seeded } from "../../support/random.ts";
import { responseBytes, serveBytes } from "./harness.ts";
import { mutated, randomAnswer, randomRequests } from "./generate.ts";

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** What a server of Node's makes of bytes: requests, and whether it refused something. */
async function nodeServes(t: TestContext) {
  let seen: Seen[] = [];
  const server = createServer(
    { keepAliveTimeout: 0, requireHostHeader: false, highWaterMark: 1 << 20 },
    (request, response) => {
      const at = { method: request.method ?? "", target: request.url ?? "", body: "" };
      seen.push(at);
      request.setEncoding("latin1");
      request.on("data", (text: string) => (at.body += text));
      request.on("end", () => response.end());
    },
  );
  // Not documented: a caller that has said all it wants still gets its responses.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("upgrade", (request, socket) => {
    seen.push({ method: request.method ?? "", target: request.url ?? "", body: "" });
    socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  });
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return async (bytes: string) => {
    seen = [];
    const caller = rawCaller(t, bound.port);
    caller.send(bytes);
    caller.end();
    const answers = await caller.rest();
    caller.socket.destroy();
    return { seen, isRefused: /HTTP\/1\.1 4\d\d /.test(answers) };
  };
}

function ours(bytes: string) {
  const served = serveBytes([bytes]);
  const seen = served.requests
    .filter(({ end }) => end === "complete")
    .map(
      ({ head, body }) =>
        ({ ...head, body }) as unknown as Seen & { absoluteScheme: string | null },
    );
  return { seen, isRefused: served.statuses.some((status) => status >= 400) };
}

function assertSame(
  bytes: string,
  mine: Seen & { absoluteScheme: string | null },
  nodes: Seen | undefined,
): void {
  const how = JSON.stringify(bytes);
  assert.ok(nodes, `Node sees no such request in ${how}`);
  assert.equal(nodes.method, mine.method, how);
  assert.equal(nodes.body, mine.body, how);
  if (mine.absoluteScheme === null) assert.equal(nodes.target, mine.target, how);
}

/*
 * Where we take what Node does not:
 *  - methods that Node does not know (RFC 9110 section 9.1 lets anybody define them)
 *  - the same Content-Length twice (we write one)
 *  - `chunked` with a tab behind it: Node reads on as if there were no body
 *  - targets with bytes from 0x80 on (passed on byte for byte; Node takes them only in part)
 *  - HTTP/1.2 and later (RFC 9110 section 2.5: read as 1.1)
 */
function nodeIsStricter(bytes: string): boolean {
  const lengthFields = bytes.match(/content-length/gi)?.length ?? 0;
  const heads = bytes.match(/HTTP\/1/g)?.length ?? 0;
  if (lengthFields > heads || /chunked\t/i.test(bytes)) return true;
  return (
    /[\u0080-\u00ff]/.test(bytes) ||
    / HTTP\/1\.[2-9]\r/.test(bytes) ||
    !/^(\r\n){0,2}(GET|PUT|POST|HEAD|OPTIONS|DELETE|PATCH|TRACE) /.test(bytes)
  );
}

/*
 * Where Node takes what we refuse (each is a vector that we refuse): a Host of any form, several of
 * some fields, lengths up to 2^64, versions and line ends that are nearly right, a fragment in the
 * target, another expectation, CONNECT. Counted, so that the list is seen to be alive.
 */
const looserInNode = ["two Host fields", "a fragment in the target", "Host a, b", "Host u@h"];

test("Node reads the requests of the table that we accept in the same way", async (t) => {
  const node = await nodeServes(t);
  const { requests } = JSON.parse(readFileSync("test/vectors/http.json", "utf8")) as {
    requests: {
      good: { name: string; bytes: string }[];
      refused: { name: string; bytes: string }[];
    };
  };
  for (const { bytes } of requests.good) {
    if (nodeIsStricter(bytes)) continue;
    const mine = ours(bytes);
    const nodes = await node(bytes);
    mine.seen.forEach((each, i) => assertSame(bytes, each, nodes.seen[i]));
  }
  const taken: string[] = [];
  for (const { name, bytes } of requests.refused) {
    const { isRefused, seen } = await node(bytes);
    if (!isRefused && seen.length > 0) taken.push(name);
  }
  for (const name of looserInNode)
    assert.ok(taken.includes(name), `${name}; Node takes ${taken.join("; ")}`);
});

test("random requests that we accept mean the same to Node", async (t) => {
  const node = await nodeServes(t);
  const seed = Number(process.env["SEED"] ?? 20_240_601);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const untilMs = performance.now() + 2_000;
  let compared = 0;
  while (performance.now() < untilMs && compared < 400) {
    const good = randomRequests(random);
    const bytes = random() < 0.5 ? good : mutated(good, random);
    const mine = ours(bytes);
    if (mine.seen.length === 0 || nodeIsStricter(bytes)) continue;
    const nodes = await node(bytes);
    for (const [i, each] of mine.seen.entries()) {
      if (nodeIsStricter(`${each.method} `)) break; // and there Node stops
      assertSame(bytes, each, nodes.seen[i]);
    }
    compared++;
  }
  assert.ok(compared > 20, `${compared} compared`);
});

test("random responses that we accept mean the same to Node", async (t) => {
  let bytes = "";
  const endpoint = await rawEndpoint(t, (peer) => {
    void peer.until("\r\n\r\n").then(() => {
      peer.send(bytes);
      peer.end();
    });
  });
  const nodeReads = () =>
    new Promise<{ status: number | undefined; body: string } | null>((resolve) => {
      const call = ask({ port: endpoint.port, agent: false }, (response: IncomingMessage) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode, body }));
        response.on("error", () => resolve(null));
      });
      call.on("upgrade", (_response, socket) => (socket.destroy(), resolve(null)));
      call.on("error", () => resolve(null));
      call.end();
    });
  const seed = Number(process.env["SEED"] ?? 20_240_602);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const untilMs = performance.now() + 2_000;
  let compared = 0;
  while (performance.now() < untilMs && compared < 300) {
    const good = randomAnswer(random);
    bytes = random() < 0.5 ? good : mutated(good, random);
    const { answer, failure, isOver, isReusable } = responseBytes([bytes], {}, "fin");
    if (answer === null || failure !== null || !isOver || answer.end !== "complete") continue;
    const nodes = await nodeReads();
    const how = JSON.stringify(bytes);
    // Node throws a response away when more than was announced follows; we only the connection.
    const isFramed = /content-length|chunked/i.test(bytes);
    if (nodes === null && isFramed && !isReusable) continue;
    assert.ok(nodes, `Node reads no answer in ${how}`);
    assert.equal(nodes.status, answer.head["status"], how);
    assert.equal(nodes.body, answer.body, how);
    compared++;
  }
  assert.ok(compared > 20, `${compared} compared`);
});
