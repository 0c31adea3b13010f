// HAProxy: one thread, leastconn over ten servers, connections reused as freely as possible.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram, installHint, versionOf } from "../lib/programs.ts";
import type { Peer } from "./peer.ts";

export const haproxy: Peer = {
  name: "haproxy",
  find: () => {
    const program = findProgram("haproxy");
    if (program === null) return { missing: `not installed: ${installHint}` };
    return { version: versionOf(program, "-v") };
  },
  prepare: ({ folder, port, origins }) => {
    const file = path.join(folder, "haproxy.cfg");
    writeFileSync(
      file,
      [
        "global",
        "  nbthread 1",
        "  maxconn 4096",
        "defaults",
        "  mode http",
        "  timeout connect 5s",
        "  timeout client 60s",
        "  timeout server 60s",
        "  option http-keep-alive",
        "  http-reuse always",
        "frontend callers",
        `  bind 127.0.0.1:${port}`,
        "  default_backend origin",
        "backend origin",
        "  balance leastconn",
        ...origins.map((origin, at) => `  server s${at} 127.0.0.1:${origin}`),
        "",
      ].join("\n"),
    );
    return [findProgram("haproxy") ?? "haproxy", "-db", "-f", file];
  },
};
