// The compared proxies, in the order of the table.
import { fileURLToPath } from "node:url";
import { packageVersion } from "../lib/programs.ts";
import { envoy } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { fullPolicy, switchyard, withBefore } from "./switchyard.ts";

export const peers: readonly Peer[] = [
  ...withBefore(switchyard),
  fullPolicy,
  nginx,
  haproxy,
  envoy,
  nodeProxy("http-proxy", "http-proxy", "./http-proxy.js"),
  nodeProxy("undici-proxy", "undici", "./undici-proxy.js"),
];

/** A proxy built on an npm package, in a script beside this file. */
function nodeProxy(name: string, packageName: string, script: string): Peer {
  const file = fileURLToPath(new URL(script, import.meta.url));
  return {
    name,
    find: () => {
      const version = packageVersion(packageName);
      return version === null ? { missing: "not installed: npm install" } : { version };
    },
    prepare: ({ port, origins }) => [process.execPath, file, String(port), ...origins.map(String)],
  };
}
