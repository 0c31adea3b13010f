// What every request passes first: the guard against loops, its context, `Max-Forwards`.
import type { Failure } from "../../../src/core/failure.ts";
import { ended } from "../../../src/core/service.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import { refusal } from "../codec/refusal.ts";
import { hopsIn, viaAfter } from "../codec/via.ts";
import type { HttpFilter, HttpResponse } from "../message.ts";
import type { CallerDtabLimits } from "../../../src/core/names/caller-dtab-limits.ts";
import type { Context } from "./context.ts";
import { maxForwards } from "./diagnostics.ts";

export interface ArrivalOptions {
  readonly context: Context;
  readonly callerDtabLimits: CallerDtabLimits;
  /** Proxies that a request may have passed. */
  readonly maxCallDepth: number;
}

/**
 * What every call passes, in one filter since each part takes only nanoseconds: first the hops in
 * `Via`, before anything is spent on a call that loops; then the context; then `Max-Forwards`, since
 * the response to a TRACE shows the context.
 */
export function arrival(options: ArrivalOptions): HttpFilter {
  const { maxCallDepth, context, callerDtabLimits } = options;
  const tooDeep = refusal(
    400,
    `Maximum number of calls (${maxCallDepth}) has been exceeded. Please check for proxy loops.`,
  );
  return (request, reply, next) => {
    const { via, version, method } = request;
    if (via !== null && hopsIn(via) > maxCallDepth) return refused(reply, tooDeep);
    request.via = viaAfter(via, version);
    const problem = context.read(request, callerDtabLimits);
    if (problem !== null) return refused(reply, refusal(400, problem));
    if (method !== "TRACE" && method !== "OPTIONS") return next(request, reply);
    return maxForwards(request, reply, next);
  };
}

function refused(reply: Reply<HttpResponse>, why: Failure): Pending {
  reply.end(why);
  return ended;
}
