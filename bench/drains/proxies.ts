// The proxies whose shutdown is measured, and how each of them is asked to end.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { untilHttpReady, untilReady, type Child } from "../lib/child.ts";
import { askMux } from "../lib/mux-frames.ts";
import { findProgram, versionOf } from "../lib/programs.ts";
import { askThrift } from "../lib/thrift-frames.ts";
import type { ProtocolName } from "../outages/wire.ts";
import { serviceName } from "../peers/peer.ts";
import { run } from "../peers/switchyard.ts";

export interface DrainedProxy {
  readonly name: string;
  readonly title: string;
  readonly protocol: ProtocolName;
  readonly signal: NodeJS.Signals;
  /** The command that runs it; null: it is not installed. */
  prepare(folder: string, port: number, origin: number): readonly string[] | null;
}

function switchyard(protocol: ProtocolName, keys: readonly string[] = []): DrainedProxy {
  return {
    name: protocol,
    title: `switchyard, ${protocol}`,
    protocol,
    signal: "SIGTERM",
    prepare: (folder, port, origin) =>
      run(
        folder,
        [
          "admin: { port: 0 }",
          "routers:",
          `- protocol: ${protocol}`,
          `  dtab: /svc => /$/inet/127.0.0.1/${origin}`,
          ...keys,
          `  servers: [{ port: ${port} }]`,
          "",
        ].join("\n"),
      ),
  };
}

/** SIGTERM would end it immediately: SIGUSR1 is its signal to finish what it does. */
function haproxy(mode: "http" | "tcp", protocol: ProtocolName): DrainedProxy {
  return {
    name: `haproxy-${mode}`,
    title: `HAProxy, mode ${mode}${mode === "tcp" ? ` (${protocol})` : ""}`,
    protocol,
    signal: "SIGUSR1",
    prepare: (folder, port, origin) => {
      const program = findProgram("haproxy");
      if (program === null) return null;
      const file = path.join(folder, "haproxy.cfg");
      writeFileSync(file, haproxyFile(mode, port, origin));
      return [program, "-db", "-f", file];
    },
  };
}

function haproxyFile(mode: string, port: number, origin: number): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port}
  default_backend origin
backend origin
  server s0 127.0.0.1:${origin}
`;
}

export const proxies: readonly DrainedProxy[] = [
  switchyard("http"),
  haproxy("http", "http"),
  switchyard("thrift"),
  haproxy("tcp", "thrift"),
  switchyard("thriftmux", ["  client: { thriftMux: true }"]),
  switchyard("mux"),
];

export function haproxyVersion(): string {
  const program = findProgram("haproxy");
  return program === null ? "not installed" : versionOf(program, "-v");
}

export function untilAnswers(child: Child, protocol: ProtocolName, port: number): Promise<void> {
  switch (protocol) {
    case "http":
      return untilHttpReady(child, port, serviceName);
    case "thrift":
      return untilReady(child, () => askThrift(port));
    case "mux":
      return untilReady(child, () => askMux(port));
    case "thriftmux":
      return untilReady(child, () => askThrift(port));
    default:
      return protocol satisfies never;
  }
}

/** A folder of its own for each process. */
export function folderIn(parent: string, name: string): string {
  const folder = path.join(parent, name);
  mkdirSync(folder);
  return folder;
}
