// Spans as Zipkin's JSON, version 2: https://zipkin.io/zipkin-api/
import { isIPv4, isIPv6 } from "node:net";
import type { CallRecord } from "../../core/calls/record.ts";
import { annotationsOf, hostAndPort, spanName, spansOf, tagsOf } from "./spans.ts";
import type { Span } from "./spans.ts";

/** The body of a POST to `/api/v2/spans`. */
export function zipkinJson(calls: readonly CallRecord[]): string {
  return JSON.stringify(
    calls.flatMap((call) => spansOf(call).map((span) => zipkinSpan(call, span))),
  );
}

/** The router is the service, as in Linkerd. */
function zipkinSpan(call: CallRecord, span: Span): object {
  const { spanId: id, parentId, kind, startUs, endUs, attempt } = span;
  const serviceName = call.router.toLowerCase();
  const remote = attempt === null ? call.remote : attempt.endpoint;
  return {
    traceId: call.trace?.traceId,
    id,
    ...(parentId === null ? {} : { parentId }),
    kind: kind.toUpperCase(),
    name: spanName(call).toLowerCase(),
    timestamp: startUs,
    duration: Math.max(1, endUs - startUs), // 0 would be unknown
    localEndpoint: { serviceName, ...(attempt === null ? endpointOf(call.server) : {}) },
    remoteEndpoint: endpointOf(remote),
    annotations: annotationsOf(call, span).map(({ atUs, value }) => ({ timestamp: atUs, value })),
    tags: Object.fromEntries(tagsOf(call, span)),
  };
}

/** Zipkin takes addresses only, no host names. */
function endpointOf(address: string): object {
  const found = hostAndPort(address);
  if (found === null) return {};
  const { host, port } = found;
  if (isIPv4(host)) return { ipv4: host, port };
  return isIPv6(host) ? { ipv6: host, port } : { port };
}
