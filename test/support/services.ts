// Services that answer, for stories: on Node's own HTTP server, so that our codec meets another.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer as createTcpServer } from "node:net";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export interface TestService {
  readonly port: number;
  /** Requests so far. */
  readonly seen: readonly IncomingMessage[];
  readonly count: number;
  /** Closes it, with all its connections, at once. */
  stop(): Promise<void>;
}

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** A service on a free port that answers with a text, or as told. */
export async function service(
  t: TestContext,
  answer: string | Answering,
  port = 0,
): Promise<TestService> {
  const seen: IncomingMessage[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    count++;
    if (seen.length < 1_000) seen.push(request);
    if (typeof answer === "string") response.end(answer);
    else answer(request, response);
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.keepAliveTimeout = 0;
  await listening(server, port);
  const stop = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.after(stop);
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    get count() {
      return count;
    },
    stop,
  };
}

/** A port on which nothing listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await listening(server, 0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

export interface Discovery {
  /** The folder that `io.l5d.fs` reads. */
  readonly rootDir: string;
  /** Says where a service is from now on; ports of this host. */
  set(name: string, ports: readonly (number | string)[]): void;
  remove(name: string): void;
}

/** A folder of `io.l5d.fs`, gone when the test ends. */
export function discovery(
  t: TestContext,
  names: Readonly<Record<string, readonly (number | string)[]>>,
): Discovery {
  const rootDir = mkdtempSync(join(tmpdir(), "switchyard-disco-"));
  t.after(() => rmSync(rootDir, { recursive: true, force: true }));
  const set = (name: string, ports: readonly (number | string)[]) => {
    const lines = ports.map((port) => (typeof port === "number" ? `127.0.0.1 ${port}` : port));
    // Renamed into place: nobody reads half a file.
    writeFileSync(join(rootDir, `.${name}.new`), `${lines.join("\n")}\n`);
    renameSync(join(rootDir, `.${name}.new`), join(rootDir, name));
  };
  for (const [name, ports] of Object.entries(names)) set(name, ports);
  return { rootDir, set, remove: (name) => rmSync(join(rootDir, name)) };
}

export interface Answer {
  readonly status: number;
  /** In lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  body = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    const lines = Object.entries({ Connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join("")}${length}\r\n${body}`);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", ...rest] = Buffer.concat(chunks).toString("latin1").split("\r\n\r\n");
      const [first = "", ...fields] = head.split("\r\n");
      resolve({
        status: Number(first.split(" ")[1] ?? 0),
        headers: new Map(
          fields.map((field) => {
            const colon = field.indexOf(":");
            return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
          }),
        ),
        body: rest.join("\r\n\r\n"),
      });
    });
  });
}

const patienceMs = 15_000;

/** Asks again until an answer is as wished; fails with the last one when it takes too long. */
export async function until<T>(
  look: () => Promise<T> | T,
  isGood: (value: T) => boolean,
  what: string,
): Promise<T> {
  const endMs = performance.now() + patienceMs;
  for (let tries = 0; ; tries++) {
    const value = await look();
    if (isGood(value)) return value;
    if (performance.now() > endMs)
      throw new Error(`never: ${what}; last: ${JSON.stringify(value)}`);
    // At first at once, then leaving the processor to whoever is waited for.
    await new Promise((resolve) => (tries < 50 ? setImmediate(resolve) : setTimeout(resolve, 3)));
  }
}
