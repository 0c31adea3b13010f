// The server side: listens, owns the callers' connections, drains them.
import type { Listener } from "../../src/core/protocol.ts";
import type { Service } from "../../src/core/service.ts";
import { accept } from "../../src/net/accept.ts";
import type { ThriftListenOptions } from "./exchange.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerSettings } from "./server-connection.ts";

/** Rejects with a text for people when the address cannot be had. */
export async function listenThrift(
  options: ThriftListenOptions,
  route: Service<ThriftRequest, ThriftResponse>,
): Promise<Listener> {
  const connections = new Set<ServerConnection>();
  let whenEmpty: (() => void)[] = [];
  let isDraining = false;
  const settings: ServerSettings = {
    ...options,
    route,
    opened(connection) {
      connections.add(connection);
      options.onConnections(1);
    },
    closed(connection) {
      connections.delete(connection);
      if (connections.size > 0 || !isDraining) return;
      for (const tell of whenEmpty) tell();
      whenEmpty = [];
    },
  };
  const acceptor = await accept(options, (link) => void new ServerConnection(link, settings));
  const close = (graceMs: number): Promise<void> => {
    acceptor.close();
    isDraining = true;
    for (const connection of Array.from(connections)) connection.drain();
    if (connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = options.clock.after(graceMs, () => {
        for (const connection of Array.from(connections)) connection.destroy();
      });
      whenEmpty.push(() => {
        stop();
        resolve();
      });
    });
  };
  return { host: acceptor.host, port: acceptor.port, close };
}
