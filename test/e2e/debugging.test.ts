// The table of docs/debugging.md: each failure, made for real, is named by the error of the call and by /problems.json.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testAuthority } from "../support/certificates.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort, service } from "../support/service.ts";
import { tcpService } from "../support/tcp.ts";
import { until } from "../support/until.ts";

interface Symptom {
  /** The row of the table. */
  readonly name: string;
  readonly peer?: "openssl";
  /** The ports of the service `web`, after whatever is broken was broken. */
  ports(t: TestContext, lines: string[]): Promise<readonly number[]>;
  /** Lines of the router; `ports` may add some. */
  readonly router?: readonly string[];
  readonly dtab?: string;
  /** Instead of a folder; `port` is the first of `ports`. */
  namer?(port: number): string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly calls?: number;
  /** What the last call that failed says; null: none fails. */
  readonly body: RegExp | null;
  readonly problem: { readonly kind: string; readonly text: RegExp } | null;
}

const working = (t: TestContext) => service(t, "web");

async function slow(t: TestContext): Promise<number> {
  const { port } = await service(t, (_, response) => {
    const timer = setTimeout(() => response.end("late"), 5_000);
    response.on("close", () => clearTimeout(timer));
  });
  return port;
}

async function refusingConsul(t: TestContext): Promise<number> {
  const { port } = await service(t, (_, response) => {
    response.statusCode = 403;
    response.end("ACL not found");
  });
  return port;
}

/** Nobody is answered before a handshake, in which a certificate from yesterday is shown. */
async function expired(t: TestContext, lines: string[]): Promise<number> {
  const authority = testAuthority(t);
  const { certPath, keyPath } = authority.issue("users.test", { days: -1 });
  lines.push(`client: { tls: { commonName: users.test, trustCertsBundle: ${authority.caPath} } }`);
  const server = createServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const consul = (port: number) => `{ kind: io.l5d.consul, host: 127.0.0.1, port: ${port} }`;

const symptoms: readonly Symptom[] = [
  {
    name: "service down",
    ports: async () => [await deadPort()],
    calls: 2,
    body: /Unable to establish connection to 127\.0\.0\.1:\d+\.\n127\.0\.0\.1:\d+ refused the connection/,
    problem: {
      kind: "endpoints-down",
      text: /^The only endpoint of \/#\/io\.l5d\.fs\/web takes no calls: 127\.0\.0\.1:\d+ \(refused the connection\)\.$/,
    },
  },
  {
    name: "one of three endpoints bad",
    ports: async (t) => [(await working(t)).port, (await working(t)).port, await deadPort()],
    calls: 30,
    body: null,
    problem: {
      kind: "endpoints-ejected",
      text: /^1 of 3 endpoints of .* gets no calls: .*refused/,
    },
  },
  {
    name: "wrong dtab",
    ports: async (t) => [(await working(t)).port],
    dtab: "/svc => /srv",
    body: /\/srv\/web {2}\(\/svc => \/srv\) {2}no such name: no dentry matches/,
    problem: { kind: "dtab-dead-end", text: /no entry covers \/srv/ },
  },
  {
    name: "wrong Host",
    ports: async (t) => [(await working(t)).port],
    host: "wbe",
    body: /leads \/svc\/wbe nowhere.*switchyard why/s,
    problem: {
      kind: "name-unbound",
      text: /^\/svc\/wbe leads nowhere: 1 call found no address\.$/,
    },
  },
  {
    name: "Consul gone",
    ports: async () => [await deadPort()],
    namer: consul,
    dtab: "/svc => /#/io.l5d.consul/dc1",
    body: /Consul at 127\.0\.0\.1:\d+ cannot be asked: connect ECONNREFUSED/,
    problem: {
      kind: "discovery-unavailable",
      text: /^\/#\/io\.l5d\.consul cannot ask Consul at 127\.0\.0\.1:\d+ for 1 of 1 name \(connect ECONNREFUSED/,
    },
  },
  {
    name: "Consul answers 403",
    ports: async (t) => [await refusingConsul(t)],
    namer: consul,
    dtab: "/svc => /#/io.l5d.consul/dc1",
    body: /Consul responded with 403: ACL not found.*give it a token/s,
    problem: { kind: "discovery-unavailable", text: /Consul responded with 403: ACL not found/ },
  },
  {
    name: "service slow",
    ports: async (t) => [await slow(t)],
    router: ["service: { totalTimeoutMs: 50 }"],
    calls: 6,
    body: /exceeded 50 ms to \/svc\/web \(totalTimeoutMs, all attempts included\)/,
    problem: {
      kind: "requests-failing",
      text: /^\d+ of \d+ calls of \/svc\/web failed in the last minute \(100 %\): \d+ too late\.$/,
    },
  },
  {
    name: "service answers 500",
    ports: async (t) => [
      (
        await service(t, (_, response) => {
          response.statusCode = 500;
          response.end("out of order");
        })
      ).port,
    ],
    calls: 8,
    body: /^out of order$/,
    problem: { kind: "requests-failing", text: /by the response of the service/ },
  },
  {
    name: "deadline too short",
    ports: async (t) => [await slow(t)],
    // Nanoseconds since 1970: the call began now, and its caller waits for 50 ms.
    headers: { "l5d-ctx-deadline": "soon" },
    body: /exceeded \d+ ms to \/svc\/web, which was left of the caller's deadline/,
    problem: null,
  },
  {
    name: "limit hit",
    ports: async (t) => [(await working(t)).port],
    router: ["service: { rateLimit: { perSec: 1, burst: 1 } }"],
    calls: 6,
    body: /There are more requests than a limit allows/,
    problem: { kind: "calls-limited", text: /of \/svc\/web in the last minute met a limit/ },
  },
  {
    name: "an endpoint speaks another protocol",
    ports: async (t) => [(await tcpService(t, (socket) => void socket.end("SSH-2.0-x\r\n"))).port],
    calls: 8,
    body: /The service sent a response that is not valid HTTP|broke before its response/,
    problem: { kind: "endpoints-down", text: /^The only endpoint of / },
  },
  {
    name: "certificate expired",
    peer: "openssl",
    ports: async (t, lines) => [await expired(t, lines)],
    calls: 2,
    body: /its certificate, for .*, is not accepted: it has expired/,
    problem: {
      kind: "endpoints-down",
      text: /its certificate, for .*valid from .* is not accepted: it has expired/,
    },
  },
];

interface Problem {
  readonly kind: string;
  readonly text: string;
  readonly advice: string;
}

for (const symptom of symptoms) {
  test(`${symptom.name}: the error and the problem say so`, async (t) => {
    if (symptom.peer !== undefined && !hasPeer(t, symptom.peer)) return;
    const { dtab = "/svc => /#/io.l5d.fs", router = [], host = "web", headers = {} } = symptom;
    const lines = [...router];
    const ports = await symptom.ports(t, lines);
    const [port = 0] = ports;
    const { rootDir } = discovery(t, { web: ports });
    const proxy = await startProxy(
      t,
      `namers: [${symptom.namer?.(port) ?? `{ kind: io.l5d.fs, rootDir: ${rootDir} }`}]
routers:
- protocol: http
  dtab: ${dtab}
  servers: [{ port: 0 }]
${lines.map((line) => `  ${line}`).join("\n")}`,
    );
    let last = "";
    for (let call = 0; call < (symptom.calls ?? 1); call++) {
      const sent: Record<string, string> = { Host: host, ...headers };
      if (sent["l5d-ctx-deadline"] !== undefined) {
        const nowNs = BigInt(Date.now()) * 1_000_000n;
        sent["l5d-ctx-deadline"] = `${nowNs} ${nowNs + 50_000_000n}`;
      }
      const { status, body } = await ask(proxy.port, "/", sent);
      if (status !== 200) last = body;
    }
    if (symptom.body === null) assert.equal(last, "");
    else assert.match(last, symptom.body);
    const { problem: expected } = symptom;
    if (expected === null) return;
    const found = await until(
      async () => {
        const page = JSON.parse(await proxy.admin("/problems.json")) as {
          readonly problems: readonly Problem[];
        };
        return page.problems.find(
          ({ kind, text }) => kind === expected.kind && expected.text.test(text),
        );
      },
      (problem) => problem !== undefined,
      `the problem ${expected.kind} ${expected.text.source}`,
    );
    assert.notEqual(found?.advice, "");
  });
}

test("wrong protocol on the port: the caller learns in its own protocol where it has come", async (t) => {
  const proxy = await startProxy(
    t,
    `routers: [{ protocol: thrift, dtab: "/svc => /$/fail", servers: [{ port: 0 }] }]`,
  );
  const caller = rawCaller(t, proxy.port);
  caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await caller.rest(), /400 Bad Request.*the caller speaks HTTP, and this port/s);
});

test("the table of docs/debugging.md has a row for each of these", () => {
  const page = readFileSync("docs/debugging.md", "utf8").toLowerCase();
  for (const { name } of symptoms) assert.ok(page.includes(`| ${name.toLowerCase()} |`), name);
});
