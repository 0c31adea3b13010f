// The admin server's HTTPS side. node:https is loaded only here.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Log } from "../core/log.ts";
import type { ServerTls } from "../core/tls/tls.ts";

/** Follows its certificate files for as long as it listens. */
export async function secureServer(
  tls: ServerTls,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  log: Log,
): Promise<Server> {
  const { createServer } = await import("node:https");
  const { requireClientAuth, handshakeTimeoutMs } = tls.config;
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
