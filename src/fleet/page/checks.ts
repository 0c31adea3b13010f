// Checks what instances send, whose types nobody promises.
import type { InstanceHeader } from "./format.ts";
import type { EndpointFacts, ProblemFacts, RouterRow } from "../views/shapes.ts";

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

const maxTextLength = 1_000;
const maxRouters = 100;

/** Text up to a length that people read. */
function textOf(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, maxTextLength) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** null: not a header. */
export function headerOf(value: unknown): InstanceHeader | null {
  if (!isFields(value)) return null;
  const { switchyardFleet, run, at, startedAt, slice, sliceMs, version, configHash } = value;
  const { routers } = value;
  if (!isCount(switchyardFleet) || typeof run !== "string" || typeof version !== "string")
    return null;
  if (!isCount(at) || !isCount(startedAt) || !isCount(slice) || !isCount(sliceMs)) return null;
  if (typeof configHash !== "string" || !Array.isArray(routers)) return null;
  return {
    switchyardFleet,
    run: run.slice(0, 64),
    at,
    startedAt,
    slice,
    sliceMs: Math.max(1, sliceMs),
    name: textOf(value["name"]),
    version: version.slice(0, 64),
    configHash: configHash.slice(0, 64),
    configFile: textOf(value["configFile"]),
    notReady: textOf(value["notReady"]),
    routers: (routers as unknown[]).slice(0, maxRouters).map(routerOf),
  };
}

function routerOf(value: unknown): RouterRow {
  const { label, protocol, servers } = isFields(value) ? value : {};
  const listed = Array.isArray(servers) ? (servers as unknown[]).slice(0, maxRouters) : [];
  return {
    label: textOf(label) ?? "?",
    protocol: textOf(protocol) ?? "?",
    servers: listed.map(textOf).filter((each) => each !== null),
  };
}

/** Of an EndpointRow; null: not one. */
export function endpointOf(value: unknown): EndpointFacts | null {
  if (!Array.isArray(value)) return null;
  const [address, state, sinceMs, latencyMs, requests, successRate, at, error] = value as unknown[];
  if (typeof address !== "string" || typeof state !== "string") return null;
  const counted = numberOf(requests);
  const text = textOf(error);
  return {
    address: address.slice(0, 300),
    state: state.slice(0, 40),
    sinceMs: numberOf(sinceMs),
    latencyMs: numberOf(latencyMs),
    lastMinute: counted === null ? null : { requests: counted, successRate: numberOf(successRate) },
    lastError: text === null ? null : { at: textOf(at) ?? "", text },
  };
}

const severities = ["critical", "warning", "notice"] as const;

/** null: not a problem. */
export function problemOf(value: unknown): ProblemFacts | null {
  if (!isFields(value)) return null;
  const { id, severity, kind, text, since, where, advice, subject } = value;
  if (typeof id !== "string" || typeof text !== "string") return null;
  const place = isFields(where) ? where : null;
  const file = textOf(place?.["file"]);
  const line = numberOf(place?.["line"]);
  return {
    id: id.slice(0, maxTextLength),
    severity: severities.find((each) => each === severity) ?? "warning",
    kind: textOf(kind) ?? "other",
    text: text.slice(0, maxTextLength),
    since: textOf(since),
    where: file === null || line === null ? null : { file, line },
    advice: textOf(advice) ?? "",
    subject: subjectOf(subject),
  };
}

function subjectOf(value: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (!isFields(value)) return found;
  for (const key of ["router", "name", "client", "endpoint", "namer"]) {
    const text = textOf(value[key]);
    if (text !== null) found[key] = text;
  }
  return found;
}
