// Callers and endpoints that behave badly, all at once: every response still goes to its own caller.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../../src/core/clock.ts";
import { passTo } from "../../support/http.ts";
import { rawCaller, rawEndpoint } from "../../support/raw.ts";
import type { RawPeer } from "../../support/raw.ts";
import { seeded } from "../../support/random.ts";

/** Reads one request whole, with its body; gives the token in its target. */
async function readRequest(peer: RawPeer): Promise<string> {
  const head = await peer.until("\r\n\r\n");
  if (/^transfer-encoding: chunked/im.test(head)) await peer.until("0\r\n\r\n");
  else await peer.bytes(Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0));
  return /^\w+ \/(\S*)/.exec(head)?.[1] ?? "";
}

function goodAnswer(token: string, random: Random): string {
  const body = token.repeat(1 + Math.floor(random() * 200));
  if (random() < 0.5) return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const half = Math.floor(body.length / 2) || 1;
  const chunk = (text: string) => (text === "" ? "" : `${text.length.toString(16)}\r\n${text}\r\n`);
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`;
}

/** Mostly well, sometimes late, in pieces, too much, too little, or not at all. */
async function serve(peer: RawPeer, random: Random): Promise<void> {
  for (;;) {
    const token = await readRequest(peer);
    const response = goodAnswer(token, random);
    const how = random();
    if (how < 0.03) return peer.reset();
    if (how < 0.06) return peer.end();
    if (how < 0.09) peer.send(response.slice(0, response.length >> 1));
    else if (how < 0.12) peer.send(`${response}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
    else if (how < 0.5) {
      const cut = Math.floor(random() * response.length);
      peer.send(response.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      peer.send(response.slice(cut));
    } else peer.send(response);
    if (how < 0.09) return peer.end();
  }
}

/** Asks a few times on one connection, and checks that what comes is its own. */
async function call(peer: RawPeer, name: string, random: Random): Promise<number> {
  let responses = 0;
  for (let i = 0; i < 5; i++) {
    const token = `${name}.${i}-`;
    const body = "b".repeat(Math.floor(random() ** 4 * 20_000));
    const method = body === "" ? "GET" : "POST";
    const framing =
      random() < 0.5 ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked";
    const framed =
      framing.startsWith("C") || body === "" ? body : `${body.length.toString(16)}\r\n${body}\r\n`;
    const end = framing.startsWith("T") ? "0\r\n\r\n" : "";
    const request = `${method} /${token} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${framed}${end}`;
    const stop = random() < 0.05 ? Math.floor(random() * request.length) : request.length;
    peer.send(request.slice(0, stop));
    if (stop < request.length || random() < 0.05) return (peer.reset(), responses);
    const head = await peer.until("\r\n\r\n");
    const text = await bodyOf(peer, head);
    if (head.startsWith("HTTP/1.1 200")) {
      assert.equal(text.replaceAll(token, ""), "", `${name} got ${text.slice(0, 100)}`);
      responses++;
    } else assert.match(head, /^HTTP\/1\.1 502 /);
  }
  peer.end();
  return responses;
}

async function bodyOf(peer: RawPeer, head: string): Promise<string> {
  if (!/^transfer-encoding: chunked/im.test(head)) {
    return peer.bytes(Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0));
  }
  let text = "";
  for (;;) {
    const size = parseInt(await peer.until("\r\n"), 16);
    const chunk = await peer.bytes(size + 2);
    if (size === 0) return text;
    text += chunk.slice(0, size);
  }
}

test("no caller ever gets another's response, and nothing is left over", async (t) => {
  const seed = Number(process.env["SEED"] ?? 20_240_606);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const endpoint = await rawEndpoint(t, (peer) => void serve(peer, random).catch(() => {}));
  const proxy = await passTo(t, endpoint.port, { dial: { maxConnections: 10 } });
  let [responses, broken] = [0, 0];
  for (let round = 0; round < 6; round++) {
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        try {
          const good = await call(rawCaller(t, proxy.port), `r${round}c${i}`, random);
          responses += good;
        } catch (error) {
          // A connection that ended early is what was asked for; a wrong response is not.
          if (error instanceof assert.AssertionError) throw error;
          broken++;
        }
      }),
    );
  }
  assert.ok(responses > 300, `${responses} responses, ${broken} broken connections`);
  while (proxy.open.count > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const { stats } = proxy.wire;
  assert.equal(stats.waiters, 0);
  assert.equal(stats.connections, stats.pooled, "no connection is lost in use");
});
