// The server side: listens, owns the callers' connections, drains them.
import type { Listener } from "../../src/core/protocol.ts";
import { accept } from "../../src/net/accept.ts";
import type { AcceptOptions } from "../../src/net/accept.ts";
import type { Link } from "../../src/net/link.ts";

/** A caller's connection, as far as its listener has to do with it. */
export interface Drainable {
  /** No more calls: closed when those in progress are answered. */
  drain(): void;
  destroy(): void;
}

/** Told by each connection about itself. */
export interface ConnectionOwner {
  opened(connection: Drainable): void;
  closed(connection: Drainable): void;
}

/**
 * `begin` makes the connection of a link, which it owns from then on. `onConnections`: the number of
 * open connections changed by so many. Rejects with a text for people when the address cannot be had.
 */
export async function listenMux(
  options: AcceptOptions,
  onConnections: (change: number) => void,
  begin: (link: Link, owner: ConnectionOwner) => void,
): Promise<Listener> {
  const connections = new Set<Drainable>();
  let whenEmpty: (() => void)[] = [];
  let isDraining = false;
  const owner: ConnectionOwner = {
    opened(connection) {
      connections.add(connection);
      onConnections(1);
    },
    closed(connection) {
      if (!connections.delete(connection)) return;
      onConnections(-1);
      if (connections.size > 0 || !isDraining) return;
      for (const tell of whenEmpty) tell();
      whenEmpty = [];
    },
  };
  const acceptor = await accept(options, (link) => begin(link, owner));
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
