// The span of an attempt: what an endpoint sees as its caller.
import type { Random } from "../clock.ts";
import type { Request } from "../request.ts";
import { childOf } from "./trace-id.ts";
import type { TraceId } from "./trace-id.ts";

/** A new span below the server's, noted for the record of the call. For the wire, once for each attempt. */
export function attemptSpan(request: Request, server: TraceId, random: Random): TraceId {
  const span = childOf(server, random);
  if (request.lastAttempt !== null && request.lastAttempt !== undefined) {
    request.lastAttempt.span = span;
  }
  return span;
}
