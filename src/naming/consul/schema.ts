// The configuration keys shared by everything that talks to Consul: where the agent is, and TLS.
import { readFileSync } from "node:fs";
import type { AgentOptions } from "node:https";
import { isIP } from "node:net";
import * as v from "valibot";
import { integer, path } from "../../core/schema.ts";
import { backoffSchema } from "../../core/pacing/backoff.ts";
import { clientTlsEntries } from "../../core/tls/schema.ts";
import { segmentsOf, segmentText } from "../../core/names/path.ts";
import type { CheckedClientTls } from "../../core/tls/schema.ts";
import type { HostResolver } from "../../core/naming.ts";
import { lookupAhead } from "../hosts/lookup-ahead.ts";
import type { Client, ClientOptions } from "./api.ts";
import { consulClient } from "./client.ts";

const text = () => v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty"));

const tls = () => v.strictObject(clientTlsEntries());

type Tls = CheckedClientTls;

/** `host`, `port`, `token`, `tls`: how to reach an agent. */
export const agentEntries = () => ({
  host: v.optional(text(), "localhost"),
  port: v.optional(integer(1, 65_535), 8500),
  token: v.optional(text()),
  tls: v.optional(tls()),
});

/** Keys of everything that watches. */
export const watchEntries = () => ({
  resyncIntervalMs: v.optional(integer(1_000), 300_000),
});

/** Keys of what reads a dtab under `<pathPrefix>/<namespace>`. */
export const dtabKeyEntries = () => ({
  ...agentEntries(),
  ...watchEntries(),
  pathPrefix: v.optional(path(), "/namerd/dtabs"),
  /** Defaults to the agent's own. */
  datacenter: v.optional(v.string("expected the name of a data centre")),
  readConsistencyMode: v.optional(consistency(), "default"),
  writeConsistencyMode: v.optional(consistency(), "default"),
  backoff: v.optional(backoffSchema()),
});

const dtabKey = () => v.strictObject(dtabKeyEntries());
export type DtabKeyConfig = v.InferOutput<ReturnType<typeof dtabKey>>;

export const consistency = () =>
  v.picklist(["default", "stale", "consistent"], "expected default, stale or consistent");

interface AgentConfig {
  readonly host: string;
  readonly port: number;
  readonly token?: string | undefined;
  readonly tls?: Tls | undefined;
}

/** A client for the configured agent. The caller closes it. */
export function clientOf(config: AgentConfig, hosts: HostResolver): Client {
  const { lookup, close } = lookupAhead(hosts, config.host);
  const options: ClientOptions = {
    lookup,
    host: config.host,
    port: config.port,
    token: config.token ?? null,
    tls: config.tls?.enabled === true ? tlsOptions(config.tls, config.host) : null,
  };
  const client = consulClient(options);
  return {
    ...client,
    close() {
      close();
      client.close();
    },
  };
}

/** Reads the files once; later changes to them do not count. */
export function tlsOptions(config: Tls, host: string): AgentOptions {
  const { clientAuth, protocols, trustCertsBundle } = config;
  const trusted = [
    ...config.trustCerts,
    ...(trustCertsBundle === undefined ? [] : [trustCertsBundle]),
  ];
  // SNI cannot carry an IP address; the certificate must name it all the same.
  const servername = config.commonName ?? (isIP(host) > 0 ? undefined : host);
  const versions = (protocols ?? []).toSorted();
  const [minVersion] = versions;
  const maxVersion = versions.at(-1);
  return {
    rejectUnauthorized: !config.disableValidation,
    ...(servername === undefined ? {} : { servername }),
    ...(trusted.length === 0 ? {} : { ca: trusted.map((path) => readFileSync(path)) }),
    ...(clientAuth === undefined ? {} : clientCertificate(clientAuth)),
    ...(minVersion === undefined ? {} : { minVersion: minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion: maxVersion }),
  };
}

function clientCertificate(auth: NonNullable<Tls["clientAuth"]>): AgentOptions {
  const { certPath, keyPath, intermediateCertsPath } = auth;
  const chain = [certPath, ...(intermediateCertsPath === undefined ? [] : [intermediateCertsPath])];
  return {
    cert: Buffer.concat(chain.map((path) => readFileSync(path))),
    key: readFileSync(keyPath),
  };
}

/** The key of a namespace's dtab, without a slash in front. */
export function keyOf(
  { pathPrefix }: Pick<DtabKeyConfig, "pathPrefix">,
  namespace: string,
): string {
  return [...segmentsOf(pathPrefix).map(segmentText), namespace].join("/");
}
