// Request smuggling, told as stories.
//
// The attack: a proxy and an endpoint share one connection for the requests of many callers. If the
// two disagree where one request ends, the bytes between the two opinions become the beginning of
// the next request on that connection, which is somebody else's. The attacker chooses those bytes:
// he makes a stranger's request go to a path of his choice, reads a stranger's cookies back, or
// passes a rule that only the proxy enforces. What it takes is a message that can be read in two
// ways, and a proxy that passes it on as it came. Ours writes every message anew from what it
// understood, and refuses what can be understood in two ways.
//
// Each story sends an attack through the proxy to an endpoint that is as gullible as real ones have
// been, and then an honest request on another connection. The endpoint must see nothing that was
// not asked for, and the honest caller must get its own response.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { passTo } from "../../../support/http.ts";
import { rawCaller, rawEndpoint } from "../../../support/raw.ts";
import type { RawPeer } from "../../../support/raw.ts";

/** How an endpoint misreads: what it takes for the length of a body. */
type Gullible = (head: string) => "chunked" | number;

const believesLength: Gullible = (head) => Number(/content-length:\s*(\d+)/i.exec(head)?.[1] ?? 0);
const believesChunks: Gullible = (head) =>
  /transfer-encoding:[^\n]*chunked/i.test(head) ? "chunked" : believesLength(head);

async function chunkedBody(peer: RawPeer): Promise<void> {
  for (;;) {
    const size = parseInt(await peer.until("\n"), 16); // a bare LF will do for it
    await peer.bytes(size + 2);
    if (size === 0) return;
  }
}

interface Story {
  readonly seen: string[];
  readonly responses: string;
  readonly honest: string;
}

/** Sends the attack, then an honest request; gives what the endpoint saw as requests. */
async function tell(t: TestContext, attack: string, reads: Gullible): Promise<Story> {
  const seen: string[] = [];
  const endpoint = await rawEndpoint(t, (peer) => {
    const serve = async () => {
      for (;;) {
        const head = await peer.until("\r\n\r\n");
        const [line = ""] = head.split("\r\n");
        seen.push(line);
        const body = reads(head);
        if (body === "chunked") await chunkedBody(peer);
        else await peer.bytes(body);
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\n\r\n${line}`);
      }
    };
    serve().catch(() => {}); // the connection is over
  });
  const proxy = await passTo(t, endpoint.port, { dial: { maxConnections: 1 } });
  const attacker = rawCaller(t, proxy.port);
  attacker.send(attack);
  attacker.end();
  const responses = await attacker.rest();
  const caller = rawCaller(t, proxy.port);
  caller.send("GET /honest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return { seen, responses, honest: await caller.rest() };
}

function assertHonest(story: Story): void {
  assert.match(story.honest, /GET \/honest HTTP\/1\.1$/, "the honest caller got its own answer");
  assert.ok(!story.seen.some((line) => line.includes("/smuggled")), story.seen.join(", "));
}

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\nX: ";

for (const [name, framing] of [
  [
    "CL.TE: a length for the proxy, chunks for the endpoint",
    "Content-Length: 41\r\nTransfer-Encoding: chunked",
  ],
  [
    "TE.CL: chunks for the proxy, a length for the endpoint",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
  ],
  ["TE.TE: one of two codings is hidden", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"],
  ["TE.0: a coding that one side does not see", "Transfer-Encoding : chunked"],
  ["a folded coding", "Transfer-Encoding:\r\n chunked"],
  ["a coding behind a vertical tab", "Transfer-Encoding: \u000bchunked"],
  ["a coding behind a bare CR", "X: y\rTransfer-Encoding: chunked"],
  ["a coding behind a bare LF", "X: y\nTransfer-Encoding: chunked"],
  ["a coding behind a NUL", "X: y\u0000\r\nTransfer-Encoding: chunked\u0000"],
  ["two lengths", "Content-Length: 5\r\nContent-Length: 41"],
  ["a list of lengths", "Content-Length: 5, 41"],
  ["a length with a sign", "Content-Length: +5"],
  ["a length that overflows", "Content-Length: 18446744073709551621"],
] as const) {
  for (const reads of [believesLength, believesChunks]) {
    test(`smuggling, ${name} (the endpoint ${reads.name})`, async (t) => {
      const attack = `POST /attack HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n0\r\n\r\n${smuggled}`;
      const story = await tell(t, attack, reads);
      assertHonest(story);
      assert.match(
        story.responses,
        /^HTTP\/1\.1 400 ((?!HTTP\/1).)*$/s,
        "one answer, and it is no",
      );
      assert.deepEqual(story.seen, ["GET /honest HTTP/1.1"]);
    });
  }
}

for (const [name, body] of [
  ["a chunk size with a bare LF", "5\nhello\r\n0\r\n\r\n"],
  ["a chunk extension with a bare LF", `5;x\n${"y".repeat(8)}\r\nhello\r\n0\r\n\r\n`],
  ["a chunk that is longer than it says", `2\r\nxx${smuggled}\r\n0\r\n\r\n`],
  ["a chunk size that overflows", `10000000000000005\r\nhello\r\n0\r\n\r\n`],
  ["a chunk size behind 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
] as const) {
  test(`smuggling, ${name}`, async (t) => {
    const attack = `POST /attack HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    const story = await tell(t, attack, believesChunks);
    assertHonest(story);
    assert.match(story.responses, /^HTTP\/1\.1 400 ((?!HTTP\/1).)*$/s);
  });
}

// "h2c smuggling": an upgrade to HTTP/2 in clear text turns the connection into a tunnel, and every
// request within it passes by the rules of the proxy. Nobody upgrades to it in earnest.
test("smuggling, a tunnel of HTTP/2 through an upgrade", async (t) => {
  const endpoint = await rawEndpoint(t);
  const proxy = await passTo(t, endpoint.port);
  const caller = rawCaller(t, proxy.port);
  caller.send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
  );
  const peer = await endpoint.accepted();
  assert.equal(await peer.until("\r\n\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  assert.match(await caller.message(), /^HTTP\/1\.1 502 /);
});

// Response smuggling: an endpoint (or whoever can make it write) sends more than it announced. The
// surplus would be read as the response to the next request on that connection: somebody else's.
for (const [name, surplus] of [
  ["in the same segment", "same"],
  ["a moment later", "later"],
] as const) {
  test(`a response with a second one behind it, ${name}, reaches one caller only`, async (t) => {
    const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    const endpoint = await rawEndpoint(t, (peer) => {
      const serve = async () => {
        for (;;) {
          const [, target] = (await peer.message()).split(" ");
          const good = `HTTP/1.1 200 OK\r\nContent-Length: ${target?.length}\r\n\r\n${target}`;
          peer.send(surplus === "same" && target === "/first" ? good + poison : good);
          if (surplus === "later" && target === "/first") peer.send(poison);
        }
      };
      serve().catch(() => {});
    });
    const proxy = await passTo(t, endpoint.port);
    const first = rawCaller(t, proxy.port);
    first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(await first.message(), /\/first$/);
    await until(() => proxy.wire.stats.connections === 0);
    const second = rawCaller(t, proxy.port);
    second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(await second.message(), /\/second$/);
  });
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
