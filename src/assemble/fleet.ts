// The fleet that this process watches: its sources, and what the admin server shows of it. Loaded only
// where the configuration has one, since it brings undici.
import { readFileSync } from "node:fs";
import type { FleetViews } from "../admin/views.ts";
import type { CheckedFleet } from "../config/schemas/fleet.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { pathOf } from "../core/names/path.ts";
import { Fleet } from "../fleet/fleet.ts";
import type { FleetConfig } from "../fleet/config.ts";
import { fileSource } from "../fleet/sources/file.ts";
import { namedSource } from "../fleet/sources/name.ts";
import { listedSource } from "../fleet/sources/source.ts";
import type { Source } from "../fleet/sources/source.ts";
import { fleetViews } from "../fleet/views/views.ts";
import { localInterpreter } from "../naming/interpreters/default.ts";
import { tokensOf } from "../runtime/token-file.ts";
import { FileWatch, Watched } from "../runtime/watched-files.ts";
import type { Naming } from "./naming.ts";

export interface FleetParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly naming: Naming;
}

export interface RunningFleet {
  readonly fleet: Fleet;
  readonly views: FleetViews;
  close(): void;
}

/** Throws with a text for people when a file of its TLS is unusable. */
export function openFleet(checked: CheckedFleet, parts: FleetParts): RunningFleet {
  const { clock, naming } = parts;
  const token = checked.token === undefined ? null : openToken(checked.token, parts);
  const config = configOf(checked, () => token?.first() ?? null);
  // Its names are of the file, not of callers: any namer may be asked, and admin servers found.
  const interpreter = localInterpreter({ hosts: naming.hosts, namers: naming.namers });
  const sources: Source[] = [
    ...(config.instances.length > 0 ? [listedSource(config.instances)] : []),
    ...(config.file === null ? [] : [fileSource(config.file, clock)]),
    ...config.names.map((name) => namedSource(name, interpreter)),
  ];
  const fleet = new Fleet(config, { ...parts, sources });
  fleet.start();
  const close = () => {
    fleet.close();
    interpreter.close();
    token?.close();
  };
  return { fleet, views: fleetViews(fleet, clock), close };
}

/** Follows the file; what is unusable leaves the previous token. */
function openToken(path: string, { clock, log }: FleetParts) {
  const watch = new FileWatch(clock, log);
  const tokens = new Watched("fleet.token", [path], (read) => tokensOf(read(path)));
  watch.add(tokens);
  return { first: () => tokens.value[0] ?? null, close: () => watch.close() };
}

function configOf(checked: CheckedFleet, token: () => string | null): FleetConfig {
  const { instances, name = [], dns, tls, prometheus } = checked;
  const ofDns = dns === undefined ? [] : [pathOf("$", "inet", dns.host, `${dns.port}`)];
  return {
    title: checked.title,
    instances: instances.map((each) => ({ ...each, listed: "fleet.instances" })),
    file: checked.file ?? null,
    names: [...name, ...ofDns],
    intervalMs: checked.intervalMs,
    timeoutMs: checked.timeoutMs,
    maxPageBytes: checked.maxPageKB * 1024,
    maxSeries: checked.maxSeries,
    forgetAfterMs: checked.forgetAfterMs,
    prometheus: prometheus ?? null,
    credentials: { tls: tls?.enabled === true ? tlsOptions(tls) : null, token },
  };
}

/** Reads the files once; later changes to them do not count. */
function tlsOptions(tls: NonNullable<CheckedFleet["tls"]>): Readonly<Record<string, unknown>> {
  const { clientAuth, commonName, disableValidation, trustCerts, trustCertsBundle } = tls;
  const trusted = [...trustCerts, ...(trustCertsBundle === undefined ? [] : [trustCertsBundle])];
  return {
    rejectUnauthorized: !disableValidation,
    ...(commonName === undefined ? {} : { servername: commonName }),
    ...(trusted.length === 0 ? {} : { ca: trusted.map((file) => readFileSync(file)) }),
    ...(clientAuth === undefined
      ? {}
      : { cert: readFileSync(clientAuth.certPath), key: readFileSync(clientAuth.keyPath) }),
  };
}
