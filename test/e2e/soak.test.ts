// A hundred thousand calls while endpoints come, leave and die: none fails, none gets another's response.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { seeded } from "../support/random.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import type { Discovery } from "../support/discovery.ts";

const calls = 100_000;
const callers = 32;
const callsPerChange = 1_500;
const seed = 20_240_131;

interface Endpoint {
  readonly port: number;
  /** Ends it immediately, with its connections, whatever they are doing. */
  kill(): Promise<void>;
}

/** Answers every request with its method, its Host and its `x-id`; one in fifty at some length. */
async function echo(t: TestContext): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.setNoDelay();
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = endOfRequest(text); end > 0; end = endOfRequest(text)) {
        socket.write(answerTo(text.slice(0, end)));
        text = text.slice(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const kill = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.after(kill);
  return { port: (server.address() as AddressInfo).port, kill };
}

/** 0: not all of it is there. */
function endOfRequest(text: string): number {
  const head = text.indexOf("\r\n\r\n") + 4;
  if (head < 4) return 0;
  const end = head + Number(/^content-length: (\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= end ? end : 0;
}

function answerTo(request: string): string {
  const [method = ""] = request.split(" ", 1);
  const host = /^host: (\S+)/im.exec(request)?.[1];
  const id = Number(/^x-id: (\d+)/im.exec(request)?.[1]);
  const body = bodyOf(method, host ?? "", id);
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function bodyOf(method: string, host: string, id: number): string {
  return `${method} ${host} ${id}${id % 50 === 0 ? ".".repeat(20_000) : ""}`;
}

/** Endpoints of `orderly` leave as they should, so any method will do; those of `rough` also die. */
function callOf(id: number) {
  const isPost = id % 5 === 0;
  const host = isPost || id % 2 === 0 ? "orderly" : "rough";
  const body = isPost ? "x".repeat(id % 97) : "";
  const method = isPost ? "POST" : "GET";
  const length = isPost ? `Content-Length: ${body.length}\r\n` : "";
  const text = `${method} / HTTP/1.1\r\nHost: ${host}\r\nx-id: ${id}\r\n${length}\r\n${body}`;
  return { text, wanted: bodyOf(method, host, id) };
}

interface Service {
  readonly name: string;
  readonly endpoints: Endpoint[];
}

class Churn {
  readonly #t: TestContext;
  readonly #disco: Discovery;
  readonly #random = seeded(seed);
  readonly #proxy: TestProxy;
  /** What happened, for the message should something fail. */
  readonly changes: string[] = [];

  constructor(t: TestContext, disco: Discovery, proxy: TestProxy) {
    this.#t = t;
    this.#disco = disco;
    this.#proxy = proxy;
  }

  async change(service: Service, mayKill: boolean): Promise<void> {
    const { endpoints } = service;
    const dice = this.#random();
    if (endpoints.length < 3 || (endpoints.length < 8 && dice < 0.4)) return this.add(service);
    return mayKill && dice > 0.7 ? this.#kill(service) : this.#withdraw(service);
  }

  async add(service: Service): Promise<void> {
    const endpoint = await echo(this.#t);
    service.endpoints.push(endpoint);
    this.#announce(service);
    this.changes.push(`${service.name} + ${endpoint.port}`);
  }

  /** As a deploy does: out of discovery first, then stopped once nobody talks to it any more. */
  async #withdraw(service: Service): Promise<void> {
    const endpoint = this.#takeOne(service);
    this.#announce(service);
    await until(
      () => this.#connectionsKnown(service.name, endpoint.port),
      (isKnown) => !isKnown,
      `${endpoint.port} is forgotten`,
    );
    await until(
      () => this.#connectionsTo(endpoint.port),
      (count) => count === 0,
      `no connection to ${endpoint.port}`,
    );
    await endpoint.kill();
    this.changes.push(`${service.name} - ${endpoint.port}`);
  }

  /** As a crash does: discovery learns of it later. */
  async #kill(service: Service): Promise<void> {
    const endpoint = this.#takeOne(service);
    await endpoint.kill();
    this.changes.push(`${service.name} x ${endpoint.port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#announce(service);
  }

  #takeOne({ endpoints }: Service): Endpoint {
    const [taken] = endpoints.splice(Math.floor(this.#random() * endpoints.length), 1);
    if (taken === undefined) throw new Error("bug: a service without endpoints");
    return taken;
  }

  #announce({ name, endpoints }: Service): void {
    this.#disco.set(
      name,
      endpoints.map(({ port }) => port),
    );
  }

  #connectionsKnown(name: string, port: number): boolean {
    const clusters = this.#proxy.running.routers.flatMap((router) => router.clusters());
    const cluster = clusters.find(({ id }) => id === `/#/io.l5d.fs/${name}`);
    return cluster?.endpoints.some(({ address }) => address === `127.0.0.1:${port}`) ?? false;
  }

  /** Of this process, which is the proxy's. */
  #connectionsTo(port: number): number {
    const { _getActiveHandles } = process as unknown as { _getActiveHandles(): unknown[] };
    return _getActiveHandles().filter((handle) => {
      const { remotePort, destroyed } = handle as { remotePort?: number; destroyed?: boolean };
      return remotePort === port && destroyed !== true;
    }).length;
  }
}

test("of 100,000 calls none fails and none is mixed up while endpoints come, leave and die", async (t) => {
  const disco = discovery(t, {});
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      # A first call on a new connection to an endpoint that dies is tried again only so.
      service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }
      servers: [{ port: 0 }]`,
  );
  const churn = new Churn(t, disco, proxy);
  const orderly: Service = { name: "orderly", endpoints: [] };
  const rough: Service = { name: "rough", endpoints: [] };
  for (let count = 0; count < 4; count++)
    await Promise.all([orderly, rough].map((s) => churn.add(s)));

  let asked = 0;
  let answered = 0;
  const wrong: string[] = [];
  const work = async () => {
    const from = await caller(t, proxy.port);
    while (asked < calls && wrong.length === 0) {
      // One at a time, and up to four in a row without waiting.
      const batch = Array.from({ length: Math.min(1 + (asked % 4), calls - asked) }, () =>
        callOf(asked++),
      );
      from.socket.write(batch.map(({ text }) => text).join(""), "latin1");
      for (const call of batch) {
        const response = await from.response();
        answered++;
        if (response.status === 200 && response.body === call.wanted) continue;
        wrong.push(`${call.text}: ${response.status} ${response.body.slice(0, 400)}`);
      }
    }
    from.close();
  };
  let isOver = false;
  const changing = (async () => {
    for (let next = callsPerChange; next < calls; next += callsPerChange) {
      await until(
        () => answered >= next || isOver,
        (is) => is,
        `${next} answers`,
      );
      if (isOver) return;
      await churn.change(orderly, false);
      await churn.change(rough, true);
    }
  })();
  await Promise.all(Array.from({ length: callers }, work)).finally(() => (isOver = true));
  await changing;
  const story = () => `seed ${seed}; the last changes: ${churn.changes.slice(-6).join(", ")}`;
  assert.deepEqual(wrong, [], story());
  assert.equal(answered, calls);
  assert.ok(churn.changes.length > 60, story());
  assert.ok(churn.changes.filter((change) => change.includes(" x ")).length > 5, story());
  assert.equal(await proxy.metric("rt/http/server/127.0.0.1/0/success"), calls);
});
