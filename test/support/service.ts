// Services that respond, for stories: on Node's own HTTP server, so that our codec meets another.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
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

/**
 * A port on which nothing listens, below those that the system hands out: one that was free a moment ago
 * would soon belong to another test, or to the proxy itself.
 */
export async function deadPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createTcpServer();
    try {
      await listening(server, port);
    } catch {
      continue; // in use
    }
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
}
