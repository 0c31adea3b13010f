// Spans as OTLP's JSON, with the attributes of OpenTelemetry's conventions.
import type { CallRecord } from "../../core/calls/record.ts";
import { annotationsOf, hostAndPort, spansOf } from "../tracing/spans.ts";
import type { Span } from "../tracing/spans.ts";
import { attributesOf, nanosOf } from "./values.ts";
import type { Attributes, Scope } from "./values.ts";

const kinds = { server: 2, client: 3 } as const;
const errorStatus = 2;
/** The bit `sampled` of W3C's flags. */
const sampledFlag = 1;

/** The body of a POST to `/v1/traces`. `resourceOf` gives the resource of a router. */
export function tracesJson(
  calls: readonly CallRecord[],
  scope: Scope,
  resourceOf: (router: string) => Attributes,
): string {
  const byRouter = new Map<string, CallRecord[]>();
  for (const call of calls) {
    const group = byRouter.get(call.router);
    if (group === undefined) byRouter.set(call.router, [call]);
    else group.push(call);
  }
  const resourceSpans = Array.from(byRouter, ([router, group]) => ({
    resource: { attributes: attributesOf(resourceOf(router)) },
    scopeSpans: [
      { scope, spans: group.flatMap((call) => spansOf(call).map((span) => spanOf(call, span))) },
    ],
  }));
  return JSON.stringify({ resourceSpans });
}

function spanOf(call: CallRecord, span: Span): object {
  const { spanId, parentId, kind, startUs, endUs, attempt } = span;
  const failure = attempt === null ? call.failure : attempt.failure;
  const outcome = attempt === null ? call.outcome : attempt.outcome;
  return {
    traceId: (call.trace?.traceId ?? "").padStart(32, "0"),
    spanId,
    parentSpanId: parentId ?? "",
    flags: sampledFlag,
    name: nameOf(call),
    kind: kinds[kind],
    startTimeUnixNano: nanosOf(startUs),
    endTimeUnixNano: nanosOf(endUs),
    attributes: attributesOf({
      ...sharedAttributes(call),
      ...(attempt === null ? serverAttributes(call) : attemptAttributes(call, span)),
    }),
    events: annotationsOf(call, span).map(({ atUs, value }) => ({
      timeUnixNano: nanosOf(atUs),
      name: value,
    })),
    status: outcome === "failure" ? { code: errorStatus, message: failure?.detail ?? "" } : {},
  };
}

/** Few different ones, as the conventions ask: the method and the logical name, no paths of callers. */
function nameOf({ method, name, protocol }: CallRecord): string {
  return `${method === "" ? protocol : method} ${name ?? ""}`.trim();
}

function sharedAttributes(call: CallRecord): Attributes {
  const { router, name, protocol, method } = call;
  const shared = { "switchyard.router": router, "switchyard.service": name };
  if (protocol === "http") return { ...shared, "http.request.method": method || null };
  return { ...shared, "rpc.system": protocol, "rpc.method": method || null };
}

function serverAttributes(call: CallRecord): Attributes {
  const { target, protocol, bound, residual, dentry, retries, requeues, failure, fault } = call;
  const [path = "", query] = target.split(/\?(.*)/s);
  return {
    ...statusAttributes(call, call.status),
    ...(protocol === "http" ? { "url.path": path, "url.query": query ?? null } : {}),
    ...addressAttributes("client", call.remote),
    ...addressAttributes("server", call.server),
    "network.protocol.name": protocol,
    "switchyard.destination": protocol === "http" || target === "" ? null : target,
    "switchyard.client": bound,
    "switchyard.residual": residual === "/" ? null : residual,
    "switchyard.dentry": dentry,
    "switchyard.retries": retries === 0 ? null : retries,
    "switchyard.requeues": requeues === 0 ? null : requeues,
    "switchyard.outcome": call.outcome,
    "switchyard.fault": fault,
    "error.type": failure?.kind ?? null,
  };
}

function attemptAttributes(call: CallRecord, { attempt }: Span): Attributes {
  if (attempt === null) return {};
  const { endpoint, bound, why, status, failure, outcome } = attempt;
  const nth = call.attempts.indexOf(attempt);
  return {
    ...statusAttributes(call, status ?? ""),
    ...addressAttributes("server", endpoint),
    ...addressAttributes("network.peer", endpoint),
    "switchyard.client": bound,
    "switchyard.attempt": why,
    "switchyard.outcome": outcome,
    "http.request.resend_count": call.protocol === "http" && nth > 0 ? nth : null,
    "error.type": failure?.kind ?? null,
  };
}

function statusAttributes({ protocol }: CallRecord, status: string): Attributes {
  if (status === "") return {};
  if (protocol !== "http") return { "rpc.response.status": status };
  return /^\d+$/.test(status) ? { "http.response.status_code": Number(status) } : {};
}

function addressAttributes(side: string, address: string): Attributes {
  const found = hostAndPort(address);
  return found === null ? {} : { [`${side}.address`]: found.host, [`${side}.port`]: found.port };
}
