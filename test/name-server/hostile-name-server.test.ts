// A name server that sends more than it should: each of its names fails with the reason, and nothing else suffers.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { LatestLines } from "../../src/naming/namerd/lines.ts";
import { readAddresses, readTree } from "../../src/naming/namerd/json.ts";

const piece = Buffer.alloc(64 * 1024, "x");

/** Sends as fast as it is read, without end. */
function flood(response: ServerResponse): void {
  while (!response.destroyed && response.write(piece));
  if (!response.destroyed) response.once("drain", () => flood(response));
}

const hostile = {
  "a line without end": (response) => flood(response),
  "a refusal without end": (response) => flood(response.writeHead(500)),
} satisfies Record<string, (response: ServerResponse) => void>;

for (const [what, send] of Object.entries(hostile)) {
  test(`${what} ends the watch: the call fails with the reason`, async (t) => {
    const strange = await service(t, (request, response) => {
      if (request.method === "HEAD") response.end();
      else send(response);
    });
    const sidecar = await startProxy(
      t,
      `
      routers:
      - protocol: http
        interpreter:
          kind: io.l5d.namerd.http
          dst: /$/inet/127.0.0.1/${strange.port}
        servers: [{ port: 0 }]
      `,
    );
    const { status, body } = await ask(sidecar.port, "/", { Host: "web" });
    assert.equal(status, 502);
    assert.match(body, /more than 4194304 bytes|responded with 500: x{200}\b/);
  });
}

test("lines are put together from chunks of any size, and only the latest two count", () => {
  const text = "one\n\ntwo €\nthree\nfour\nfi";
  for (const size of [1, 2, 3, 7, 100]) {
    const bytes = Buffer.from(text);
    const lines = new LatestLines();
    const taken: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      taken.push(...(lines.take(bytes.subarray(at, at + size)) ?? ["too long"]));
    }
    const expected = size === 100 ? ["three", "four"] : ["one", "two €", "three", "four"];
    assert.deepEqual(taken, expected, `in chunks of ${size} bytes`);
    assert.deepEqual(lines.take(Buffer.from("ve\n")), ["five"]);
  }
});

test("a line may have 4 MiB", () => {
  const lines = new LatestLines();
  const mebibyte = Buffer.alloc(1024 * 1024, "x");
  for (let i = 0; i < 4; i++) assert.deepEqual(lines.take(mebibyte), []);
  assert.equal(lines.take(Buffer.from("x")), null);
});

test("trees of too many nodes, or with impossible weights, are refused", () => {
  const of = (count: number) => ({
    type: "alt",
    alt: Array.from({ length: count }, () => ({ type: "neg" })),
  });
  assert.notEqual(readTree(of(19_999)), null);
  assert.equal(readTree(of(20_000)), null);
  const weighted = (weight: unknown) => ({
    type: "union",
    union: [{ weight, tree: { type: "neg" } }],
  });
  assert.notEqual(readTree(weighted(0.5)), null);
  for (const weight of [-1, Infinity, NaN, "1"]) assert.equal(readTree(weighted(weight)), null);
});

test("addresses are IP addresses", () => {
  const of = (ip: string) => readAddresses({ type: "bound", addrs: [{ ip, port: 80, meta: {} }] });
  for (const ip of ["127.0.0.1", "::1"]) assert.notEqual(of(ip), null);
  for (const ip of ["", "web", "127.0.0.1\r\nX: 1", "x".repeat(100_000)])
    assert.equal(of(ip), null);
});
