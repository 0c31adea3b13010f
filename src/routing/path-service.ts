// The filters around the calls of a path, made once for all paths with the same options.
import type { Clock } from "../core/clock.ts";
import type { Request } from "../core/request.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Service } from "../core/service.ts";
import { stack } from "../core/service.ts";
import { deadlineFilter } from "./filters/deadline.ts";
import { rateLimitFilter } from "./filters/rate-limit.ts";
import { retryFilter } from "./filters/retry.ts";
import { statsFilter } from "./filters/stats.ts";
import type { ServiceOptions } from "./options.ts";
import type { Destination } from "./destination.ts";

interface PathServiceDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly options: ServiceOptions<Req, Res>;
  readonly protocol: Pick<ProtocolRouter<Req, Res>, "mark" | "discard">;
}

/**
 * What stands around the calls of all paths with the same options: made once, since a thousand
 * stacks of their own would not fit into the processor's caches. What is a path's own is found by
 * the call.
 */
export function pathService<Req extends Request, Res>(
  deps: PathServiceDeps<Req, Res>,
): Service<Req, Res> {
  const { clock, options, protocol } = deps;
  const { classifier, rateLimit, retries } = options;
  // The cast of this file: the router alone writes the field.
  const pathOf = (request: Req) => request.destination as Destination<Req, Res>;
  return stack<Req, Res>(
    [
      // Outermost: counts what the caller sees, with all tries folded into one call.
      statsFilter({
        clock,
        mark: (response, verdict) => protocol.mark(response, verdict),
        ownerOf: pathOf,
      }),
      // Before anything is done for a call that is one too many.
      ...(rateLimit === null
        ? []
        : [rateLimitFilter<Req, Res>((call) => pathOf(call).limited(rateLimit), rateLimit, clock)]),
      // Above the tries and the wait for a binding: one deadline over all of them.
      deadlineFilter(clock, options.totalTimeoutMs),
      // Around all tries: they keep what another try needs.
      ...options.filters,
      // Below the deadline that ends them, above the binding, so that each try may choose
      // another branch, cluster and endpoint.
      retryFilter({
        clock,
        classifier,
        scopeOf: pathOf,
        maxAttempts: retries.maxAttempts,
        backoff: () => retries.backoff(),
        discard: protocol.discard === undefined ? null : (answer) => protocol.discard?.(answer),
      }),
    ],
    (request, reply) => pathOf(request).bind(request, reply),
  );
}
