// nginx: one worker, ten servers with kept connections. Also serves as a cheap origin.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { bodyBytes } from "../lib/origin.ts";
import { findProgram, installHint, versionOf } from "../lib/programs.ts";
import type { Peer, Place } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  find: () => {
    const program = findProgram("nginx");
    if (program === null) return { missing: `not installed: ${installHint}` };
    return { version: versionOf(program, "-v") };
  },
  prepare: (place) =>
    command(place.folder, [
      `upstream origin {`,
      `  least_conn;`,
      ...place.origins.map((port) => `  server 127.0.0.1:${port};`),
      `  keepalive 128; keepalive_requests 100000000;`,
      `}`,
      `server {`,
      `  listen 127.0.0.1:${place.port};`,
      `  location / {`,
      `    proxy_pass http://origin; proxy_http_version 1.1;`,
      `    proxy_set_header Connection ""; proxy_set_header Host $host;`,
      `  }`,
      `}`,
    ]),
};

/** An nginx that responds with the origin's 64 bytes on all ports. Requires an installed `nginx`. */
export function nginxOrigin(folder: string, ports: readonly number[]): readonly string[] {
  return command(folder, [
    "server {",
    ...ports.map((port) => `  listen 127.0.0.1:${port};`),
    `  location / { default_type text/plain; return 200 "${"o".repeat(bodyBytes)}"; }`,
    "}",
  ]);
}

export function command(folder: Place["folder"], http: readonly string[]): readonly string[] {
  const file = path.join(folder, "nginx.conf");
  const isRoot = process.getuid?.() === 0;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    file,
    [
      // Its worker would otherwise run as `nobody`, who may not enter the folder.
      isRoot ? "user root; worker_rlimit_nofile 65536;" : "",
      "daemon off; worker_processes 1; error_log stderr error;",
      `pid ${path.join(folder, "nginx.pid")};`,
      "events { worker_connections 32768; }",
      "http {",
      "access_log off; keepalive_requests 100000000; keepalive_timeout 600s;",
      ...temporary.map((kind) => `${kind}_temp_path ${path.join(folder, kind)};`),
      ...http,
      "}",
    ].join("\n"),
  );
  return [findProgram("nginx") ?? "nginx", "-p", folder, "-e", "stderr", "-c", file];
}
