// How calls are read for their records.
import type { CallDescription, CallReader, RefusedCall } from "../../src/core/calls/ended-call.ts";
import type { CallOutcome, RecordedTrace } from "../../src/core/calls/record.ts";
import { failure } from "../../src/core/failure.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { CompletedCall } from "./message.ts";
import { traceOf } from "./ttwitter/contexts.ts";

export const callReader: CallReader<CompletedCall> = {
  protocol: "thrift",
  outcomeOf,
  isSampled: ({ request: { callerContext } }) =>
    callerContext === null ? null : (traceOf(callerContext)?.sampled ?? null),
  describe,
};

/** By the verdict of the service's classifier; without one an exception that is not declared is a failure. */
function outcomeOf({ failure, response, status }: CompletedCall): CallOutcome {
  if (failure !== null) return failure.kind === "cancelled" ? "cancelled" : "failure";
  const verdict = response === null ? null : response.verdict;
  if (verdict === null) {
    return status === "application_exception" || status === "error" ? "failure" : "success";
  }
  return verdict === "success" || verdict === "ignorable" ? "success" : "failure";
}

function describe({ request, status, receivedBytes }: CompletedCall): CallDescription {
  const { peer, method, callerContext } = request;
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method,
    target: request.dest === "/" ? "" : request.dest,
    status,
    receivedBytes,
    trace: recordedTraceOf(callerContext),
    headers: {},
  };
}

type Header = NonNullable<CompletedCall["request"]["callerContext"]>;

/** null: the caller sent no trace. */
export function recordedTraceOf(callerContext: Header | null): RecordedTrace | null {
  return callerContext === null ? null : recorded(callerContext);
}

/** The caller's span, of which this call is the server's half. */
function recorded(header: Header): RecordedTrace | null {
  const trace = traceOf(header);
  if (trace === null) return null;
  const { traceId, traceIdHigh, parentSpanId: spanId, sampled } = trace;
  const parentId = header.parentSpanId;
  return {
    traceId: `${traceIdHigh === null ? "" : hexOf(traceIdHigh)}${hexOf(traceId)}`,
    spanId: hexOf(spanId ?? 0n),
    parentId: parentId === null || parentId === spanId ? null : hexOf(parentId),
    sampled,
  };
}

function hexOf(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, "0");
}

/** For callers that speak another protocol. */
export function wrongPort({ onMalformed, onRefused }: Reports) {
  return (peer: PeerInfo, problem: string): void => {
    onMalformed();
    onRefused(refusedCall(peer, { reason: problem, received: nothing }));
  };
}

interface Reports {
  onMalformed(): void;
  onRefused(call: RefusedCall): void;
}

const nothing = new Uint8Array(0);

/** What came cannot be read as a call. */
export function refusedCall(
  peer: PeerInfo,
  { reason, received }: { readonly reason: string; readonly received: Uint8Array },
): RefusedCall {
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method: "",
    target: "",
    status: "error",
    failure: failure("malformed", reason),
    receivedBytes: received.length,
  };
}
