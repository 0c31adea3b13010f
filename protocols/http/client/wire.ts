// The client side: a wire to one endpoint, its pool, its connections.
import { showAddress } from "../../../src/core/address.ts";
import type { Address } from "../../../src/core/address.ts";
import { stack } from "../../../src/core/service.ts";
import type { Filter, Service } from "../../../src/core/service.ts";
import type { Wire } from "../../../src/core/transport.ts";
import { dial } from "../../../src/net/dial.ts";
import { Pool } from "../../../src/net/pool.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { ClientCall } from "./call.ts";
import { ClientConnection } from "./connection.ts";
import type { ClientSettings, HttpDialDeps, HttpDialOptions } from "./settings.ts";

/** `filters` surround the wire, outermost first. */
export function dialHttp(
  address: Address,
  options: HttpDialOptions,
  deps: HttpDialDeps,
  filters: readonly Filter<HttpRequest, HttpResponse>[] = [],
): Wire<HttpRequest, HttpResponse> {
  return new HttpWire(address, options, deps, filters);
}

/**
 * Owns its sockets; dials when first used. May reply before `service` returns. A class, so that all
 * wires have one shape for the balancer, which reads the status of each.
 */
class HttpWire implements Wire<HttpRequest, HttpResponse> {
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly #pool: Pool<ClientConnection>;

  constructor(
    address: Address,
    options: HttpDialOptions,
    { clock, stats }: HttpDialDeps,
    filters: readonly Filter<HttpRequest, HttpResponse>[],
  ) {
    const name = showAddress(address);
    const settings: ClientSettings = { clock, stats, options, name };
    const pool: Pool<ClientConnection> = new Pool(
      { ...options, name },
      (opened, failed) =>
        dial(address, options, clock, {
          opened: (link) => opened(new ClientConnection(link, settings, pool)),
          failed,
          closed: stats.closed,
        }),
      clock,
      stats,
    );
    this.#pool = pool;
    this.service = stack(filters, (request, reply) => {
      const call = new ClientCall(request, reply, settings);
      call.run(pool);
      return call;
    });
  }

  get status(): "open" | "busy" | "closed" {
    if (this.#pool.isClosed) return "closed";
    return this.#pool.isExhausted ? "busy" : "open";
  }

  get connections(): number {
    return this.#pool.connections;
  }

  close(graceMs: number): void {
    this.#pool.close(graceMs);
  }
}
