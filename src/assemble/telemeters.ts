// Opens the telemeters of the configuration, with what they may use of the process.
import type { ProcessDeps } from "../assemble.ts";
import type { Config } from "../config/config.ts";
import type { CallHub } from "../core/calls/hub.ts";
import type { HostResolver } from "../core/naming.ts";
import { pluginOf } from "../core/plugin.ts";
import type { CheckedClientTls } from "../core/tls/schema.ts";
import type { Sampler } from "../core/tracing/sampler.ts";
import { tlsOptions } from "../naming/consul/schema.ts";
import { lookupAhead } from "../naming/hosts/lookup-ahead.ts";
import { telemeters } from "../plugins.ts";
import { recentRequestsByDefault } from "../telemetry/calls/recent-requests.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { CollectorConnection, Telemeter, TelemeterDeps } from "../telemetry/telemeter.ts";
import type { Naming } from "./naming.ts";
import { version } from "../version.ts";

interface TelemeterParts {
  readonly metrics: Metrics;
  readonly calls: CallHub;
  readonly sampler: Sampler;
  readonly naming: Pick<Naming, "hosts">;
  readonly deps: ProcessDeps;
  readonly open: Telemeter[];
  readonly closing: { add(close: () => Promise<void>): void };
}

/** Those that are open already are closed when a later one cannot be opened. */
export async function openTelemeters(
  config: Config,
  { metrics, calls, sampler, naming, deps, open, closing }: TelemeterParts,
): Promise<void> {
  const { clock, random, logs } = deps;
  const connectionTo: TelemeterDeps["connectionTo"] = (url, tls) =>
    connection(naming.hosts, url, tls);
  const shared = { metrics: metrics.root, clock, random, calls, sampler, version, connectionTo };
  for (const each of telemetersOf(config)) {
    const { kind } = each;
    const stats = metrics.stats.scope("telemetry", kind);
    const parts: TelemeterDeps = { ...shared, stats, log: logs.log(kind) };
    const telemeter = await pluginOf(telemeters, each).create(each, parts);
    open.push(telemeter);
    closing.add(() => telemeter.close());
  }
}

/** Prometheus can always read the metrics, and calls are always kept; a section of its own only changes how. */
function telemetersOf({ telemetry }: Config): Config["telemetry"] {
  const always = [
    { kind: "io.l5d.prometheus", path: "/admin/metrics/prometheus", prefix: "" },
    recentRequestsByDefault,
  ];
  const missing = always.filter(({ kind }) => telemetry.every((each) => each.kind !== kind));
  return [...telemetry, ...missing];
}

/** Certificates are read once. */
function connection(
  hosts: HostResolver,
  url: string,
  tls: Partial<CheckedClientTls> | null,
): CollectorConnection {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const secure = tls === null ? {} : tlsOptions({ ...plainTls, ...tls }, host);
  const { lookup, close } = lookupAhead(hosts, host);
  return { options: { lookup, ...secure }, close };
}

const plainTls = {
  enabled: true,
  disableValidation: false,
  allowSubjectName: false,
  trustCerts: [],
};
