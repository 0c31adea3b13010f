// The server side: listens, owns the callers' connections, drains them.
import type { Service } from "../../../src/core/service.ts";
import type { Listener } from "../../../src/core/transport.ts";
import { accept } from "../../../src/net/accept.ts";
import { wrongPortWatch } from "../../../src/net/wrong-port/watch.ts";
import { closeListener, Connections } from "../../../src/net/connections.ts";
import { refusedCall } from "../calls.ts";
import { isRefusal, reasonOf } from "../codec/refusal.ts";
import { applicationProtocols } from "../message.ts";
import type { RenderFailure, HttpRequest, HttpResponse } from "../message.ts";
import { ServerConnection } from "./connection.ts";
import { noFilesLeft } from "./no-files.ts";
import type { HttpListenOptions, ServerSettings } from "./settings.ts";

/** Rejects with a text for people when the address is not available. */
export async function listenHttp(
  options: HttpListenOptions,
  service: Service<HttpRequest, HttpResponse>,
): Promise<Listener> {
  const connections = new Connections(options.clock);
  const settings: ServerSettings = {
    limits: options.limits,
    clock: options.clock,
    service,
    renderFailure: options.renderFailure ?? plainText,
    onCompleted: options.onCompleted ?? null,
    opened(connection) {
      connections.opened(connection);
      options.onConnections?.(1);
    },
    closed(connection) {
      if (connections.closed(connection)) options.onConnections?.(-1);
    },
  };
  const { clock, log } = options;
  // TLS and HTTP/2 are refused by the parser, in an HTTP response.
  const watch = wrongPortWatch({
    clock,
    log,
    speaks: ["HTTP"],
    refuses: ["TLS", "HTTP/2"],
    onWrongPort: (peer, problem) => options.onRefused?.(refusedCall(peer, problem)),
  });
  const acceptor = await accept(
    { ...options, applicationProtocols, refusal: noFilesLeft },
    (link) => {
      void new ServerConnection(link, settings);
      watch(link);
    },
  );
  const close = (graceMs: number) => closeListener(acceptor, connections, graceMs);
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
