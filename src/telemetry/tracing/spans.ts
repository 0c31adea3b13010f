// The spans of one call: its server's, and below it one for each attempt.
import type { CallRecord, RecordedAttempt } from "../../core/calls/record.ts";

export interface Span {
  readonly spanId: string;
  /** null: a root. */
  readonly parentId: string | null;
  readonly kind: "server" | "client";
  /** Microseconds since 1970. */
  readonly startUs: number;
  readonly endUs: number;
  /** null: the server's. */
  readonly attempt: RecordedAttempt | null;
}

/** Empty for a call without a trace. */
export function spansOf(call: CallRecord): readonly Span[] {
  const { trace, startedUs, durationMs } = call;
  if (trace === null) return [];
  const at = (ms: number): number => startedUs + Math.round(ms * 1_000);
  const server: Span = {
    spanId: trace.spanId,
    parentId: trace.parentId,
    kind: "server",
    startUs: startedUs,
    endUs: at(durationMs),
    attempt: null,
  };
  const spans = [server];
  for (const [i, attempt] of call.attempts.entries()) {
    spans.push({
      // Without an id it was never written to an endpoint, which could have children of it.
      spanId: attempt.spanId ?? unseenId(trace.spanId, i),
      parentId: trace.spanId,
      kind: "client",
      startUs: at(attempt.startMs),
      endUs: at(attempt.endMs),
      attempt,
    });
  }
  return spans;
}

/** An id for a span that nobody else has seen: another one for each attempt, and the same each time. */
function unseenId(server: string, index: number): string {
  const mixed = BigInt(`0x${server}`) ^ (BigInt(index + 1) * 0x9e37_79b9_7f4a_7c15n);
  return BigInt.asUintN(64, mixed).toString(16).padStart(16, "0");
}

/** `GET /users`, a Thrift method, `Tdispatch`: as Linkerd named them, without the query. */
export function spanName({ method, target, protocol }: CallRecord): string {
  if (protocol !== "http") return method === "" ? protocol : method;
  const [path = ""] = target.split("?", 1);
  return `${method} ${path}`.trim();
}

type Tags = readonly (readonly [name: string, value: string])[];

/** The tags that Linkerd's users know, and a few more. */
export function tagsOf(call: CallRecord, { attempt }: Span): Tags {
  return attempt === null ? serverTags(call) : attemptTags(call, attempt);
}

function serverTags(call: CallRecord): Tags {
  const { router, name, dentry, bound, residual, endpoint, failure, outcome, fault } = call;
  const tags: [string, string | null][] = [
    ["router.label", router],
    ["service", name],
    ["dentry", dentry],
    ["client", bound],
    ["residual", residual === "/" ? null : residual],
    ["endpoint", endpoint],
    ...requestTags(call),
    [statusTag(call), call.status === "" ? null : call.status],
    ["retries", countOf(call.retries)],
    ["requeues", countOf(call.requeues)],
    ["l5d.success", outcome === "success" ? "1.0" : outcome === "failure" ? "0.0" : null],
    ["l5d-fault", fault],
    ["cancelled", outcome === "cancelled" ? "true" : null],
    ["io.buoyant.router.Failure", failure === null ? null : stageOf(failure.kind)],
    ["error", outcome === "failure" ? (failure?.detail ?? call.status) : null],
  ];
  return withValues(tags);
}

function requestTags({ protocol, method, target }: CallRecord): [string, string | null][] {
  if (protocol !== "http") return target === "" ? [] : [["destination", target]];
  return [
    ["http.req.method", method],
    ["http.uri", target],
  ];
}

function attemptTags(call: CallRecord, attempt: RecordedAttempt): Tags {
  const { endpoint, bound, why, outcome, status, failure } = attempt;
  const isFailure = outcome === "failure";
  return withValues([
    ["router.label", call.router],
    ["service", call.name],
    ["client", bound],
    ["endpoint", endpoint],
    [statusTag(call), status],
    ["attempt", why === "first" ? null : why],
    ["l5d.success", outcome === "success" ? "1.0" : isFailure ? "0.0" : null],
    ["cancelled", outcome === "cancelled" ? "true" : null],
    ["error", isFailure ? (failure?.detail ?? status ?? "failure") : null],
  ]);
}

const statusTag = ({ protocol }: CallRecord): string =>
  protocol === "http" ? "http.rsp.status" : "status";

const countOf = (count: number): string | null => (count === 0 ? null : String(count));

function withValues(tags: readonly (readonly [string, string | null])[]): Tags {
  return tags.filter((tag): tag is readonly [string, string] => tag[1] !== null);
}

/** Where in the router a call failed, in Linkerd's words. */
function stageOf(kind: NonNullable<CallRecord["failure"]>["kind"]): string {
  switch (kind) {
    case "unidentified":
      return "Identification";
    case "unbound":
    case "unresolved":
    case "exhausted":
    case "connect":
      return "ClientAcquisition";
    default:
      return "Service";
  }
}

export interface Annotation {
  /** Microseconds since 1970. */
  readonly atUs: number;
  readonly value: string;
}

/** Moments within a span, beside its two ends: why an attempt was made, and when its response began. */
export function annotationsOf({ startedUs }: CallRecord, span: Span): readonly Annotation[] {
  const { attempt } = span;
  if (attempt === null) return [];
  const found: Annotation[] = [];
  if (attempt.why !== "first") {
    found.push({ atUs: span.startUs, value: reasons[attempt.why] });
  }
  if (attempt.headMs !== null) {
    found.push({ atUs: startedUs + Math.round(attempt.headMs * 1_000), value: "response begins" });
  }
  return found;
}

/** As in Finagle, where it has a word for it. */
const reasons = { retry: "finagle.retry", requeue: "finagle.retry", hedge: "hedge" } as const;

/** Host and port of `host:port`, `[::1]:80` included; null: it is neither. */
export function hostAndPort(address: string | null): { host: string; port: number } | null {
  const colon = address === null ? -1 : address.lastIndexOf(":");
  if (address === null || colon < 1) return null;
  const port = Number(address.slice(colon + 1));
  if (!Number.isInteger(port)) return null;
  const isBracketed = address.startsWith("[") && address[colon - 1] === "]";
  return { host: isBracketed ? address.slice(1, colon - 1) : address.slice(0, colon), port };
}
