// `compressionLevel`: which responses are compressed, how, and for whom.
import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createGunzip, gunzipSync, inflateSync } from "node:zlib";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

const text = "a text that can be compressed, since it repeats itself; ".repeat(200);

async function proxied(t: TestContext, listener: RequestListener, level = 6) {
  const web = await service(t, listener);
  return startProxy(
    t,
    `
    routers:
    - protocol: http
      compressionLevel: ${level}
      dtab: /svc => /$/inet/127.1/${web.port}
      servers: [{ port: 0 }]`,
  );
}

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
}

async function fetchFrom(
  port: number,
  headers: OutgoingHttpHeaders = { "accept-encoding": "gzip" },
  method = "GET",
): Promise<Received> {
  const request = get({ port, host: "127.0.0.1", method, headers: { host: "web", ...headers } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { headers: response.headers, bytes: Buffer.concat(chunks) };
}

const sending =
  (headers: OutgoingHttpHeaders, body = text, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

test("text is compressed in the coding that the caller likes best", async (t) => {
  const proxy = await proxied(t, sending({ "content-type": "text/html; charset=utf-8" }));
  const gzipped = await fetchFrom(proxy.port, { "accept-encoding": "gzip, deflate, br" });
  assert.equal(gzipped.headers["content-encoding"], "gzip");
  assert.equal(gzipped.headers["content-length"], undefined);
  assert.equal(gunzipSync(gzipped.bytes).toString(), text);
  assert.ok(gzipped.bytes.length < text.length / 10, `${gzipped.bytes.length} bytes`);
  const deflated = await fetchFrom(proxy.port, { "accept-encoding": "deflate, gzip;q=0.5" });
  assert.equal(deflated.headers["content-encoding"], "deflate");
  assert.equal(inflateSync(deflated.bytes).toString(), text);
});

test("a caller that accepts no coding gets the text as it is, and caches learn why", async (t) => {
  const proxy = await proxied(t, sending({ "content-type": "application/json", etag: '"1"' }));
  for (const headers of [{}, { "accept-encoding": "br" }, { "accept-encoding": "gzip;q=0" }]) {
    const plain = await fetchFrom(proxy.port, headers);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.deepEqual([plain.headers.vary, plain.headers.etag], ["Accept-Encoding", '"1"']);
    assert.equal(plain.bytes.toString(), text);
  }
});

test("a compressed response has a weak tag and no ranges", async (t) => {
  const fields = { "content-type": "application/json", etag: '"1"', "accept-ranges": "bytes" };
  const proxy = await proxied(t, sending(fields));
  const { headers } = await fetchFrom(proxy.port);
  assert.deepEqual(
    [headers.etag, headers["accept-ranges"], headers.vary],
    ['W/"1"', undefined, "Accept-Encoding"],
  );
});

test("the types are those that Linkerd compresses", async (t) => {
  let contentType = "";
  const proxy = await proxied(t, (_request, response) => {
    if (contentType !== "") response.setHeader("content-type", contentType);
    response.end(text);
  });
  const codingOf = async (type: string) => {
    contentType = type;
    return (await fetchFrom(proxy.port)).headers["content-encoding"];
  };
  const application = ["json", "javascript", "xml", "xhtml+xml", "atom+xml", "rss+xml"];
  const types = ["text/plain", "text/css", "TEXT/HTML", "image/svg+xml"];
  for (const type of [...types, ...application.map((each) => `application/${each}`)]) {
    assert.equal(await codingOf(type), "gzip", type);
  }
  for (const type of [
    "",
    "image/png",
    "application/octet-stream",
    "application/grpc",
    "video/mp4",
  ]) {
    assert.equal(await codingOf(type), undefined, type);
  }
});

test("what is encoded already, partial, empty or not to be transformed passes as it is", async (t) => {
  const plain = { "content-type": "text/plain" };
  const listeners: readonly RequestListener[] = [
    sending({ ...plain, "content-encoding": "br" }),
    sending({ ...plain, "cache-control": "public, no-transform" }),
    sending({ ...plain, "content-range": "bytes 0-9/100" }, "0123456789", 206),
    sending({ ...plain, "content-length": "0" }, ""),
    sending(plain, "", 204),
  ];
  let now = 0;
  const proxy = await proxied(t, (request, response) => listeners[now]?.(request, response));
  for (; now < listeners.length; now++) {
    const { headers } = await fetchFrom(proxy.port);
    assert.notEqual(headers["content-encoding"], "gzip", String(now));
    assert.equal(headers.vary, undefined, String(now));
  }
  now = 0;
  const head = await fetchFrom(proxy.port, { "accept-encoding": "gzip" }, "HEAD");
  assert.equal(head.bytes.length, 0);
});

test("events of a stream arrive while it goes on", async (t) => {
  let send = (_event: string): void => {};
  const proxy = await proxied(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    send = (event) => void response.write(event);
  });
  const request = get({
    port: proxy.port,
    headers: { host: "web", "accept-encoding": "gzip" },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let received = "";
  response.pipe(createGunzip()).on("data", (bytes: Buffer) => (received += bytes.toString()));
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    send(event);
    await until(
      () => received,
      (all) => all.endsWith(event),
      event,
    );
  }
  request.destroy();
});

test("a long response flows, slowly where the caller reads slowly, and arrives whole", async (t) => {
  const line = (i: number) => `${i} ${Math.sin(i)}\n`.repeat(200);
  const proxy = await proxied(
    t,
    (_request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      let i = 0;
      const more = (): void => {
        while (i < 3_000) if (!response.write(line(i++))) return void response.once("drain", more);
        response.end();
      };
      more();
    },
    1,
  );
  const { bytes, headers } = await fetchFrom(proxy.port);
  assert.equal(headers["content-encoding"], "gzip");
  const expected = Array.from({ length: 3_000 }, (_, i) => line(i)).join("");
  assert.ok(gunzipSync(bytes).toString() === expected);
});

test("a caller that leaves in the middle leaves nothing behind", async (t) => {
  const proxy = await proxied(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    const more = (): void => {
      while (!response.destroyed) {
        if (!response.write(`${Math.sin(performance.now())}\n`.repeat(1_000))) {
          return void response.once("drain", more);
        }
      }
    };
    more();
  });
  const request = get({ port: proxy.port, headers: { host: "web", "accept-encoding": "gzip" } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await once(response, "data");
  response.pause();
  request.destroy();
  await until(
    () => proxy.metric("rt/http/server/127.0.0.1/0/cancelled"),
    (count) => count === 1,
    "the call cancelled",
  );
});

test("without the key, or with 0 or -1, nothing is compressed", async (t) => {
  for (const level of [0, -1]) {
    const proxy = await proxied(t, sending({ "content-type": "text/plain" }), level);
    const { headers, bytes } = await fetchFrom(proxy.port);
    assert.equal(headers["content-encoding"], undefined);
    assert.equal(bytes.toString(), text);
  }
});
