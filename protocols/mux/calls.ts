// How calls are read for their records.
import type { CallDescription, CallReader, RefusedCall } from "../../src/core/calls/ended-call.ts";
import type { CallOutcome } from "../../src/core/calls/record.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import { isTraceSampled, traceOf } from "./codec/traces.ts";
import type { CompletedCall, Form } from "./message.ts";

export const callReader: CallReader<CompletedCall> = {
  protocol: "mux",
  outcomeOf,
  isSampled: ({ request }) => isTraceSampled(request),
  describe,
};

function outcomeOf({ failure, outcome, verdict }: CompletedCall): CallOutcome {
  if (failure !== null) return failure.kind === "cancelled" ? "cancelled" : "failure";
  if (verdict === null) return outcome === "ok" ? "success" : "failure";
  return verdict === "success" || verdict === "ignorable" ? "success" : "failure";
}

function describe({ request, outcome, peer }: CompletedCall): CallDescription {
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method: messageOf(request.form),
    target: request.dest,
    status: outcome,
    receivedBytes: request.payloadBytes,
    trace: traceOf(request),
    headers: {},
  };
}

/** `form` null: what came shows no call. */
export function refusedCall(peer: PeerInfo, form: Form | null, why: Failure): RefusedCall {
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method: form === null ? "" : messageOf(form),
    target: "",
    status: why.retry === "safe" ? "nack" : "error",
    failure: why,
    receivedBytes: 0,
  };
}

function messageOf(form: Form): string {
  return form === "req" ? "Treq" : "Tdispatch";
}
