// What callers see when endpoints fail, and what the proxy does about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { fullPort } from "../support/full-port.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import { rawCaller } from "../support/raw.ts";
import { tcpService } from "../support/tcp.ts";

/** A router that sends all to the service `web` of a folder; `client` is that section of its file. */
async function oneClient(
  t: TestContext,
  ports: readonly number[],
  client = "{}",
  router: readonly string[] = [],
) {
  const disco = discovery(t, { web: ports });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      client: ${client}
      servers: [{ port: 0 }]
${router.map((line) => `      ${line}`).join("\n")}`,
  );
  const go = (method = "GET", headers: Readonly<Record<string, string>> = {}, body = "") =>
    ask(proxy.port, "/", { Host: "web", ...headers }, method, body);
  const metric = (name: string) => proxy.metric(`rt/http/client/#/io.l5d.fs/web/${name}`);
  return { proxy, disco, go, metric };
}

test("a call goes to another endpoint when the first refuses the connection", async (t) => {
  const web = await service(t, "web");
  const { go, metric } = await oneClient(t, [await deadPort(), web.port]);
  for (let call = 0; call < 40; call++) assert.equal((await go("POST")).body, "web");
  assert.ok((await metric("retries/requeues")) > 0);
});

test("when every endpoint is dead the response names the address and what to look at", async (t) => {
  const ports = [await deadPort(), await deadPort()];
  const { go } = await oneClient(t, ports);
  const { status, body } = await go();
  assert.equal(status, 502);
  const [, port] = /^Unable to establish connection to 127\.0\.0\.1:(\d+)\./.exec(body) ?? [];
  assert.ok(ports.includes(Number(port)), body);
  assert.match(body, /service name: \/svc\/web\n/);
  assert.match(body, /client name: \/#\/io\.l5d\.fs\/web\n/);
  assert.match(body, /Is the service running/);
});

test("five failures in a row take an endpoint out, and a good probe brings it back", async (t) => {
  let isSick = true;
  const sick = await service(t, (_, response) => {
    response.statusCode = isSick ? 500 : 200;
    response.end("sick");
  });
  const well = await service(t, "well");
  const { go, metric, proxy } = await oneClient(
    t,
    [sick.port, well.port],
    "{ failureAccrual: { kind: io.l5d.consecutiveFailures, backoff: { kind: constant, ms: 300 } } }",
  );
  await until(
    async () => {
      await go();
      return sick.count;
    },
    (count) => count === 5,
    "five calls of the sick endpoint",
  );
  isSick = false; // from here on any probe is good: it is dead once, however slow this machine is
  const takenOutMs = performance.now();
  for (let call = 0; call < 30; call++) {
    const { body } = await go();
    if (performance.now() - takenOutMs < 250) assert.equal(body, "well");
  }
  assert.equal(await metric("failure_accrual/removals"), 1);
  assert.ok(proxy.events.some(({ event }) => event === "endpoint ejected"));
  await until(
    async () => (await go()).body,
    (body) => body === "sick",
    "the probe reaches the endpoint",
  );
  await until(
    () => metric("failure_accrual/revivals"),
    (revivals) => revivals === 1,
    "the endpoint is revived",
  );
});

test("callers whose bodies are malformed or cut short take no endpoint out", async (t) => {
  const web = await service(t, "web");
  const { proxy, metric, go } = await oneClient(t, [web.port]);
  for (let call = 0; call < 12; call++) {
    const from = await caller(t, proxy.port);
    from.write("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    if (call % 2 === 0) from.write("-3\r\n");
    else from.socket.end();
    assert.equal((await from.response()).status, 400);
    await from.closed;
  }
  assert.equal(await metric("failure_accrual/removals"), 0);
  assert.equal(await metric("failures"), 0);
  assert.equal((await go()).body, "web");
});

test("requests go on when all endpoints are marked dead", async (t) => {
  const sick = await service(t, (_, response) => {
    response.statusCode = 500;
    response.end("sick");
  });
  const { go } = await oneClient(t, [sick.port]);
  for (let call = 0; call < 12; call++) assert.equal((await go()).body, "sick");
  assert.equal(sick.count, 12);
});

for (const [key, where] of [
  ["totalTimeoutMs", "service"],
  ["requestAttemptTimeoutMs", "client"],
] as const) {
  for (const status of [503, 504]) {
    test(`${key} ends a call with ${status}`, async (t) => {
      const slow = await service(t, () => {});
      const section = `{ ${key}: 400 }`;
      const { go } = await oneClient(t, [slow.port], where === "client" ? section : "{}", [
        `timeoutStatus: ${status}`,
        ...(where === "service" ? [`service: ${section}`] : []),
      ]);
      const answer = await go();
      assert.equal(answer.status, status);
      assert.match(answer.body, /^The request took too long\.\sexceeded 400 ms to /);
      assert.equal(slow.count, 1);
    });
  }
}

test("timeoutMs of a server ends a call", async (t) => {
  const slow = await service(t, () => {});
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${slow.port}
      servers: [{ port: 0, timeoutMs: 40 }]`,
  );
  const { status, body } = await ask(proxy.port, "/", { Host: "web" });
  assert.equal(status, 503);
  assert.match(body, /exceeded 40 ms to \/svc\/web \(timeoutMs of the server\)/);
  assert.doesNotMatch(body.split("\n")[0] ?? "", /caller's deadline/);
});

test("an endpoint that does not accept in time is given up after connectTimeoutMs", async (t) => {
  const port = await fullPort(t);
  if (port === null) return t.skip("this system queues whatever connects");
  const web = await service(t, "web");
  const { go, disco } = await oneClient(t, [port, web.port], "{ connectTimeoutMs: 60 }");
  for (let call = 0; call < 6; call++) assert.equal((await go("POST")).body, "web");
  disco.set("web", [port]);
  const { status, body } = await until(
    () => go(),
    (answer) => answer.status === 502,
    "only the full port is left",
  );
  assert.equal(status, 502);
  assert.match(body, /did not accept a connection within 60 ms/);
});

test("a response that breaks off reaches the caller broken off, and is counted a failure", async (t) => {
  for (const [framing, head] of [
    ["Content-Length", "Content-Length: 10000\r\n"],
    ["chunked", "Transfer-Encoding: chunked\r\n"],
  ] as const) {
    await t.test(framing, async (each) => {
      const broken = await tcpService(each, (socket) => {
        const chunk = framing === "chunked" ? "5\r\nhello\r\n" : "hello";
        socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n${chunk}`);
      });
      const { proxy, metric } = await oneClient(each, [broken.port]);
      const from = await caller(each, proxy.port);
      await assert.rejects(from.ask("web"), /ended within an answer/);
      assert.match(await from.closed, /^HTTP\/1\.1 200 OK[^]*hello/);
      assert.equal(await metric("failures"), 1);
    });
  }
});

test("a short response that breaks off does not count: the call is sent again, or fails with a 502", async (t) => {
  const broken = await tcpService(t, (socket) => {
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  });
  const web = await service(t, "web");
  const alone = await oneClient(t, [broken.port]);
  const { status, body } = await alone.go();
  assert.equal(status, 502);
  assert.match(body, /^The connection to the service broke before its response was complete\./);
  const both = await oneClient(t, [broken.port, web.port], "{}", [
    "service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }",
  ]);
  for (let call = 0; call < 10; call++) assert.equal((await both.go()).body, "web");
});

test("answers that are not HTTP are a 502, and never reach the caller", async (t) => {
  for (const answer of [
    "SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/1.1 2xx OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nfolded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nna me: x\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: a\0b\r\nContent-Length: 0\r\n\r\n",
  ]) {
    await t.test(JSON.stringify(answer), async (each) => {
      const odd = await tcpService(each, (socket) => void socket.write(answer));
      const { go } = await oneClient(each, [odd.port]);
      const { status, body } = await go("POST");
      assert.equal(status, 502);
      assert.match(body, /^The service sent a response that is not valid HTTP\./);
    });
  }
});

test("bytes behind a response never reach the next caller", async (t) => {
  const chatty = await tcpService(t, (socket) => {
    const extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood${extra}`);
  });
  const { go } = await oneClient(t, [chatty.port]);
  for (let call = 0; call < 5; call++) assert.equal((await go()).body, "good");
});

test("a kept connection that the endpoint has closed costs no call", async (t) => {
  const fickle = await tcpService(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const { go } = await oneClient(t, [fickle.port]);
  for (let call = 0; call < 10; call++) {
    assert.equal((await go("GET")).body, "ok");
    fickle.hangUp(); // the proxy may or may not have noticed when the next call comes
  }
  assert.ok(fickle.connections >= 10);
});

test("ewma leaves a slow endpoint alone", async (t) => {
  const slow = await service(t, (_, response) => {
    setTimeout(() => response.end("slow"), 400).unref();
  });
  const fast = await service(t, "fast");
  const { go } = await oneClient(t, [slow.port, fast.port], "{ loadBalancer: { kind: ewma } }");
  for (let call = 0; call < 60; call++) await go();
  assert.ok(slow.count < 12, `${slow.count} of 60 calls went to the slow endpoint`);
});

test("one request more than maxConcurrentRequests is refused immediately, and may be sent again", async (t) => {
  const held: (() => void)[] = [];
  const slow = await service(t, (_, response) => void held.push(() => response.end("done")));
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${slow.port}
      servers: [{ port: 0, maxConcurrentRequests: 2 }]`,
  );
  const taken = [1, 2].map(() => ask(proxy.port, "/", { Host: "web" }));
  await until(
    () => held.length,
    (count) => count === 2,
    "two calls are in flight",
  );
  const third = await ask(proxy.port, "/", { Host: "web" });
  assert.equal(third.status, 502);
  assert.equal(third.headers.get("l5d-retryable"), "true");
  assert.match(third.body, /maxConcurrentRequests|concurrent/);
  for (const release of held) release();
  for (const answer of await Promise.all(taken)) assert.equal(answer.body, "done");
});

// Each request announces a body that never comes; its caller waits for the response first.
const refusedHeads = {
  "without a Host": { head: "POST / HTTP/1.1\r\n", status: 400 },
  "in absolute form without a Host": { head: "POST http://web/ HTTP/1.1\r\n", status: 400 },
  "with two Hosts": { head: "POST / HTTP/1.1\r\nHost: web\r\nHost: a\r\n", status: 400 },
  "with an unknown expectation": {
    head: "POST / HTTP/1.1\r\nHost: web\r\nExpect: tea\r\n",
    status: 417,
  },
  "with a malformed dtab": {
    head: "POST / HTTP/1.1\r\nHost: web\r\nl5d-dtab: x\r\n",
    status: 400,
  },
  "with a malformed Max-Forwards": {
    head: "OPTIONS / HTTP/1.1\r\nHost: web\r\nMax-Forwards: x\r\n",
    status: 400,
  },
  "that passed too many proxies": {
    head: "POST / HTTP/1.1\r\nHost: web\r\nVia: 1.1 a, 1.1 b, 1.1 c\r\n",
    status: 400,
  },
  "whose name leads nowhere": { head: "POST / HTTP/1.1\r\nHost: unknown\r\n", status: 502 },
  "whose endpoint refuses the connection": {
    head: "POST / HTTP/1.1\r\nHost: dead\r\n",
    status: 502,
  },
};
const framings = {
  "a short body": "Content-Length: 5\r\n",
  "a long body": "Content-Length: 1000000\r\n",
  "a chunked body": "Transfer-Encoding: chunked\r\n",
};

test("a request that is refused gets its response before its body", async (t) => {
  const { rootDir } = discovery(t, { web: [await deadPort()], dead: [await deadPort()] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0, maxCallDepth: 2 }]`,
  );
  for (const [which, { head, status }] of Object.entries(refusedHeads)) {
    for (const [body, framing] of Object.entries(framings)) {
      const raw = rawCaller(t, proxy.port);
      raw.send(`${head}${framing}\r\n`);
      const response = await raw.message();
      assert.equal(response.slice(9, 12), String(status), `${which}, ${body}`);
      raw.socket.destroy();
    }
  }
});

test("a short body that is late still reaches the service, and the connection stays open", async (t) => {
  const web = await service(t, (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => response.end(`got ${text}`));
  });
  const { proxy } = await oneClient(t, [web.port]);
  const raw = rawCaller(t, proxy.port);
  for (let call = 0; call < 2; call++) {
    raw.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhe");
    await until(
      () => web.seen.length,
      (count) => count > call,
      "the call without its body",
    );
    raw.send("llo");
    assert.match(await raw.message(), /got hello$/);
  }
});
