// The admin server's HTTPS side. node:https is loaded only here.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "../core/log.ts";
import type { ServerTls } from "../core/tls/tls.ts";

/** Follows its certificate files for as long as it listens. */
export async function secureServer(
  tls: ServerTls,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  log: Log,
): Promise<Server> {
  const { createServer } = await import("node:https");
  const { requireClientAuth, handshakeTimeoutMs, maxHandshakes } = tls.config;
  const how = {
    requestCert: requireClientAuth,
    rejectUnauthorized: requireClientAuth,
    handshakeTimeout: handshakeTimeoutMs,
  };
  const server = createServer(how, handle);
  const present = () => {
    const [first, ...others] = tls.certificates();
    if (first !== undefined) server.setSecureContext(first.options);
    for (const { names, options } of others) {
      for (const name of names) server.addContext(name, options);
    }
  };
  present();
  boundHandshakes(server, maxHandshakes);
  server.once("close", tls.watch(present));
  server.on("secureConnection", (socket) => {
    tls.stats.handshakes.value += 1;
    tls.stats.connections += 1;
    socket.once("close", () => (tls.stats.connections -= 1));
  });
  server.on("tlsClientError", ({ message }) => {
    tls.stats.failures.value += 1;
    log.debug({ event: "TLS handshake failed", problem: message });
  });
  return server;
}

/** One handshake more than `max` ends the oldest. */
function boundHandshakes(server: Server, max: number): void {
  /** The oldest first. By peer: the socket that comes out of a handshake is not the one that was accepted. */
  const pending = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    pending.set(peer, socket);
    socket.once("close", () => pending.delete(peer));
    if (pending.size <= max) return;
    for (const [oldest, its] of pending) {
      pending.delete(oldest);
      its.destroy();
      return;
    }
  });
  server.on("secureConnection", (socket: Socket) => pending.delete(peerOf(socket)));
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}
