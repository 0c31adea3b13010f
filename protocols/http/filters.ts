// The filters that HTTP adds to a server, a service and a wire: each list outermost first.
import type { Clock } from "../../src/core/clock.ts";
import { isAuthority } from "./codec/authority.ts";
import { arrival } from "./filters/arrival.ts";
import type { ArrivalOptions } from "./filters/arrival.ts";
import { wireAuthority } from "./filters/authority.ts";
import { clientCertificate } from "./filters/client-cert.ts";
import { clearedContext } from "./filters/cleared-context.ts";
import { compression } from "./filters/compression.ts";
import type { Context } from "./filters/context.ts";
import type { HttpFilter, HttpRequest } from "./message.ts";

export interface ServerFilterOptions extends ArrivalOptions {
  readonly clock: Clock;
  readonly clearContext: boolean;
  /** Makes the `Forwarded` value; null: none is added. */
  readonly forwarded: ((request: HttpRequest) => string) | null;
  /** The field that holds the time of arrival; null: none is added. */
  readonly timestampHeader: string | null;
  /** 0: nothing is compressed. */
  readonly compressionLevel: number;
  /** Explains a name that leads nowhere for its capital letters; null: no hint can be given. */
  readonly hint: HttpFilter | null;
}

/** The filters between a server and its router, outermost first. */
export function serverFilters(options: ServerFilterOptions): readonly HttpFilter[] {
  const { clock, context, clearContext } = options;
  const { forwarded, timestampHeader, hint, compressionLevel } = options;
  const filters: (HttpFilter | null)[] = [
    // Outermost: compresses the body that the caller gets, whoever made it.
    compressionLevel === 0 ? null : compression(compressionLevel),
    // Above all that reads context fields: those of a caller from outside are not trusted.
    clearContext ? clearedContext(context) : null,
    // Above everything that reads the deadline, the dtab or the trace.
    arrival(options),
    // Above the router, whose failure it explains.
    hint,
    // Last, for routed requests only: fields that describe this hop to the service.
    forwarded === null ? null : addField("Forwarded", forwarded),
    timestampHeader === null ? null : addField(timestampHeader, wallTime(clock)),
  ];
  return filters.filter((filter) => filter !== null);
}

/** Adds a line beside those of earlier hops: each hop writes its own. */
function addField(name: string, valueOf: (request: HttpRequest) => string): HttpFilter {
  return (request, reply, next) => {
    request.fields.list.push(name, valueOf(request));
    return next(request, reply);
  };
}

const wallTime = (clock: Clock) => () => String(Math.floor(clock.wallMs()));

/** Adds the context fields for the endpoint; a TRACE then passes `diagnose`. */
export function wireContext(context: Context, diagnose: HttpFilter): HttpFilter {
  return (request, reply, next) => {
    request.contextOut = context.write(request);
    return request.method === "TRACE" ? diagnose(request, reply, next) : next(request, reply);
  };
}

export interface WireFilterOptions {
  readonly context: Context;
  /** Responds to a TRACE that asks what this proxy does with it. */
  readonly diagnose: HttpFilter;
  /** Whether to add `x-forwarded-client-cert`. */
  readonly forwardClientCert: boolean;
  /** The Host that the endpoint expects; undefined: the caller's. */
  readonly authority: string | undefined;
}

/** The filters between an endpoint and its wire, outermost first. */
export function wireFilters({
  context,
  diagnose,
  forwardClientCert,
  authority,
}: WireFilterOptions): readonly HttpFilter[] {
  // Above the change of Host: a diagnostic report describes the caller's request.
  const filters = [wireContext(context, diagnose)];
  // Below what sets the context fields, which this one adds to.
  if (forwardClientCert) filters.push(clientCertificate);
  // Last: only the bytes on the wire have the endpoint's own Host.
  if (authority !== undefined && isAuthority(authority)) filters.push(wireAuthority(authority));
  return filters;
}
