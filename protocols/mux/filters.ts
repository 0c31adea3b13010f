// Server-side filters: decide which context sent by callers to trust.
import { deadlineMsOf, isPlausible } from "../../src/core/deadline.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { CallerDtabLimits } from "../../src/core/names/caller-dtab-limits.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Filter } from "../../src/core/service.ts";
import type { Sampler } from "../../src/core/tracing/sampler.ts";
import type { MuxRequest, MuxResponse } from "./message.ts";
import { readDeadline } from "./codec/contexts.ts";
import { readLocalDtab } from "./codec/readers.ts";
import { readTrace } from "./codec/traces.ts";

export type MuxFilter = Filter<MuxRequest, MuxResponse>;

interface FilterOptions {
  readonly clock: Clock;
  readonly clearContext: boolean;
  readonly callerDtabLimits: CallerDtabLimits;
  /** Absent: no spans are exported. */
  readonly sampler?: Sampler | undefined;
}

/** Outermost first. */
export function serverFilters(options: FilterOptions): MuxFilter[] {
  const { sampler } = options;
  return [
    // Nothing below may see context that is not trusted.
    options.clearContext ? clearedContext : readContext(options),
    // Below, because the caller's trace is context.
    ...(sampler === undefined ? [] : [serverSpan(sampler)]),
  ];
}

/** Gives the call a span of this server, while spans are exported. */
function serverSpan(sampler: Sampler): MuxFilter {
  return (request, reply, next) => {
    if (sampler.isOn) request.span = sampler.serverSpan(readTrace(request));
    return next(request, reply);
  };
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
