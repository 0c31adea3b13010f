// The server side: listens, owns the callers' connections, drains them.
import type { Listener } from "../../../src/core/transport.ts";
import { accept } from "../../../src/net/accept.ts";
import { wrongPortWatch } from "../../../src/net/wrong-port/watch.ts";
import type { PortOptions } from "../../../src/net/wrong-port/watch.ts";
import type { AcceptOptions } from "../../../src/net/accept.ts";
import { closeListener, Connections } from "../../../src/net/connections.ts";
import type { Drainable } from "../../../src/net/connections.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";

/** Notified by each connection. */
export interface ConnectionOwner {
  opened(connection: Drainable): void;
  closed(connection: Drainable): void;
}

/**
 * `begin` makes the connection of a link, which then owns the link. `onConnections` gets the change in
 * the number of open connections. Rejects with a text for people when it cannot listen.
 */
export async function listenMux(
  options: AcceptOptions & PortOptions,
  onConnections: (change: number) => void,
  begin: (link: SocketLink, owner: ConnectionOwner) => void,
): Promise<Listener> {
  const connections = new Connections(options.clock);
  const owner: ConnectionOwner = {
    opened(connection) {
      connections.opened(connection);
      onConnections(1);
    },
    closed(connection) {
      if (connections.closed(connection)) onConnections(-1);
    },
  };
  const watch = wrongPortWatch(options);
  const acceptor = await accept(options, (link) => {
    begin(link, owner);
    watch(link);
  });
  const close = (graceMs: number) => closeListener(acceptor, connections, graceMs);
  return { host: acceptor.host, port: acceptor.port, close };
}
