// What upgraded callers (TTwitter) tell about a call, and what upgraded endpoints are told.
import { Buffer } from "node:buffer";
import { combined, deadlineAt, deadlineMsOf, isPlausible } from "../../src/core/deadline.ts";
import { emptyDtab, parseDtab, showDtab } from "../../src/core/names/dtab.ts";
import { failure } from "../../src/core/failure.ts";
import { memoized } from "../../src/core/memo.ts";
import { parsePath } from "../../src/core/names/path.ts";
import { ended } from "../../src/core/service.ts";
import type { Clock, Random } from "../../src/core/clock.ts";
import type { Deadline } from "../../src/core/deadline.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Filter } from "../../src/core/service.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";
import { writeRequestHeader } from "./ttwitter/request-header.ts";
import type { ContextEntry, RequestHeader } from "./ttwitter/request-header.ts";
import type { ThriftProtocol } from "./codec/types.ts";

type ThriftFilter = Filter<ThriftRequest, ThriftResponse>;

interface ContextDeps {
  readonly clock: Clock;
  readonly random: Random;
}

interface FilterOptions {
  readonly clearContext: boolean;
  /** Total time for a call; Infinity: no limit. */
  readonly timeoutMs: number;
}

/** Keys of contexts, which Finagle compares without regard to case. */
const deadlineKey = "com.twitter.finagle.Deadline";
const traceKey = "com.twitter.finagle.tracing.TraceContext";
const clientIdKey = "com.twitter.finagle.thrift.ClientIdContext";

const isKey = ({ key }: ContextEntry, wanted: string): boolean =>
  key.length === wanted.length && key.toLowerCase() === wanted.toLowerCase();

/** What stands between a server and its router, outermost first. */
export function serverFilters(options: FilterOptions, { clock }: ContextDeps): ThriftFilter[] {
  const filters = [readContext(options.clearContext, clock)];
  // The caller's own deadline is known; the server's may only shorten it.
  if (options.timeoutMs !== Infinity) filters.push(serverTimeout(options.timeoutMs, clock));
  return filters;
}

function readContext(clearContext: boolean, clock: Clock): ThriftFilter {
  return (request, reply, next) => {
    const { upgrade } = request.wrapping;
    if (upgrade === null) return next(request, reply);
    const problem = readHeader(request, upgrade, clearContext, clock);
    if (problem === null) return next(request, reply);
    reply.end(failure("unidentified", problem));
    return ended;
  };
}

/** A text says what cannot be read. With `clearContext` only the destination is believed. */
function readHeader(
  request: ThriftRequest,
  header: RequestHeader,
  clearContext: boolean,
  clock: Clock,
): string | null {
  if (header.dest !== null) {
    const dest = pathOf(header.dest);
    if (typeof dest !== "string") return dest.problem;
    request.dest = dest;
  }
  if (clearContext) return null;
  request.told = header;
  if (header.delegations.length > 0) {
    // Lines of their own: a comment at the end of one entry is not the end of all.
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

const notOneEach = "a delegation of the call's header is more than one entry of a dtab";

interface Problem {
  readonly problem: string;
}

/** Texts remembered: callers that send one send the same one again. */
const maxTexts = 1024;
const longestDtab = 16_384;

const pathOf = memoized<Path | Problem>(maxTexts, (text) => {
  const parsed = parsePath(text);
  if (parsed.ok) return parsed.value;
  return { problem: `dest of the call's header is not a path: ${parsed.error.message}` };
});

const dtabOf = memoized<{ readonly dtab: Dtab } | Problem>(
  maxTexts,
  (text) => {
    const parsed = parseDtab(text);
    if (parsed.ok) return { dtab: parsed.value };
    const problem = `the delegations of the call's header are no dtab: ${parsed.error.message}`;
    return { problem };
  },
  longestDtab,
);

function serverTimeout(timeoutMs: number, clock: Clock): ThriftFilter {
  return (request, reply, next) => {
    request.deadlineMs = Math.min(request.deadlineMs, clock.nowMs() + timeoutMs);
    return next(request, reply);
  };
}

/** The strictest of those that were sent; other lengths than two times say nothing. */
function deadlineOf(contexts: readonly ContextEntry[]): Deadline | null {
  let deadline: Deadline | null = null;
  for (const entry of contexts) {
    if (entry.value.length !== 16 || !isKey(entry, deadlineKey)) continue;
    const [timestampNs = 0n, deadlineNs = 0n] = longsOf(entry.value);
    deadline = combined(deadline, { timestampNs, deadlineNs });
  }
  return deadline;
}

function longsOf(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => view.getBigInt64(8 * i));
}

/** Makes the header of one try at an upgraded endpoint: a new span each time. */
export function headerMaker(
  encoding: ThriftProtocol,
  { clock, random }: ContextDeps,
): (request: ThriftRequest) => readonly Uint8Array[] {
  return (request) => writeRequestHeader(encoding, headerFor(request, clock, random));
}

function headerFor(request: ThriftRequest, clock: Clock, random: Random): RequestHeader {
  const { told, dest, localDtab, deadlineMs } = request;
  const spanId = newId(random);
  const trace = told === null ? newTrace(spanId) : traceOf(told);
  const contexts = told === null ? [] : told.contexts.filter((entry) => !isKey(entry, traceKey));
  return {
    ...trace,
    spanId,
    clientId: told === null ? null : clientIdOf(told),
    contexts: withDeadline(contexts, deadlineMs, clock),
    // Linkerd always says one, also when its caller did not.
    dest,
    delegations: localDtab === emptyDtab ? [] : delegationsOf(localDtab),
  };
}

type Trace = Pick<RequestHeader, "traceId" | "parentSpanId" | "sampled" | "flags" | "traceIdHigh">;

/** A trace that begins here: its first span carries the trace's own id. */
function newTrace(spanId: bigint): Trace {
  return { traceId: spanId, parentSpanId: null, sampled: null, flags: 0n, traceIdHigh: null };
}

/** The caller's trace, whose span becomes the parent; a context goes before the header's fields. */
function traceOf(told: RequestHeader): Trace {
  const { traceId, sampled, flags, traceIdHigh } = told;
  const entry = told.contexts.findLast((each) => isKey(each, traceKey));
  const ids = entry === undefined ? [] : longsOf(entry.value);
  const [spanId, , trace, contextFlags, high] = ids;
  if (ids.length !== 4 && ids.length !== 5) {
    return { traceId, parentSpanId: told.spanId, sampled, flags: flags ?? 0n, traceIdHigh };
  }
  return {
    traceId: trace ?? traceId,
    parentSpanId: spanId ?? told.spanId,
    sampled,
    flags: contextFlags ?? 0n,
    traceIdHigh: high ?? null,
  };
}

function clientIdOf({ clientId, contexts }: RequestHeader): string | null {
  const entry = contexts.findLast((each) => isKey(each, clientIdKey));
  return entry === undefined ? clientId : Buffer.from(entry.value).toString();
}

/** The caller's own, to the nanosecond, unless a limit of this proxy ends the call earlier. */
function withDeadline(
  contexts: readonly ContextEntry[],
  deadlineMs: number,
  clock: Clock,
): readonly ContextEntry[] {
  const told = deadlineOf(contexts);
  if (deadlineMs === Infinity) return contexts;
  if (
    told !== null &&
    isPlausible(told, clock) &&
    deadlineMs >= deadlineMsOf(told, clock) - 0.001
  ) {
    return contexts;
  }
  const { timestampNs, deadlineNs } = combined(
    told !== null && isPlausible(told, clock) ? told : null,
    deadlineAt(deadlineMs, clock),
  );
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(timestampNs, 0);
  value.writeBigInt64BE(deadlineNs, 8);
  const others = contexts.filter((entry) => !isKey(entry, deadlineKey));
  return [...others, { key: deadlineKey, value }];
}

/** Prefix and tree of each entry, as text. */
function delegationsOf(dtab: Dtab): [string, string][] {
  return dtab.map((dentry) => {
    const text = showDtab([dentry]);
    const arrow = text.indexOf("=>");
    return [text.slice(0, arrow), text.slice(arrow + 2)];
  });
}

function newId(random: Random): bigint {
  const half = () => BigInt(Math.floor(random() * 0x1_0000_0000));
  return BigInt.asIntN(64, (half() << 32n) | half());
}
