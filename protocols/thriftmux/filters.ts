// The filters of ThriftMux, and the contexts of a call between mux and the header of TTwitter.
import { Buffer } from "node:buffer";
import type { Clock } from "../../src/core/clock.ts";
import { showDtab, showPrefix } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { root } from "../../src/core/names/path.ts";
import { failure } from "../../src/core/failure.ts";
import { ended } from "../../src/core/service.ts";
import type { Filter } from "../../src/core/service.ts";
import { readDispatch, readLocalDtab } from "../mux/codec/readers.ts";
import { readTrace } from "../mux/codec/traces.ts";
import type { Sampler } from "../../src/core/tracing/sampler.ts";
import type { MuxRequest } from "../mux/message.ts";
import { maxContexts, traceKey } from "../mux/codec/contexts.ts";
import { dropContext, readCallerDeadline } from "../mux/filters.ts";
import { bodyStart, maxShortLength, problem, tdispatch, writeHead } from "../mux/codec/messages.ts";
import type { Problem } from "../mux/codec/messages.ts";
import { callerSpanOf, serverFilters as thriftFilters } from "../thrift/filters.ts";
import type { FilterDeps, FilterOptions } from "../thrift/filters.ts";
export { idempotentCalls } from "../thrift/filters.ts";
import type { ThriftRequest, ThriftResponse } from "../thrift/message.ts";
import { flagsOf, hasOwnTrace } from "../thrift/ttwitter/contexts.ts";
import type { ContextEntry, RequestHeader } from "../thrift/ttwitter/headers.ts";
import { muxOf } from "./message.ts";

type ThriftFilter = Filter<ThriftRequest, ThriftResponse>;

/** The filters between a server and its router, outermost first. */
export function serverFilters(
  options: FilterOptions,
  { clock, sampler }: FilterDeps,
): ThriftFilter[] {
  return [
    readMux(options, clock),
    ...thriftFilters(options, { clock }),
    // Below both, because the caller's trace is context of either.
    ...(sampler === undefined ? [] : [serverSpan(sampler)]),
    ownName,
  ];
}

/** Gives the call a span of this server, while spans are exported. */
function serverSpan(sampler: Sampler): ThriftFilter {
  return (request, reply, next) => {
    if (!sampler.isOn) return next(request, reply);
    const mux = muxOf(request);
    request.span = sampler.serverSpan(mux === null ? callerSpanOf(request) : readTrace(mux));
    return next(request, reply);
  };
}

function readMux({ clearContext, callerDtabLimits }: FilterOptions, clock: Clock): ThriftFilter {
  return (request, reply, next) => {
    const mux = muxOf(request);
    if (mux !== null) {
      if (clearContext) dropContext(mux);
      else {
        readLocalDtab(mux, callerDtabLimits);
        readCallerDeadline(mux, clock);
      }
      if (mux.unreadable !== null) {
        reply.end(failure("unidentified", mux.unreadable));
        return ended;
      }
      request.localDtab = mux.localDtab;
      request.deadlineMs = Math.min(request.deadlineMs, mux.deadlineMs);
    }
    return next(request, reply);
  };
}

/** As in Linkerd 1, a call is named by its method alone; destinations sent by callers are ignored. */
const ownName: ThriftFilter = (request, reply, next) => {
  request.dest = root;
  return next(request, reply);
};

/** For upgraded endpoints: the contexts of a mux caller as an upgraded caller would have sent them. */
export const contextsForUpgrade: ThriftFilter = (request, reply, next) => {
  const mux = muxOf(request);
  if (mux !== null && request.callerContext === null) {
    const contexts = mux.form === "req" ? traceOfReq(mux) : contextsOf(mux);
    if (contexts.length > 0) request.callerContext = headerOf(contexts);
  }
  return next(request, reply);
};

/** A Treq has three ids and a byte of flags instead of contexts. */
function traceOfReq({ frame, traceAt, reqFlags }: MuxRequest): ContextEntry[] {
  if (traceAt < 0) return [];
  const value = Buffer.alloc(reqTraceBytes + 8);
  frame.copy(value, 0, traceAt, traceAt + reqTraceBytes);
  value.writeUInt8(reqFlags, value.length - 1);
  return [{ key: traceKey, value }];
}

/** Span, parent and trace. */
const reqTraceBytes = 24;

function contextsOf({ frame, contextsStart, contextsEnd }: MuxRequest): ContextEntry[] {
  const contexts: ContextEntry[] = [];
  let at = contextsStart + 2;
  const next = (): Buffer => {
    const length = frame.readUInt16BE(at);
    at += 2 + length;
    return frame.subarray(at - length, at);
  };
  while (at < contextsEnd)
    contexts.push({ key: next().toString(), value: Uint8Array.from(next()) });
  return contexts;
}

/** A header without a trace in its own fields: the trace is among the contexts, if there is one. */
function headerOf(contexts: readonly ContextEntry[]): RequestHeader {
  return {
    traceId: 0n,
    spanId: 0n,
    parentSpanId: null,
    sampled: null,
    clientId: null,
    flags: null,
    contexts,
    dest: null,
    delegations: [],
    traceIdHigh: null,
  };
}

const clientIdKey = "com.twitter.finagle.thrift.ClientIdContext";

/**
 * A plain call as a mux message, with the contexts of its caller, if that was upgraded. A problem: the
 * caller sent more than a mux message can hold.
 */
export function dispatchOf(request: ThriftRequest): MuxRequest | Problem {
  const { frame, messageAt, callerContext, localDtab } = request;
  const contexts = callerContext === null ? [] : muxContextsOf(callerContext);
  const entries = entriesOf(localDtab);
  const { length } = contexts;
  if (length > maxContexts) {
    return problem(`${length} contexts, more than the ${maxContexts} that a mux message may have`);
  }
  if (entries.length > maxShortLength) {
    return problem(`a dtab of ${entries.length} entries, more than mux can encode`);
  }
  if (!entries.every(isShort)) {
    return problem("a dtab with an entry of more than 32 KB, which mux cannot encode");
  }
  const body = Buffer.concat([
    ...shortPairs(contexts),
    Buffer.alloc(2), // the destination is written when the call is sent
    ...shortPairs(entries),
    frame.subarray(messageAt),
  ]);
  const whole = Buffer.allocUnsafe(bodyStart + body.length);
  writeHead(whole, 0, whole.length, tdispatch, 0);
  whole.set(body, bodyStart);
  const read = readDispatch(whole);
  if ("problem" in read) throw new Error(`bug: a message made by the proxy: ${read.problem}`);
  readLocalDtab(read, null);
  return read;
}

/** What the mux wire needs of a call to write a span, and to note it. */
export function carrySpan(request: ThriftRequest, mux: MuxRequest): void {
  mux.span = request.span;
  mux.lastAttempt = request.lastAttempt;
}

type Pair = readonly [key: string, value: Uint8Array];

function muxContextsOf(header: RequestHeader): Pair[] {
  const pairs = header.contexts.map(({ key, value }): Pair => [key, value]);
  const has = (key: string): boolean =>
    pairs.some(([each]) => each.toLowerCase() === key.toLowerCase());
  if (!has(traceKey) && hasOwnTrace(header)) pairs.push([traceKey, traceContext(header)]);
  if (header.clientId !== null && !has(clientIdKey)) {
    pairs.push([clientIdKey, Buffer.from(header.clientId)]);
  }
  return pairs.filter(isShort);
}

/** Whether mux can hold both. */
function isShort([key, value]: Pair): boolean {
  return Buffer.byteLength(key) <= maxShortLength && value.length <= maxShortLength;
}

function traceContext(header: RequestHeader): Buffer {
  const { traceId, spanId, parentSpanId, traceIdHigh } = header;
  const bytes = Buffer.alloc(traceIdHigh === null ? 32 : 40);
  bytes.writeBigInt64BE(spanId, 0);
  bytes.writeBigInt64BE(parentSpanId ?? spanId, 8);
  bytes.writeBigInt64BE(traceId, 16);
  bytes.writeBigInt64BE(flagsOf(header), 24);
  if (traceIdHigh !== null) bytes.writeBigInt64BE(traceIdHigh, 32);
  return bytes;
}

/** Prefix and tree of each entry, as text; mux peers cannot read wildcards. */
function entriesOf(dtab: Dtab): Pair[] {
  return dtab
    .filter(({ prefix }) => !prefix.includes(null))
    .map((dentry): Pair => {
      const prefix = showPrefix(dentry.prefix);
      return [prefix, Buffer.from(showDtab([dentry]).slice(prefix.length + 2))];
    });
}

function shortPairs(pairs: readonly Pair[]): Uint8Array[] {
  return [
    short(pairs.length),
    ...pairs.flatMap(([key, value]) => [...shortBytes(Buffer.from(key)), ...shortBytes(value)]),
  ];
}

function shortBytes(bytes: Uint8Array): Uint8Array[] {
  return [short(bytes.length), bytes];
}

function short(length: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(length);
  return bytes;
}
