// One call in an access log of JSON lines or Avro records: the same names and types for all protocols.
import type { CallReader, EndedCall } from "../core/calls/ended-call.ts";
import type { CallOutcome } from "../core/calls/record.ts";
import { showAddress } from "../core/address.ts";

/** What only some protocols have. undefined: this one has no such thing; null: this call has not. */
export interface AccessDetails {
  /** The name in the caller's certificate. */
  readonly identity?: string | null | undefined;
  /** Of HTTP. */
  readonly host?: string | null | undefined;
  readonly version?: string | null | undefined;
  readonly status?: number | null | undefined;
  readonly requestId?: string | null | undefined;
  readonly l5dErr?: string | null | undefined;
  readonly referer?: string | null | undefined;
  readonly userAgent?: string | null | undefined;
  /** Of Thrift and mux: the word for how it ended. */
  readonly result?: string | null | undefined;
  /** Of Thrift. */
  readonly oneway?: boolean | null | undefined;
  readonly seqid?: number | null | undefined;
}

/** Addresses are `host:port`. */
export interface AccessRecord extends AccessDetails {
  /** When the response ended: ISO 8601 in UTC, or milliseconds since 1970. */
  readonly time: string | number;
  readonly protocol: string;
  readonly router: string;
  readonly remote: string;
  readonly method: string | null;
  /** What the caller asked for: the target of HTTP, the destination of mux. */
  readonly target: string | null;
  readonly outcome: CallOutcome;
  readonly durationMs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** The logical name; null: it got none. */
  readonly path: string | null;
  /** The bound name's id. */
  readonly client: string | null;
  /** Of the last attempt. */
  readonly endpoint: string | null;
  /** 16 or 32 hexadecimal digits. */
  readonly traceId: string | null;
  /** The kind; null: the response is complete. */
  readonly failure: string | null;
  readonly detail: string | null;
  /** The faults that were injected. */
  readonly fault: string | null;
}

/** How a protocol's calls become records. */
export interface RecordSource<Call extends EndedCall> {
  readonly reader: CallReader<Call>;
  details(call: Call): AccessDetails;
}

const noHeaders: readonly string[] = [];

export function accessRecord<Call extends EndedCall>(
  { reader, details }: RecordSource<Call>,
  router: string,
  time: string | number,
  call: Call,
): AccessRecord {
  const { request, failure } = call;
  const { remote, method, target, receivedBytes, trace } = reader.describe(call, noHeaders);
  const own = details(call);
  return {
    time,
    protocol: reader.protocol,
    router,
    remote: showAddress(remote),
    identity: own.identity,
    host: own.host,
    method: method === "" ? null : method,
    target: target === "" ? null : target,
    version: own.version,
    status: own.status,
    result: own.result,
    outcome: reader.outcomeOf(call),
    durationMs: Math.round((call.endedMs - call.startedMs) * 1000) / 1000,
    receivedBytes,
    sentBytes: call.sentBytes,
    path: request === null ? null : request.logicalName,
    client: request === null || request.bound === null ? null : request.bound.id,
    endpoint: request === null || request.endpoint === null ? null : showAddress(request.endpoint),
    traceId: trace === null ? null : trace.traceId,
    requestId: own.requestId,
    oneway: own.oneway,
    seqid: own.seqid,
    failure: failure === null ? null : failure.kind,
    detail: failure === null ? null : failure.detail,
    fault: request?.fault ?? null,
    l5dErr: own.l5dErr,
    referer: own.referer,
    userAgent: own.userAgent,
  };
}
