// A wire to one Thrift endpoint: its pool, its connections.
import type { Address } from "../../../src/core/address.ts";
import type { Wire } from "../../../src/core/transport.ts";
import { dial } from "../../../src/net/dial.ts";
import { showAddress } from "../../../src/core/address.ts";
import { Pool } from "../../../src/net/pool.ts";
import { ClientCall } from "./call.ts";
import { ClientConnection } from "./connection.ts";
import { attemptUpgrade } from "../ttwitter/upgrade.ts";
import type { ClientSettings, ThriftDialDeps, ThriftDialOptions } from "./settings.ts";
import type { ThriftRequest, ThriftResponse } from "../message.ts";

/** Owns its sockets; dials when first used. */
export function dialThrift(
  address: Address,
  options: ThriftDialOptions,
  deps: ThriftDialDeps,
): Wire<ThriftRequest, ThriftResponse> {
  const { clock, stats } = deps;
  const name = showAddress(address);
  const settings: ClientSettings = { ...deps, options, name };
  const pool: Pool<ClientConnection> = new Pool(
    { ...options, name },
    (opened, failed) => {
      const isOpen = (link: ConstructorParameters<typeof ClientConnection>[0], upgraded: boolean) =>
        opened(new ClientConnection(link, settings, pool, upgraded));
      if (options.attemptUpgrade) return attemptUpgrade(address, settings, isOpen, failed);
      const { closed } = stats;
      return dial(address, options, clock, {
        opened: (link) => isOpen(link, false),
        failed,
        closed,
      });
    },
    clock,
    stats,
  );
  return {
    service(request, reply) {
      const call = new ClientCall(request, reply);
      call.run(pool);
      return call;
    },
    get status() {
      if (pool.isClosed) return "closed";
      return pool.isExhausted ? "busy" : "open";
    },
    get connections() {
      return pool.connections;
    },
    close: (graceMs) => pool.close(graceMs),
  };
}
