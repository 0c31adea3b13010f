// Envoy: one worker, a static cluster of ten endpoints, least request; no access log.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { checkout, findProgram, installHint, versionOf } from "../lib/programs.ts";
import type { Peer } from "./peer.ts";

export const envoy: Peer = {
  name: "envoy",
  find: () => {
    const program = envoyProgram();
    if (program === null) return { missing: `not installed: ${installHint}` };
    return { version: versionOf(program, "--version") };
  },
  prepare: ({ folder, port, origins }) => {
    const file = path.join(folder, "envoy.json");
    writeFileSync(file, JSON.stringify(bootstrap(port, origins)));
    return envoyCommand(file);
  },
};

/** Runs a configuration with one worker. */
export function envoyCommand(file: string): readonly string[] {
  const options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
  return [envoyProgram() ?? "envoy", "-c", file, ...options];
}

/** The program inside the Python package, whose command is only a wrapper around it. */
function envoyProgram(): string | null {
  const library = path.join(checkout, ".peers", "envoy", "lib");
  const versions = existsSync(library) ? readdirSync(library) : [];
  const inside = versions
    .map((python) => path.join(library, python, "site-packages", "envoy", "_bin", "envoy"))
    .find(existsSync);
  return inside ?? findProgram("envoy");
}

const typeUrl = "type.googleapis.com/envoy.extensions.filters";

function bootstrap(port: number, origins: readonly number[]): unknown {
  const manager = {
    "@type": `${typeUrl}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "callers",
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }],
        },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${typeUrl}.http.router.v3.Router` },
      },
    ],
  };
  const filter = { name: "envoy.filters.network.http_connection_manager", typed_config: manager };
  return staticCluster(port, origins, filter);
}

/** One listener with that filter, in front of the cluster `origin`. */
export function staticCluster(port: number, origins: readonly number[], filter: unknown): unknown {
  const endpoints = origins.map((origin) => ({ endpoint: { address: loopback(origin) } }));
  return {
    static_resources: {
      listeners: [{ address: loopback(port), filter_chains: [{ filters: [filter] }] }],
      clusters: [
        {
          name: "origin",
          type: "STATIC",
          lb_policy: "LEAST_REQUEST",
          load_assignment: { cluster_name: "origin", endpoints: [{ lb_endpoints: endpoints }] },
        },
      ],
    },
  };
}

function loopback(port: number): unknown {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
