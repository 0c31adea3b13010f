// The client side: a wire to one endpoint, its pool, its connections.
import type { Address, Wire } from "../../src/core/protocol.ts";
import { dial } from "../../src/net/dial.ts";
import { Pool } from "../../src/net/pool.ts";
import { ClientCall } from "./client-call.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientSettings } from "./client-connection.ts";
import type { HttpDialDeps, HttpDialOptions } from "./exchange.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

/** Owns its sockets; dials when first used. May reply before `service` returns. */
export function dialHttp(
  address: Address,
  options: HttpDialOptions,
  deps: HttpDialDeps,
): Wire<HttpRequest, HttpResponse> {
  const { clock, stats } = deps;
  const { host, port } = address;
  const name = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const settings: ClientSettings = { ...deps, options, name };
  const pool: Pool<ClientConnection> = new Pool(
    { ...options, name },
    (opened, failed) =>
      dial(address, options, clock, {
        opened: (link) => opened(new ClientConnection(link, settings, pool)),
        failed,
      }),
    clock,
    stats,
  );
  return {
    service(request, reply) {
      const call = new ClientCall(request, reply, settings);
      call.run(pool);
      return call;
    },
    get status() {
      if (pool.isClosed) return "closed";
      return pool.isExhausted ? "busy" : "open";
    },
    close: (graceMs) => pool.close(graceMs),
  };
}
