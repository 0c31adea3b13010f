// Linkerd's HTTP API of a name server: dtabs read and written, names resolved, watches as streams of lines.
//
//     interfaces:
//     - kind: io.l5d.httpController
//       ip: 127.0.0.1
//       port: 4180
//
// See docs/name-server.md for the routes.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { port } from "../../core/schema.ts";
import { routes } from "../controller/routes.ts";
import type {
  InterfaceDeps,
  InterfacePlugin,
  ListenConfig,
  RunningInterface,
} from "../interface.ts";

const kind = "io.l5d.httpController";
const schema = v.strictObject({ kind: v.literal(kind), port: v.optional(port(), 4180) });

export const httpController: InterfacePlugin = plugin({
  kind,
  schema,
  async create(config, deps: InterfaceDeps): Promise<RunningInterface> {
    const { clock, stats } = deps;
    const handle = routes(deps);
    const requests = stats.counter("requests");
    let open = 0;
    stats.gauge(() => open, "open_requests");
    const server = await deps.createServer((request, response) => {
      requests.value += 1;
      open += 1;
      response.once("close", () => (open -= 1));
      handle(request, response);
    });
    // A watch is one response that lasts.
    server.timeout = 0;
    server.maxConnections = maxConnections;
    // Safe cast: the file's schema adds `ip` to every interface.
    const { ip } = config as typeof config & ListenConfig;
    await listening(server, ip, config.port);
    const { address: host, port: actual } = server.address() as AddressInfo;
    return { kind, host, port: actual, close: () => closed(server, clock) };
  },
});

/** Each watch of a sidecar is one; more than any fleet's sidecars watch. */
const maxConnections = 20_000;
/** Responses in progress are short, and watches would last for ever. */
const closeMs = 100;

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ message }) =>
      reject(new Error(`the interface ${kind} cannot listen on ${host}:${port}: ${message}`)),
    );
    server.listen(port, host, resolve);
  });
}

function closed(server: Server, clock: InterfaceDeps["clock"]): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(closeMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
