// A Thrift server: listens, owns the connections of callers, drains them.
import type { Listener } from "../../../src/core/transport.ts";
import type { Service } from "../../../src/core/service.ts";
import { accept } from "../../../src/net/accept.ts";
import { wrongPortWatch } from "../../../src/net/wrong-port/watch.ts";
import { closeListener, Connections } from "../../../src/net/connections.ts";
import type { ThriftListenOptions, ServerSettings } from "./settings.ts";
import type { ThriftRequest, ThriftResponse } from "../message.ts";
import { wrongPort } from "../calls.ts";
import { ServerConnection } from "./connection.ts";

/** Rejects with a text for people when it cannot listen on the address. */
export async function listenThrift(
  options: ThriftListenOptions,
  route: Service<ThriftRequest, ThriftResponse>,
): Promise<Listener> {
  const connections = new Connections(options.clock);
  const settings: ServerSettings = {
    ...options,
    route,
    opened(connection) {
      connections.opened(connection);
      options.onConnections(1);
    },
    closed(connection) {
      connections.closed(connection);
    },
  };
  const { clock, log } = options;
  const onWrongPort = wrongPort(options);
  const watch = wrongPortWatch({ clock, log, speaks: ["Thrift"], onWrongPort });
  const acceptor = await accept(options, (link) => {
    void new ServerConnection(link, settings);
    watch(link);
  });
  const close = (graceMs: number) => closeListener(acceptor, connections, graceMs);
  return { host: acceptor.host, port: acceptor.port, close };
}
