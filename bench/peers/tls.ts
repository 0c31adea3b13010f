// The same proxies with TLS on either side: towards callers (`in`), towards endpoints (`out`), or on both.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import path from "node:path";
import { checkout, findProgram } from "../lib/programs.ts";
import { haproxy } from "./haproxy.ts";
import { command as nginxCommand, nginx } from "./nginx.ts";
import { serviceName, type Peer, type Place } from "./peer.ts";
import { routerFor, run, switchyard, withBefore } from "./switchyard.ts";

export const tlsSides = ["in", "out", "both"] as const;
type Side = (typeof tlsSides)[number];

/** One certificate for everything: ECDSA with P-256. */
export interface BenchCertificate {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Certificate and key in one file, as HAProxy wants them. */
  readonly bothPath: string;
}

export function benchCertificate(folder: string): BenchCertificate {
  const cert = (...args: readonly string[]) =>
    execFileSync(process.execPath, [
      path.join(checkout, "bin", "switchyard"),
      "cert",
      ...args,
      "--folder",
      folder,
    ]);
  cert("init");
  cert("issue", `${serviceName},127.0.0.1`);
  const at = (file: string) => path.join(folder, file);
  const [certPath, keyPath] = [at(`${serviceName}.pem`), at(`${serviceName}.key`)];
  const both = readFileSync(certPath, "utf8") + readFileSync(keyPath, "utf8");
  writeFileSync(at("both.pem"), both, { mode: 0o600 });
  return { caPath: at("ca.pem"), certPath, keyPath, bothPath: at("both.pem") };
}

const hasCallers = (side: Side) => side !== "out";
const hasEndpoints = (side: Side) => side !== "in";

/** Rows such as `in:nginx`, for every side and proxy. */
export function tlsPeers(files: BenchCertificate): readonly (Peer & { readonly side: Side })[] {
  return tlsSides.flatMap((side) => {
    const known: Peer[] = [
      ...withBefore({ ...switchyard, prepare: (place) => switchyardCommand(place, side, files) }),
      { ...nginx, prepare: (place) => nginxTls(place, side, files) },
      { ...haproxy, prepare: (place) => haproxyTls(place, side, files) },
    ];
    return known.map((peer) => ({
      ...peer,
      side,
      name: `${side}:${peer.name}`,
      ...(hasCallers(side) ? { ask: (port: number) => askSecurely(port, files) } : {}),
    }));
  });
}

function switchyardCommand(place: Place, side: Side, files: BenchCertificate): readonly string[] {
  const { folder, port, origins } = place;
  const own = `certPath: ${files.certPath}, keyPath: ${files.keyPath}`;
  const balancer = "    loadBalancer: { kind: ewma }\n";
  let yaml = routerFor(folder, port, [serviceName], origins);
  if (hasCallers(side)) yaml = yaml.replace(/(?<=- port: \d+\n)/, `    tls: { ${own} }\n`);
  if (hasEndpoints(side)) {
    const trust = `commonName: ${serviceName}, trustCertsBundle: ${files.caPath}`;
    yaml = yaml.replace(balancer, `${balancer}    tls: { ${trust} }\n`);
  }
  return run(folder, yaml);
}

const nginxServerTls = ({ certPath, keyPath }: BenchCertificate) =>
  `ssl_certificate ${certPath}; ssl_certificate_key ${keyPath}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:bench:10m;`;

function nginxTls(place: Place, side: Side, files: BenchCertificate): readonly string[] {
  const { folder, port, origins } = place;
  const scheme = hasEndpoints(side) ? "https" : "http";
  return nginxCommand(folder, [
    "upstream origin { least_conn;",
    ...origins.map((origin) => `server 127.0.0.1:${origin};`),
    "keepalive 128; keepalive_requests 100000000; }",
    `server { listen 127.0.0.1:${port}${hasCallers(side) ? " ssl" : ""};`,
    hasCallers(side) ? nginxServerTls(files) : "",
    `location / { proxy_pass ${scheme}://origin; proxy_http_version 1.1;`,
    'proxy_set_header Connection ""; proxy_set_header Host $host;',
    hasEndpoints(side)
      ? `proxy_ssl_verify on; proxy_ssl_name ${serviceName}; proxy_ssl_protocols TLSv1.3; ` +
        `proxy_ssl_trusted_certificate ${files.caPath};`
      : "",
    "} }",
  ]);
}

/** An nginx that responds over TLS on all ports. */
export function nginxTlsOrigin(
  folder: string,
  ports: readonly number[],
  files: BenchCertificate,
  body: string,
): readonly string[] {
  return nginxCommand(folder, [
    "server {",
    ...ports.map((port) => `listen 127.0.0.1:${port} ssl;`),
    nginxServerTls(files),
    `location / { default_type text/plain; return 200 "${body}"; } }`,
  ]);
}

function haproxyTls(place: Place, side: Side, files: BenchCertificate): readonly string[] {
  const plain = haproxy.prepare(place);
  const file = plain.at(-1) ?? "";
  const callers = ` ssl crt ${files.bothPath} ssl-min-ver TLSv1.3`;
  const endpoints = ` ssl verify required verifyhost ${serviceName} ca-file ${files.caPath} ssl-min-ver TLSv1.3`;
  const text = readFileSync(file, "utf8")
    .replace(/^( {2}bind .*)$/m, hasCallers(side) ? `$1${callers}` : "$1")
    .replace(/^( {2}server .*)$/gm, hasEndpoints(side) ? `$1${endpoints}` : "$1");
  writeFileSync(file, text);
  return [findProgram("haproxy") ?? "haproxy", ...plain.slice(1)];
}

function askSecurely(port: number, { caPath }: BenchCertificate): Promise<string | null> {
  return new Promise((resolve) => {
    const how = { host: "127.0.0.1", port, agent: false, ca: readFileSync(caPath) };
    const sent = request({ ...how, headers: { host: serviceName } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`);
    });
    sent.on("error", ({ message }) => resolve(message));
    sent.end();
  });
}
