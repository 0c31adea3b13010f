// Server-side filters: decide which context sent by callers to trust.
import { deadlineMsOf, isPlausible } from "../../src/core/deadline.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { CallerDtabLimits } from "../../src/core/names/caller-dtab-limits.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Filter } from "../../src/core/service.ts";
import type { MuxRequest, MuxResponse } from "./message.ts";
import { readDeadline } from "./codec/contexts.ts";
import { readLocalDtab } from "./codec/readers.ts";

export type MuxFilter = Filter<MuxRequest, MuxResponse>;

interface FilterOptions {
  readonly clock: Clock;
  readonly clearContext: boolean;
  readonly callerDtabLimits: CallerDtabLimits;
}

/** Outermost first. */
export function serverFilters(options: FilterOptions): MuxFilter[] {
  // Nothing below may see context that is not trusted.
  return [options.clearContext ? clearedContext : readContext(options)];
}

const clearedContext: MuxFilter = (request, reply, next) => {
  dropContext(request);
  return next(request, reply);
};

/** Keeps the destination and the payload only. */
export function dropContext(request: MuxRequest): void {
  request.contextsEnd = request.contextsStart;
  request.deadlineAt = request.traceAt = -1;
  request.dtabStart = -1;
  request.localDtab = emptyDtab;
  request.dtabWire = null;
}

function readContext({ clock, callerDtabLimits }: FilterOptions): MuxFilter {
  return (request, reply, next) => {
    readLocalDtab(request, callerDtabLimits);
    readCallerDeadline(request, clock);
    return next(request, reply);
  };
}

/** An implausible deadline is passed on but not enforced. */
export function readCallerDeadline(request: MuxRequest, clock: Clock): void {
  if (request.deadlineAt < 0) return;
  const deadline = readDeadline(request.frame, request.deadlineAt);
  if (!isPlausible(deadline, clock)) {
    request.deadlineAt = -1;
    return;
  }
  request.callerDeadlineMs = deadlineMsOf(deadline, clock);
  request.deadlineMs = Math.min(request.deadlineMs, request.callerDeadlineMs);
}

/** For services that are configured as `idempotent`. */
export const idempotentCalls: MuxFilter = (request, reply, next) => {
  request.idempotent = true;
  return next(request, reply);
};
