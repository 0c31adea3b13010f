// The proxies that speak Thrift: framed, binary, ten endpoints.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { packageVersion } from "../lib/programs.ts";
import { askThrift } from "../lib/thrift-frames.ts";
import { envoy, envoyCommand, staticCluster } from "./envoy.ts";
import { serviceName, type Peer } from "./peer.ts";
import { routerFor, run, switchyard, withBefore } from "./switchyard.ts";

const switchyardThrift: Peer = {
  ...switchyard,
  ask: askThrift,
  prepare: ({ folder, port, origins }) =>
    run(folder, routerFor(folder, port, [serviceName], origins, "thrift")),
};

/** Envoy's cheapest mode: the body is not decoded. */
const envoyThrift: Peer = {
  ...envoy,
  ask: askThrift,
  prepare({ folder, port, origins }) {
    const file = path.join(folder, "envoy.json");
    const proxy = {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy",
      stat_prefix: "callers",
      transport: "FRAMED",
      protocol: "BINARY",
      payload_passthrough: true,
      route_config: {
        name: "all",
        routes: [{ match: { method_name: "" }, route: { cluster: "origin" } }],
      },
    };
    const filter = { name: "envoy.filters.network.thrift_proxy", typed_config: proxy };
    writeFileSync(file, JSON.stringify(staticCluster(port, origins, filter)));
    return envoyCommand(file);
  },
};

const npmThrift: Peer = {
  name: "npm-thrift",
  ask: askThrift,
  find() {
    const version = packageVersion("thrift");
    return version === null ? { missing: "not installed: npm install" } : { version };
  },
  prepare({ port, origins }) {
    const file = fileURLToPath(new URL("./npm-thrift.js", import.meta.url));
    return [process.execPath, file, String(port), ...origins.map(String)];
  },
};

/** In the order of the table. */
export const thriftPeers: readonly Peer[] = [
  ...withBefore(switchyardThrift),
  envoyThrift,
  npmThrift,
];
