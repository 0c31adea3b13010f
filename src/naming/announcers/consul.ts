// Registers servers in Consul, keeps them registered, and deregisters them when the process ends.
//
//     announcers:
//     - kind: io.l5d.consul
//       prefix: /io.l5d.consul    # the default, as all that follows
//       host: localhost           # of the agent
//       port: 8500
//       tags: []
//       meta: {}
//       check: ttl                # http: the agent asks /admin/ready of the admin server
//       intervalMs: 5000          # of heartbeats, or of the agent's queries
//       deregisterCriticalServiceAfterMs: 60000
//
// A server with `announce: [/#/io.l5d.consul/users]` becomes an instance of the service `users`.
// See docs/consul.md.
import { showAddress } from "../../core/address.ts";
import { hostname } from "node:os";
import * as v from "valibot";
import type {
  Announcement,
  Announcer,
  AnnouncerDeps,
  AnnouncerPlugin,
  ListeningAt,
} from "../../core/announcer.ts";
import { segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { integer, path } from "../../core/schema.ts";
import type { Client, Registration } from "../consul/api.ts";
import { KeptRegistration } from "../consul/registration.ts";
import { agentEntries, clientOf } from "../consul/schema.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.consul"),
  prefix: v.optional(path(), "/io.l5d.consul"),
  ...agentEntries(),
  /** What others call. Defaults to the server's, or the agent's node for a server on all addresses. */
  address: v.optional(v.pipe(v.string("expected an address"), v.nonEmpty("expected an address"))),
  tags: v.optional(v.array(v.string("expected a tag")), []),
  meta: v.optional(v.record(v.string(), v.string("expected text")), {}),
  check: v.optional(v.picklist(["ttl", "http"], "expected ttl or http"), "ttl"),
  intervalMs: v.optional(integer(100), 5_000),
  /** Consul's own minimum is a minute. */
  deregisterCriticalServiceAfterMs: v.optional(integer(60_000), 60_000),
});

type Config = v.InferOutput<typeof schema>;

export const consulAnnouncer: AnnouncerPlugin = plugin({
  kind: "io.l5d.consul",
  schema,
  create: (config, deps: AnnouncerDeps): Announcer => new ConsulAnnouncer(config, deps),
});

/** How many heartbeats may be missed before a service is critical. */
const heartbeatsInTtl = 3;

class ConsulAnnouncer implements Announcer {
  readonly #config: Config;
  readonly #deps: AnnouncerDeps;
  readonly #client: Client;

  constructor(config: Config, deps: AnnouncerDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#client = clientOf(config, deps.hosts);
  }

  announce(name: Path, server: ListeningAt): Announcement {
    const { check, intervalMs } = this.#config;
    return new KeptRegistration(
      this.#registrationOf(name, server),
      { client: this.#client, agent: showAddress(this.#config), hasHeartbeat: check === "ttl" },
      { ...this.#deps, intervalMs },
    );
  }

  #registrationOf(path: Path, server: ListeningAt): Registration {
    const { tags, meta } = this.#config;
    const name = segmentsOf(path).map(segmentText).join("-");
    const address = this.#config.address ?? (isAnyAddress(server.host) ? null : server.host);
    return {
      // Unique among all instances of one agent, which may run on different hosts (containers).
      id: `${name}-${address ?? hostname()}-${server.port}`,
      name,
      address,
      port: server.port,
      tags,
      meta,
      check: this.#check(),
    };
  }

  #check(): Registration["check"] {
    const { check, intervalMs, deregisterCriticalServiceAfterMs } = this.#config;
    const deregisterAfter = `${deregisterCriticalServiceAfterMs}ms`;
    if (check === "ttl") {
      return { kind: "ttl", ttl: `${heartbeatsInTtl * intervalMs}ms`, deregisterAfter };
    }
    const { host, port } = this.#deps.admin;
    const reachable = isAnyAddress(host) ? (this.#config.address ?? "127.0.0.1") : host;
    const literal = reachable.includes(":") ? `[${reachable}]` : reachable;
    const url = `http://${literal}:${port}/admin/ready`;
    return { kind: "http", url, interval: `${intervalMs}ms`, deregisterAfter };
  }

  close(): void {
    this.#client.close();
  }
}

function isAnyAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
