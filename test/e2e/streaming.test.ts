// Bodies that flow: both ways, with back-pressure, in every framing; and what is odd about HTTP.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { caller } from "../support/caller.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";
import type { Answering } from "../support/service.ts";
import { tcpService } from "../support/tcp.ts";

const megabyte = 1024 * 1024;

/** A router in front of one port. */
async function before(t: TestContext, port: number, router: readonly string[] = []) {
  return startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${port}
      servers: [{ port: 0 }]
${router.map((line) => `      ${line}`).join("\n")}`,
  );
}

async function beforeService(t: TestContext, answer: Answering | string) {
  const web = await service(t, answer);
  return { web, proxy: await before(t, web.port) };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** The highest that memory in use rose while `work` ran. */
async function peakOf(work: () => Promise<void>): Promise<number> {
  const read = () => {
    collectGarbage(); // mostly of the test's own: its peers make a buffer a read
    const { external, arrayBuffers, heapUsed } = process.memoryUsage();
    return Math.max(external, arrayBuffers) + heapUsed;
  };
  const start = read();
  let peak = start;
  const timer = setInterval(() => (peak = Math.max(peak, read())), 20);
  await work();
  clearInterval(timer);
  return peak - start;
}

test("an unread download stops at the service, and arrives whole when read", async (t) => {
  const bytes = 100 * megabyte;
  let written = 0;
  const { proxy } = await beforeService(t, (_, response) => {
    response.setHeader("Content-Length", bytes);
    const chunk = Buffer.alloc(64 * 1024, "x");
    const write = () => {
      while (written < bytes) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  });
  let received = 0;
  const socket = connect({
    port: proxy.port,
    host: "127.0.0.1",
    // One buffer for all: what is measured shall be the proxy's memory, not this caller's garbage.
    onread: {
      buffer: Buffer.alloc(64 * 1024),
      callback(length) {
        received += length;
        return true;
      },
    },
  });
  t.after(() => void socket.destroy());
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
  let last = -1;
  await until(
    async () => {
      const isStill = written === last && written > 0;
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return isStill;
    },
    (isStill) => isStill,
    "the service stops writing",
  );
  assert.ok(written < 40 * megabyte, `${written} bytes were taken for a caller that reads none`);
  const grown = await peakOf(async () => {
    socket.resume();
    await once(socket, "close");
  });
  assert.ok(received > bytes && received < bytes + 1_000, `${received} bytes`);
  assert.ok(grown < 64 * megabyte, `${grown} bytes of memory`);
});

test("an upload to a service that does not read stops at the caller, and arrives whole", async (t) => {
  const bytes = 100 * megabyte;
  let release: () => void = () => {};
  const { proxy } = await beforeService(t, (request, response) => {
    let received = 0;
    release = () => {
      request.on("data", (chunk: Buffer) => (received += chunk.length));
      request.on("end", () => response.end(String(received)));
    };
  });
  const from = await caller(t, proxy.port);
  from.write(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${bytes}\r\n\r\n`);
  const chunk = Buffer.alloc(64 * 1024, "x");
  let sent = 0;
  let isStuck = false;
  const send = () => {
    isStuck = false;
    while (sent < bytes) {
      sent += chunk.length;
      if (from.socket.write(chunk)) continue;
      isStuck = true;
      return void from.socket.once("drain", send);
    }
  };
  send();
  let last = -1;
  await until(
    async () => {
      const isStill = isStuck && sent === last;
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return isStill;
    },
    (isStill) => isStill,
    "the caller cannot send on",
  );
  assert.ok(sent < 40 * megabyte, `${sent} bytes were taken for a service that reads none`);
  const grown = await peakOf(async () => {
    release();
    assert.equal((await from.response()).body, String(bytes));
  });
  assert.ok(grown < 64 * megabyte, `${grown} bytes of memory`);
});

test("chunks and trailers pass in both directions", async (t) => {
  const { proxy } = await beforeService(t, (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      response.setHeader("Trailer", "x-answered");
      response.write(`${body} with ${request.trailers["x-asked"]}`);
      response.addTrailers({ "x-answered": "yes" });
      response.end();
    });
  });
  const from = await caller(t, proxy.port);
  from.write(
    "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nx-asked: please\r\n\r\n",
  );
  const all: Buffer[] = [];
  from.socket.on("data", (chunk) => all.push(chunk));
  const { body } = await from.response();
  assert.equal(body, "hello world with please");
  assert.match(Buffer.concat(all).toString(), /\r\n0\r\nx-answered: yes\r\n\r\n$/);
});

test("an HTTP/1.0 caller gets a response without chunks, and its connection is closed", async (t) => {
  const { proxy, web } = await beforeService(t, (_, response) => {
    response.write("in ");
    response.end("parts");
  });
  const from = await caller(t, proxy.port);
  from.write("GET / HTTP/1.0\r\nHost: web\r\n\r\n");
  const { body, headers } = await from.response();
  assert.equal(body, "in parts");
  assert.equal(headers.get("transfer-encoding"), undefined);
  await from.closed;
  assert.equal(web.count, 1);
});

test("an HTTP/1.0 caller that requests keep-alive keeps its connection", async (t) => {
  const { proxy } = await beforeService(t, (_, response) => {
    response.setHeader("Content-Length", 2);
    response.end("ok");
  });
  const from = await caller(t, proxy.port);
  for (let call = 0; call < 3; call++) {
    from.write("GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n");
    assert.equal((await from.response()).body, "ok");
  }
});

test("the service responds to Expect: 100-continue, and then the body flows", async (t) => {
  const { proxy } = await beforeService(t, (request, response) => {
    request.on("data", (chunk: Buffer) => response.write(chunk));
    request.on("end", () => response.end());
  });
  const from = await caller(t, proxy.port);
  from.write("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  assert.equal((await from.response()).status, 100);
  from.write("hello");
  assert.equal((await from.response()).body, "hello");
});

test("a service that refuses Expect: 100-continue never sees the body", async (t) => {
  const web = await tcpService(t, (socket) => {
    socket.end(
      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
    );
  });
  const proxy = await before(t, web.port);
  const from = await caller(t, proxy.port);
  from.write(
    "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 50000000\r\nExpect: 100-continue\r\n\r\n",
  );
  const { status, body } = await from.response();
  assert.deepEqual([status, body], [417, "no"]);
});

test("Expect: 100-continue does not hang at a service that ignores it", async (t) => {
  const web = await tcpService(t, (socket, text) => {
    if (text.endsWith("hello")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const proxy = await before(t, web.port, ["client: { continueTimeoutMs: 50 }"]);
  const from = await caller(t, proxy.port);
  from.write(
    "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
  );
  let answer = await from.response();
  if (answer.status === 100) answer = await from.response();
  assert.equal(answer.body, "ok");
});

test("an early response to a big upload reaches the caller", async (t) => {
  const { proxy } = await beforeService(t, (_, response) => {
    response.statusCode = 413;
    response.end("too big");
  });
  const from = await caller(t, proxy.port);
  from.write("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 50000000\r\n\r\n");
  from.write(Buffer.alloc(200 * 1024, "x"));
  const { status, body } = await from.response();
  assert.deepEqual([status, body], [413, "too big"]);
});

test("twenty pipelined requests to different services get their responses in order", async (t) => {
  // The first services are the slowest.
  const { proxy } = await beforeService(t, (request, response) => {
    const id = Number(request.headers.host?.slice("name-".length));
    setTimeout(() => response.end(`answer ${id}`), (20 - id) * 4).unref();
  });
  const from = await caller(t, proxy.port);
  const requests = Array.from(
    { length: 20 },
    (_, id) => `GET / HTTP/1.1\r\nHost: name-${id}\r\n\r\n`,
  );
  from.write(requests.join(""));
  for (let id = 0; id < 20; id++) assert.equal((await from.response()).body, `answer ${id}`);
});

test("HEAD, 204 and 304 have no body, and the connection stays open", async (t) => {
  const { proxy } = await beforeService(t, (request, response) => {
    const status = Number(request.url?.slice(1)) || 200;
    response.statusCode = status;
    if (status === 200) response.setHeader("Content-Length", 1_000);
    response.end(request.method === "HEAD" || status !== 200 ? "" : "x".repeat(1_000));
  });
  const from = await caller(t, proxy.port);
  const head = await from.ask("web", "HEAD / HTTP/1.1");
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "1000"]);
  assert.equal((await from.ask("web", "GET /204 HTTP/1.1")).status, 204);
  assert.equal((await from.ask("web", "GET /304 HTTP/1.1")).status, 304);
  assert.equal((await from.ask("web")).body.length, 1_000);
});

test("a response without a length ends with the service's connection", async (t) => {
  const web = await tcpService(
    t,
    (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end"),
  );
  const proxy = await before(t, web.port);
  const from = await caller(t, proxy.port);
  assert.equal((await from.ask("web")).body, "until the end");
});

test("early hints come before the response", async (t) => {
  const web = await tcpService(t, (socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const proxy = await before(t, web.port);
  const from = await caller(t, proxy.port);
  const hint = await from.ask("web");
  assert.deepEqual([hint.status, hint.headers.get("link")], [103, "</a.css>"]);
  assert.equal((await from.response()).body, "ok");
});

test("a WebSocket goes through two proxies", async (t) => {
  const web = await tcpService(t, (socket, text) => {
    if (!text.startsWith("GET ")) return void socket.write(text);
    assert.match(text, /^upgrade: websocket\r$/im);
    assert.match(text, /^connection: upgrade\r$/im);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello from the service",
    );
  });
  const inner = await before(t, web.port);
  const outer = await before(t, inner.port);
  const from = await caller(t, outer.port);
  from.write(
    "GET /chat HTTP/1.1\r\nHost: web\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nfirst",
  );
  let received = "";
  from.socket.on("data", (chunk) => (received += chunk.toString("latin1")));
  const { status, headers } = await from.response();
  assert.equal(status, 101);
  assert.equal(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const frames = "frame ".repeat(30_000);
  from.write(frames);
  await until(
    () => received.length,
    (length) => length > frames.length + 200,
    "all frames came back",
  );
  assert.equal(received.split("\r\n\r\n")[1], `hello from the servicefirst${frames}`);
  from.close();
});

test("a service that refuses to upgrade responds as to any request", async (t) => {
  const { proxy } = await beforeService(t, "plain");
  const from = await caller(t, proxy.port);
  from.write("GET / HTTP/1.1\r\nHost: web\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  assert.equal((await from.response()).body, "plain");
  assert.equal((await from.ask("web")).body, "plain");
});

test("a 426 says which protocol it requires", async (t) => {
  const raw = await tcpService(t, (socket) =>
    socket.write(
      "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket/13\r\n" +
        "Content-Length: 2\r\n\r\nno",
    ),
  );
  const proxy = await before(t, raw.port);
  const from = await caller(t, proxy.port);
  from.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  const { status, headers, body } = await from.response();
  assert.deepEqual(
    [status, headers.get("connection"), headers.get("upgrade"), body],
    [426, "Upgrade", "websocket/13", "no"],
  );
});

test("heads that are too long are refused with the status that says which part", async (t) => {
  const { proxy, web } = await beforeService(t, "web");
  for (const [status, head] of [
    [414, `GET /${"a".repeat(5_000)} HTTP/1.1\r\nHost: web\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\nHost: web\r\nx: ${"a".repeat(9_000)}\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\nHost: web\r\n${"x: y\r\n".repeat(101)}\r\n`],
  ] as const) {
    const from = await caller(t, proxy.port);
    from.write(head);
    assert.equal((await from.response()).status, status);
    await from.closed;
  }
  assert.equal(web.count, 0);
  const bigger = await before(t, web.port, ["maxInitialLineKB: 16", "maxHeadersKB: 16"]);
  const from = await caller(t, bigger.port);
  from.write(`GET /${"a".repeat(5_000)} HTTP/1.1\r\nHost: web\r\nx: ${"a".repeat(9_000)}\r\n\r\n`);
  assert.equal((await from.response()).status, 200);
});

test("a caller that disconnects in the middle of an upload cancels the call", async (t) => {
  let isAborted = false;
  const { proxy, web } = await beforeService(t, (request) => {
    request.on("close", () => (isAborted = !request.complete));
    request.on("error", () => {});
    request.resume();
  });
  const from = await caller(t, proxy.port);
  from.write("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\n");
  from.write(Buffer.alloc(100_000));
  await until(
    () => web.count,
    (count) => count === 1,
    "the service is asked",
  );
  from.close();
  await until(
    () => isAborted,
    (is) => is,
    "the service sees that the caller is gone",
  );
});
