// Makes the record of one call: the only place that reads a call in full.
import { showAddress } from "../address.ts";
import type { Failure } from "../failure.ts";
import type { BoundName } from "../request.ts";
import { spanText } from "../tracing/trace-id.ts";
import { showVia } from "./via.ts";
import type { CallDescription, EndedCall, NotedAttempt, RefusedCall } from "./ended-call.ts";
import { maxDetailChars, maxTargetChars, maxTextChars, ownText } from "./record.ts";
import type {
  CallOutcome,
  CallRecord,
  RecordedAttempt,
  RecordedFailure,
  RecordedTiming,
} from "./record.ts";
import { recordedTrace } from "./recorded-trace.ts";
import { withoutSecrets } from "./secrets.ts";
import { noWaits } from "./waits.ts";

/** What the record says of the server, and of itself. */
export interface RecordContext {
  readonly id: string;
  readonly router: string;
  readonly server: string;
  readonly protocol: string;
  /** When the call began, in milliseconds since 1970. */
  readonly wallMs: number;
}

/** A call is sent 25 times at the most for each retry; of more attempts than these the latest are kept. */
const maxAttempts = 30;

export function recordOf(
  call: EndedCall,
  outcome: CallOutcome,
  description: CallDescription,
  context: RecordContext,
): CallRecord {
  const { request, startedMs, endedMs } = call;
  const noted = attemptsOf(request?.lastAttempt ?? null);
  const attempts = noted.map((attempt) => recordedAttempt(attempt, call));
  const { remote, method, target, status, receivedBytes, trace, headers } = description;
  const { id, router, server, protocol, wallMs } = context;
  return {
    id,
    at: new Date(wallMs).toISOString(),
    startedUs: Math.round(wallMs * 1_000),
    durationMs: rounded(endedMs - startedMs),
    router,
    server,
    protocol,
    remote: showAddress(remote),
    method: text(method),
    target: ownText(withoutSecrets(target), maxTargetChars),
    name: textOrNull(request?.logicalName),
    ...boundOf(request?.bound ?? null),
    endpoint: request === null || request.endpoint === null ? null : showAddress(request.endpoint),
    status: text(status),
    outcome,
    failure: recordedFailure(call.failure),
    attempts,
    retries: attempts.filter(({ why }) => why === "retry").length,
    requeues: attempts.filter(({ why }) => why === "requeue").length,
    deadlineLeftMs: deadlineLeftMs(call),
    trace: request?.span ? recordedTrace(request.span) : trace,
    receivedBytes,
    sentBytes: call.sentBytes,
    timing: timingOf(call, noted),
    fault: textOrNull(request?.fault),
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, text(value)])),
  };
}

/** It has no request, hence neither a name nor attempts. */
export function refusedRecordOf(refused: RefusedCall, context: RecordContext): CallRecord {
  const { failure } = refused;
  const call: EndedCall = { request: null, failure, startedMs: 0, endedMs: 0, sentBytes: 0 };
  return recordOf(call, "failure", descriptionOf(refused), context);
}

export function descriptionOf(refused: RefusedCall): CallDescription {
  const { remote, method, target, status, receivedBytes } = refused;
  return { remote, method, target, status, receivedBytes, trace: null, headers: {} };
}

function boundOf(bound: BoundName | null): Pick<CallRecord, "bound" | "dentry" | "residual"> {
  if (bound === null) return { dentry: null, bound: null, residual: null };
  const { id, residual, via } = bound;
  return {
    dentry: text(showVia(via ?? null) ?? "") || null,
    bound: text(id),
    residual: text(residual),
  };
}

/** Oldest first. */
function attemptsOf(last: NotedAttempt | null): readonly NotedAttempt[] {
  const found: NotedAttempt[] = [];
  for (let each = last; each !== null && found.length < maxAttempts; each = each.earlier) {
    found.push(each);
  }
  return found.toReversed();
}

function recordedAttempt(attempt: NotedAttempt, call: EndedCall): RecordedAttempt {
  const { address, bound, why, span, startedMs, headMs, endedMs, failure, status } = attempt;
  const after = (ms: number) => rounded(ms - call.startedMs);
  return {
    endpoint: showAddress(address),
    bound: bound === null ? null : text(bound.id),
    why,
    spanId: span === null ? null : spanText(span),
    startMs: after(startedMs),
    headMs: Number.isNaN(headMs) ? null : after(headMs),
    endMs: after(Number.isNaN(endedMs) ? call.endedMs : endedMs),
    outcome: attemptOutcome(attempt),
    status: textOrNull(status),
    failure: recordedFailure(failure),
  };
}

function attemptOutcome({ verdict, failure }: NotedAttempt): RecordedAttempt["outcome"] {
  switch (verdict) {
    case "success":
      return "success";
    case "failure":
    case "retryable":
      return "failure";
    case "ignorable":
      return failure?.kind === "cancelled" ? "cancelled" : "ignored";
    case null:
      return "cancelled"; // it goes on without anybody who waits for it
    default:
      return verdict satisfies never;
  }
}

function timingOf(call: EndedCall, attempts: readonly NotedAttempt[]): RecordedTiming {
  const { bindingMs, queueMs, connectMs } = call.request?.waits ?? noWaits;
  const heads = attempts.map(({ headMs }) => headMs).filter((headMs) => !Number.isNaN(headMs));
  const headMs = call.failure === null ? (heads.at(-1) ?? call.endedMs) : call.endedMs;
  const waitedMs = bindingMs + queueMs + connectMs;
  return {
    bindingMs: rounded(bindingMs),
    queueMs: rounded(queueMs),
    connectMs: rounded(connectMs),
    firstByteMs: rounded(Math.max(0, headMs - call.startedMs - waitedMs)),
    bodyMs: rounded(Math.max(0, call.endedMs - headMs)),
  };
}

function deadlineLeftMs({ request, endedMs }: EndedCall): number | null {
  if (request === null || request.deadlineMs === Infinity) return null;
  return rounded(request.deadlineMs - endedMs);
}

function recordedFailure(failure: Failure | null): RecordedFailure | null {
  if (failure === null) return null;
  return { kind: failure.kind, detail: ownText(failure.detail, maxDetailChars) };
}

function text(value: string): string {
  return ownText(value, maxTextChars);
}

function textOrNull(value: string | null | undefined): string | null {
  return value === null || value === undefined ? null : text(value);
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
