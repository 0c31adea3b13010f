// Spans as OTLP's JSON, with the attributes of OpenTelemetry's conventions.
import type { CallRecord, RecordedAttempt } from "../../core/calls/record.ts";
import { annotationsOf, hostAndPort, spansOf } from "../tracing/spans.ts";
import type { Span } from "../tracing/spans.ts";
import { addNumber, addText, attributesOf, nanosOf } from "./values.ts";
import type { Attributes, KeyValue, Scope } from "./values.ts";

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
    attributes: attempt === null ? serverAttributes(call) : attemptAttributes(call, attempt),
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

/** Attributes are added one by one rather than by names of an object, which takes three times as long. */
function sharedAttributes({ router, name, protocol, method }: CallRecord): KeyValue[] {
  const list: KeyValue[] = [];
  addText(list, "switchyard.router", router);
  addText(list, "switchyard.service", name);
  if (protocol !== "http") addText(list, "rpc.system", protocol);
  const key = protocol === "http" ? "http.request.method" : "rpc.method";
  addText(list, key, method === "" ? null : method);
  return list;
}

function serverAttributes(call: CallRecord): KeyValue[] {
  const { target, protocol, bound, residual, retries, requeues } = call;
  const list = sharedAttributes(call);
  addStatus(list, call, call.status);
  if (protocol === "http") addTarget(list, target);
  else addText(list, "switchyard.destination", target === "" ? null : target);
  addAddress(list, "client", call.remote);
  addAddress(list, "server", call.server);
  addText(list, "network.protocol.name", protocol);
  addText(list, "switchyard.client", bound);
  addText(list, "switchyard.residual", residual === "/" ? null : residual);
  addText(list, "switchyard.dentry", call.dentry);
  addNumber(list, "switchyard.retries", retries === 0 ? null : retries);
  addNumber(list, "switchyard.requeues", requeues === 0 ? null : requeues);
  addText(list, "switchyard.outcome", call.outcome);
  addText(list, "switchyard.fault", call.fault);
  addText(list, "error.type", call.failure?.kind ?? null);
  return list;
}

function attemptAttributes(call: CallRecord, attempt: RecordedAttempt): KeyValue[] {
  const { endpoint, bound, why, status, failure, outcome } = attempt;
  const list = sharedAttributes(call);
  addStatus(list, call, status ?? "");
  addAddress(list, "server", endpoint);
  addAddress(list, "network.peer", endpoint);
  addText(list, "switchyard.client", bound);
  addText(list, "switchyard.attempt", why);
  addText(list, "switchyard.outcome", outcome);
  const nth = call.attempts.indexOf(attempt);
  if (call.protocol === "http" && nth > 0) addNumber(list, "http.request.resend_count", nth);
  addText(list, "error.type", failure?.kind ?? null);
  return list;
}

function addTarget(list: KeyValue[], target: string): void {
  const mark = target.indexOf("?");
  addText(list, "url.path", mark < 0 ? target : target.slice(0, mark));
  if (mark >= 0) addText(list, "url.query", target.slice(mark + 1));
}

function addStatus(list: KeyValue[], { protocol }: CallRecord, status: string): void {
  if (status === "") return;
  if (protocol !== "http") addText(list, "rpc.response.status", status);
  else if (/^\d+$/.test(status)) addNumber(list, "http.response.status_code", Number(status));
}

const addressKeys = {
  client: ["client.address", "client.port"],
  server: ["server.address", "server.port"],
  "network.peer": ["network.peer.address", "network.peer.port"],
} as const;

function addAddress(list: KeyValue[], side: keyof typeof addressKeys, address: string): void {
  const found = hostAndPort(address);
  if (found === null) return;
  const [hostKey, portKey] = addressKeys[side];
  addText(list, hostKey, found.host);
  addNumber(list, portKey, found.port);
}
