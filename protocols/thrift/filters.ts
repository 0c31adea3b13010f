// The filters of Thrift: which context sent by callers to trust, and which calls may be sent twice.
import { deadlineMsOf, isPlausible } from "../../src/core/deadline.ts";
import { parseDtab } from "../../src/core/names/dtab.ts";
import { tooLarge } from "../../src/core/names/caller-dtab-limits.ts";
import type { CallerDtabLimits } from "../../src/core/names/caller-dtab-limits.ts";
import { failure } from "../../src/core/failure.ts";
import { memoized } from "../../src/core/memo.ts";
import { parsePath } from "../../src/core/names/path.ts";
import { ended } from "../../src/core/service.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Filter } from "../../src/core/service.ts";
import type { Sampler } from "../../src/core/tracing/sampler.ts";
import type { TraceId } from "../../src/core/tracing/trace-id.ts";
import type { ServiceConfig } from "./keys.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";
import { deadlineOf } from "./ttwitter/contexts.ts";
import { readTrace } from "./ttwitter/traces.ts";
import type { RequestHeader } from "./ttwitter/headers.ts";

type ThriftFilter = Filter<ThriftRequest, ThriftResponse>;

export interface FilterOptions {
  readonly clearContext: boolean;
  readonly callerDtabLimits: CallerDtabLimits;
}

export interface FilterDeps {
  readonly clock: Clock;
  /** Absent: no spans are exported. */
  readonly sampler?: Sampler;
}

/** The filters between a server and its router, outermost first. */
export function serverFilters(
  options: FilterOptions,
  { clock, sampler }: FilterDeps,
): ThriftFilter[] {
  return [
    readContext(options, clock),
    // Below, because the caller's trace is context.
    ...(sampler === undefined ? [] : [serverSpan(sampler)]),
  ];
}

/** Gives the call a span of this server, while spans are exported. */
function serverSpan(sampler: Sampler): ThriftFilter {
  return (request, reply, next) => {
    if (sampler.isOn) request.span = sampler.serverSpan(callerSpanOf(request));
    return next(request, reply);
  };
}

/** null: the call has no trace. */
export function callerSpanOf({ callerContext }: ThriftRequest): TraceId | null {
  return callerContext === null ? null : readTrace(callerContext);
}

function readContext(options: FilterOptions, clock: Clock): ThriftFilter {
  return (request, reply, next) => {
    const { upgrade } = request.transportHeaders;
    if (upgrade === null) return next(request, reply);
    const problem = readHeader(request, upgrade, options, clock);
    if (problem === null) return next(request, reply);
    reply.end(failure("unidentified", problem));
    return ended;
  };
}

/** A text names what cannot be read. With `clearContext` only the destination is trusted. */
function readHeader(
  request: ThriftRequest,
  header: RequestHeader,
  { clearContext, callerDtabLimits }: FilterOptions,
  clock: Clock,
): string | null {
  if (header.dest !== null) {
    const dest = pathOf(header.dest);
    if (typeof dest !== "string") return dest.problem;
    request.dest = dest;
  }
  if (clearContext) return null;
  request.callerContext = header;
  if (header.delegations.length > 0) {
    const size = sizeProblem(header.delegations, callerDtabLimits);
    if (size !== null) return size;
    // One line for each entry: a comment at its end must not swallow the next one.
    const local = dtabOf(header.delegations.map((entry) => entry.join("=>")).join("\n;"));
    if ("problem" in local) return local.problem;
    if (local.dtab.length !== header.delegations.length) return notOneEach;
    request.localDtab = local.dtab;
  }
  const deadline = deadlineOf(header.contexts);
  if (deadline === null || !isPlausible(deadline, clock)) return null;
  request.deadlineMs = Math.min(request.deadlineMs, deadlineMsOf(deadline, clock));
  return null;
}

function sizeProblem(
  delegations: RequestHeader["delegations"],
  limits: CallerDtabLimits,
): string | null {
  let bytes = 0;
  for (const [prefix, dst] of delegations) bytes += prefix.length + dst.length;
  return tooLarge(bytes, delegations.length, limits);
}

const notOneEach = "a delegation in the header of the call is more than one entry of a dtab";

interface Problem {
  readonly problem: string;
}

/** Texts remembered: a caller that sends one keeps sending the same one. */
const maxTexts = 1024;
const longestDtab = 16_384;

const pathOf = memoized<Path | Problem>(maxTexts, (text) => {
  const parsed = parsePath(text);
  if (parsed.ok) return parsed.value;
  return { problem: `dest in the header of the call is not a path: ${parsed.error.message}` };
});

const dtabOf = memoized<{ readonly dtab: Dtab } | Problem>(
  maxTexts,
  (text) => {
    const parsed = parseDtab(text);
    if (parsed.ok) return { dtab: parsed.value };
    const { message } = parsed.error;
    return { problem: `the delegations in the header of the call are not a dtab: ${message}` };
  },
  longestDtab,
);

/**
 * `idempotent` of a service: which calls may be sent twice. Nothing in a Thrift message says so, hence
 * the configuration does. Empty: no call is marked.
 */
export function idempotentCalls({ idempotent }: ServiceConfig): readonly ThriftFilter[] {
  if (idempotent === false) return [];
  const methods = idempotent === true ? null : new Set(idempotent);
  const mark: ThriftFilter = (request, reply, next) => {
    // A one-way call is over when it is written: nobody could tell that it is slow, or was lost.
    request.idempotent = !request.isOneway && (methods === null || hasMethod(methods, request));
    return next(request, reply);
  };
  return [mark];
}

/** `Service:method`, as it was sent, or its method alone. */
function hasMethod(methods: ReadonlySet<string>, { method }: ThriftRequest): boolean {
  if (methods.has(method)) return true;
  const colon = method.indexOf(":");
  return colon >= 0 && methods.has(method.slice(colon + 1));
}
