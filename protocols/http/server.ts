// The server side: listens, owns the callers' connections, drains them.
import type { Listener } from "../../src/core/protocol.ts";
import type { Service } from "../../src/core/service.ts";
import { accept } from "../../src/net/accept.ts";
import type { HttpListenOptions, RenderFailure } from "./exchange.ts";
import { isRefusal } from "./exchange.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { reasonOf } from "./problems.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerSettings } from "./server-settings.ts";

/** Rejects with a text for people when the address cannot be had. */
export async function listenHttp(
  options: HttpListenOptions,
  route: Service<HttpRequest, HttpResponse>,
): Promise<Listener> {
  const connections = new Set<ServerConnection>();
  let whenEmpty: (() => void)[] = [];
  let isDraining = false;
  const settings: ServerSettings = {
    limits: options.limits,
    clock: options.clock,
    random: options.random,
    route,
    renderFailure: options.renderFailure ?? plainText,
    onAnswered: options.onAnswered ?? null,
    opened(connection) {
      connections.add(connection);
      options.onConnections?.(1);
    },
    closed(connection) {
      connections.delete(connection);
      options.onConnections?.(-1);
      if (connections.size > 0 || !isDraining) return;
      for (const tell of whenEmpty) tell();
      whenEmpty = [];
    },
  };
  const destroyAll = () => {
    for (const connection of Array.from(connections)) connection.destroy();
  };
  const acceptor = await accept(options, (link) => void new ServerConnection(link, settings));
  const close = (graceMs: number): Promise<void> => {
    acceptor.close();
    isDraining = true;
    for (const connection of Array.from(connections)) connection.drain();
    if (connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = graceMs > 0 ? options.clock.after(graceMs, destroyAll) : null;
      whenEmpty.push(() => {
        stop?.();
        resolve();
      });
      if (stop === null) destroyAll();
    });
  };
  return { host: acceptor.host, port: acceptor.port, close };
}

/** For tests and tools without `failures.ts`. */
const plainText: RenderFailure = (failure) => {
  const status = isRefusal(failure) ? failure.status : failure.kind === "timeout" ? 503 : 502;
  return {
    status,
    reason: reasonOf(status),
    fields: ["Content-Type", "text/plain"],
    body: Buffer.from(`${failure.detail}\n`),
  };
};
