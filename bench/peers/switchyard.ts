// switchyard with balancer `ewma` and otherwise default settings: an http router, file discovery, ten endpoints.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { checkout } from "../lib/programs.ts";
import { serviceName, type Peer } from "./peer.ts";

const command = path.join(checkout, "bin", "switchyard");

export const switchyard: Peer = {
  name: "switchyard",
  find: () => {
    if (!existsSync(path.join(checkout, "dist", "src", "main.js"))) {
      return { missing: "not built: npm run build" };
    }
    const manifest = readFileSync(path.join(checkout, "package.json"), "utf8");
    return { version: (JSON.parse(manifest) as { version: string }).version };
  },
  prepare: ({ folder, port, origins }) =>
    run(folder, routerFor(folder, port, [serviceName], origins)),
};

/**
 * The peer, and beside it the same of another checkout, built: for what a change costs, in one run. The
 * environment says where: `BENCH_BEFORE=../before npm run bench -- http --only switchyard,before`.
 */
export function withBefore(peer: Peer): readonly Peer[] {
  const root = process.env["BENCH_BEFORE"];
  if (root === undefined || root === "") return [peer];
  const other = path.resolve(root, "bin", "switchyard");
  const inOther = (part: string): string => (part === command ? other : part);
  return [peer, { ...peer, name: beforeRow, prepare: (place) => peer.prepare(place).map(inOther) }];
}

export const beforeRow = "before";

/**
 * The same with every protection against failing endpoints, except hedges: they send further requests
 * rather than add a cost to each.
 */
export const fullPolicy: Peer = {
  ...switchyard,
  name: "full-policy",
  prepare: ({ folder, port, origins }) =>
    run(folder, withFullPolicy(routerFor(folder, port, [serviceName], origins))),
};

function withFullPolicy(yaml: string): string {
  const client = ["  client:", "    loadBalancer: { kind: ewma }", ""].join("\n");
  if (!yaml.includes(client)) throw new Error("bug: the client of the plain configuration moved");
  return yaml.replace(client, policyLines);
}

const policyLines = `  service:
    kind: io.l5d.static
    configs:
    - prefix: /
      totalTimeoutMs: 5000
      rateLimit: { perSec: 1000000, burst: 10000 }
    - prefix: /svc/*
      responseClassifier: { kind: io.l5d.http.retryableRead5XX }
      retries:
        backoff: { kind: jittered, minMs: 10, maxMs: 100 }
        budget: { percentCanRetry: 0.1 }
  client:
    kind: io.l5d.static
    configs:
    - prefix: /#/io.l5d.fs/{service}
      requestAttemptTimeoutMs: 1000
      requeueBudget: { percentCanRetry: 0.1 }
      failureAccrual: { kind: io.l5d.unified }
      loadBalancer: { kind: ewma, panicThreshold: 30 }
      failFast: true
      nackAdmission: { threshold: 0.5 }
      rateLimit: { perSec: 1000000, burst: 10000 }
      concurrency: { kind: io.l5d.gradient, minLimit: 1000, maxLimit: 10000 }
`;

/** One router whose services `names` all have these endpoints. Returns the text of the file. */
export function routerFor(
  folder: string,
  port: number,
  names: readonly string[],
  origins: readonly number[],
  protocol = "http",
): string {
  // A Thrift call without a service name is named by the prefix alone.
  const dtab = protocol === "thrift" ? `/svc => /#/io.l5d.fs/${names[0]}` : "/svc => /#/io.l5d.fs";
  return routerYaml(protocol, port, dtab, discoveryFolder(folder, names, origins));
}

/** One router for which every Host is a different name of the same service. */
export function oneServiceFor(folder: string, port: number, origins: readonly number[]): string {
  const dtab = `/svc/* => /#/io.l5d.fs/${serviceName}`;
  return routerYaml("http", port, dtab, discoveryFolder(folder, [serviceName], origins));
}

function routerYaml(protocol: string, port: number, dtab: string, discovery: string): string {
  return [
    "admin: { port: 0 }",
    "namers:",
    "- kind: io.l5d.fs",
    `  rootDir: ${JSON.stringify(discovery)}`,
    "routers:",
    `- protocol: ${protocol}`,
    `  dtab: ${dtab}`,
    "  client:",
    "    loadBalancer: { kind: ewma }",
    "  servers:",
    `  - port: ${port}`,
    "",
  ].join("\n");
}

/** The two routers of a typical sidecar. */
export function sidecarFor(
  folder: string,
  ports: { readonly incoming: number; readonly outgoing: number },
  origins: readonly number[],
): string {
  const discovery = discoveryFolder(folder, [serviceName], origins);
  return [
    "admin: { port: 0 }",
    "namers:",
    "- kind: io.l5d.fs",
    `  rootDir: ${JSON.stringify(discovery)}`,
    "routers:",
    "- protocol: http",
    "  label: incoming",
    `  servers: [{ port: ${ports.incoming} }]`,
    "  baseDtab: |",
    "    /local => /$/inet/127.1/80;",
    "    /http/1.1/*/* => /local ;",
    "- protocol: http",
    "  label: outgoing",
    `  servers: [{ port: ${ports.outgoing} }]`,
    "  baseDtab: |",
    "    /http/1.1/* => /#/io.l5d.fs;",
    "",
  ].join("\n");
}

function discoveryFolder(
  folder: string,
  names: readonly string[],
  origins: readonly number[],
): string {
  const discovery = path.join(folder, "disco");
  mkdirSync(discovery);
  const endpoints = origins.map((origin) => `127.0.0.1 ${origin}\n`).join("");
  for (const name of names) writeFileSync(path.join(discovery, name), endpoints);
  return discovery;
}

/** The command that runs this configuration. */
export function run(folder: string, yaml: string): readonly string[] {
  const file = path.join(folder, "switchyard.yaml");
  writeFileSync(file, yaml);
  return [process.execPath, ...nodeOptions(), command, "run", file];
}

/** For profiling: BENCH_NODE_OPTIONS="--cpu-prof --cpu-prof-dir=..." */
function nodeOptions(): string[] {
  return (process.env["BENCH_NODE_OPTIONS"] ?? "").split(" ").filter((option) => option !== "");
}
