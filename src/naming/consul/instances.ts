// Reads the instances of a service from Consul's catalog and health responses.
import type { Instance } from "../discovery/instance.ts";

export const healthStatuses = ["passing", "warning", "critical", "maintenance"] as const;
type HealthStatus = (typeof healthStatuses)[number];

export interface ReadOptions {
  /** Instances in any of these are kept; null: all, whatever their health. */
  readonly statuses: ReadonlySet<HealthStatus> | null;
  readonly prefersServiceAddress: boolean;
  readonly weightByTag: ReadonlyMap<string, number>;
  readonly transfersMetadata: boolean;
}

type Entry = Readonly<Record<string, unknown>>;

/**
 * The instances in the body of `/v1/catalog/service` or `/v1/health/service`, sorted, each
 * address once; a string says what is wrong with the body. Entries without host or port are left out.
 */
export function readInstances(
  body: unknown,
  options: ReadOptions,
): { readonly value: readonly Instance[] } | string {
  if (!Array.isArray(body)) return "Consul's response is not a list of instances";
  const found = new Map<string, Instance>();
  for (const each of body as readonly unknown[]) {
    const entry = entryOf(each);
    const instance =
      entry["Service"] === undefined ? fromCatalog(entry, options) : fromHealth(entry, options);
    if (instance === null) continue;
    const key = `${instance.host} ${instance.port}`;
    const same = found.get(key);
    if (same === undefined || same.weight < instance.weight) found.set(key, instance);
  }
  const keys = [...found.keys()].sort();
  return { value: keys.flatMap((key) => found.get(key) ?? []) };
}

function fromCatalog(entry: Entry, options: ReadOptions): Instance | null {
  return instanceOf(
    {
      nodeAddress: entry["Address"],
      serviceAddress: entry["ServiceAddress"],
      port: entry["ServicePort"],
      tags: entry["ServiceTags"],
      nodeMeta: entry["NodeMeta"],
      serviceMeta: entry["ServiceMeta"],
    },
    options,
  );
}

function fromHealth(entry: Entry, options: ReadOptions): Instance | null {
  const { statuses } = options;
  if (statuses !== null && !statuses.has(worstStatus(entry["Checks"]))) return null;
  const node = entryOf(entry["Node"]);
  const service = entryOf(entry["Service"]);
  return instanceOf(
    {
      nodeAddress: node["Address"],
      serviceAddress: service["Address"],
      port: service["Port"],
      tags: service["Tags"],
      nodeMeta: node["Meta"],
      serviceMeta: service["Meta"],
    },
    options,
  );
}

interface Parts {
  readonly nodeAddress: unknown;
  readonly serviceAddress: unknown;
  readonly port: unknown;
  readonly tags: unknown;
  readonly nodeMeta: unknown;
  readonly serviceMeta: unknown;
}

function instanceOf(parts: Parts, options: ReadOptions): Instance | null {
  const ofService = options.prefersServiceAddress ? textOf(parts.serviceAddress) : "";
  const host = bare(ofService === "" ? textOf(parts.nodeAddress) : ofService);
  const { port } = parts;
  if (host === "" || typeof port !== "number" || !Number.isInteger(port)) return null;
  if (port < 1 || port > 65_535) return null;
  const weight = weightOf(parts.tags, options.weightByTag);
  if (!options.transfersMetadata) return { host, port, weight };
  const meta = { ...textsOf(parts.nodeMeta), ...textsOf(parts.serviceMeta) };
  return { host, port, weight, meta };
}

/** Some register IPv6 addresses in brackets, as URLs have them. */
function bare(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** The greatest weight of its tags; 1 when none of them has one. */
function weightOf(tags: unknown, weightByTag: ReadonlyMap<string, number>): number {
  if (weightByTag.size === 0 || !Array.isArray(tags)) return 1;
  const weights = tags.flatMap((tag: unknown) => weightByTag.get(String(tag)) ?? []);
  return weights.length === 0 ? 1 : Math.max(...weights);
}

/** Passing unless a check says otherwise; an unknown status counts as passing. */
function worstStatus(checks: unknown): HealthStatus {
  let worst = 0;
  for (const each of Array.isArray(checks) ? (checks as readonly unknown[]) : []) {
    const check = entryOf(each);
    worst = Math.max(worst, healthStatuses.indexOf(statusOf(check)));
  }
  return healthStatuses[worst] ?? "passing";
}

/** Maintenance is a critical check of a reserved name (Consul, "Maintenance mode"). */
function statusOf(check: Entry): HealthStatus {
  const id = textOf(check["CheckID"]);
  if (id === "_node_maintenance" || id.startsWith("_service_maintenance:")) return "maintenance";
  const status = textOf(check["Status"]).toLowerCase();
  return healthStatuses.find((known) => known === status) ?? "passing";
}

function entryOf(value: unknown): Entry {
  return typeof value === "object" && value !== null ? (value as Entry) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function textsOf(value: unknown): Record<string, string> {
  const texts = Object.entries(entryOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
}
