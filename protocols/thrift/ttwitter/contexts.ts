// Finagle's contexts in the header of an upgraded call: deadline, trace, client id.
import { Buffer } from "node:buffer";
import { combined, deadlineAt, deadlineMsOf, isPlausible } from "../../../src/core/deadline.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Deadline } from "../../../src/core/deadline.ts";
import type { ContextEntry, RequestHeader } from "./headers.ts";

/** Keys, which Finagle compares without regard to case. */
const deadlineKey = "com.twitter.finagle.Deadline";
const traceKey = "com.twitter.finagle.tracing.TraceContext";
const clientIdKey = "com.twitter.finagle.thrift.ClientIdContext";

const isKey = ({ key }: ContextEntry, wanted: string): boolean =>
  key.length === wanted.length && key.toLowerCase() === wanted.toLowerCase();

export type Trace = Pick<
  RequestHeader,
  "traceId" | "parentSpanId" | "sampled" | "flags" | "traceIdHigh"
>;

/** Bits of a trace's flags: sample in any case; a decision has been made; it is to sample. */
const debugBit = 1n;
const decidedBit = 2n;
const sampledBit = 4n;
const decisionBits = decidedBit | sampledBit;

/**
 * Whether the trace is sampled; null: undecided. TTwitter has a field for it, mux and HTTP have flags
 * alone, and Finagle fills in both.
 */
function decisionOf(sampled: boolean | null, flags: bigint): boolean | null {
  if ((flags & debugBit) !== 0n) return true;
  if (sampled !== null) return sampled;
  return (flags & decidedBit) === 0n ? null : (flags & sampledBit) !== 0n;
}

/** The header's flags and its field `sampled` as flags alone. */
export function flagsOf({ sampled, flags }: RequestHeader): bigint {
  const decision = decisionOf(sampled, flags ?? 0n);
  if (decision === null) return flags ?? 0n;
  return ((flags ?? 0n) & ~decisionBits) | (decision ? decisionBits : decidedBit);
}

/** Whether the header's own fields hold a trace: a caller may leave them out. */
export function hasOwnTrace({ traceId, spanId }: RequestHeader): boolean {
  return traceId !== 0n || spanId !== 0n;
}

/**
 * The caller's trace, whose span becomes the parent; null: the caller sent none. A trace context wins
 * over the header's fields.
 */
export function traceOf(header: RequestHeader): Trace | null {
  const { traceId, sampled, flags, traceIdHigh } = header;
  const entry = header.contexts.findLast((each) => isKey(each, traceKey));
  const ids = entry === undefined ? [] : longsOf(entry.value);
  const [spanId, , trace, contextFlags = 0n, high] = ids;
  if (ids.length !== 4 && ids.length !== 5) {
    if (!hasOwnTrace(header)) return null;
    const decision = decisionOf(sampled, flags ?? 0n);
    const parentSpanId = header.spanId;
    return { traceId, parentSpanId, sampled: decision, flags: flags ?? 0n, traceIdHigh };
  }
  return {
    traceId: trace ?? traceId,
    parentSpanId: spanId ?? header.spanId,
    sampled: decisionOf(null, contextFlags) ?? sampled,
    flags: contextFlags,
    traceIdHigh: high ?? null,
  };
}

export function withoutTrace(contexts: readonly ContextEntry[]): readonly ContextEntry[] {
  return contexts.filter((entry) => !isKey(entry, traceKey));
}

export function clientIdOf({ clientId, contexts }: RequestHeader): string | null {
  const entry = contexts.findLast((each) => isKey(each, clientIdKey));
  return entry === undefined ? clientId : Buffer.from(entry.value).toString();
}

/** The strictest of those that were sent; a value that is not two times of 8 bytes is ignored. */
export function deadlineOf(contexts: readonly ContextEntry[]): Deadline | null {
  let deadline: Deadline | null = null;
  for (const entry of contexts) {
    if (entry.value.length !== 16 || !isKey(entry, deadlineKey)) continue;
    const [timestampNs = 0n, deadlineNs = 0n] = longsOf(entry.value);
    deadline = combined(deadline, { timestampNs, deadlineNs });
  }
  return deadline;
}

/** The caller's own deadline, to the nanosecond, unless a limit of this proxy ends the call earlier. */
export function withDeadline(
  contexts: readonly ContextEntry[],
  deadlineMs: number,
  clock: Clock,
): readonly ContextEntry[] {
  if (deadlineMs === Infinity) return contexts;
  const sent = deadlineOf(contexts);
  const callers = sent !== null && isPlausible(sent, clock) ? sent : null;
  if (callers !== null && deadlineMs >= deadlineMsOf(callers, clock) - 0.001) return contexts;
  const { timestampNs, deadlineNs } = combined(callers, deadlineAt(deadlineMs, clock));
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(timestampNs, 0);
  value.writeBigInt64BE(deadlineNs, 8);
  const others = contexts.filter((entry) => !isKey(entry, deadlineKey));
  return [...others, { key: deadlineKey, value }];
}

function longsOf(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => view.getBigInt64(8 * i));
}
