// How calls are read for their records.
import type { CallDescription, CallReader, RefusedCall } from "../../src/core/calls/ended-call.ts";
import type { CallOutcome } from "../../src/core/calls/record.ts";
import { recordedTrace } from "../../src/core/calls/recorded-trace.ts";
import { decisionOf } from "../../src/core/tracing/trace-id.ts";
import { failure } from "../../src/core/failure.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import { fieldOf } from "./codec/passthrough-fields.ts";
import type { CompletedCall, HttpRequest } from "./message.ts";

export const callReader: CallReader<CompletedCall> = {
  protocol: "http",
  outcomeOf,
  isSampled({ request }) {
    return request === null || request.hop === null ? null : decisionOf(request.hop.trace);
  },
  isTunnel: ({ status }) => status === 101,
  describe,
};

/** By the verdict of the service's classifier; without one, such as behind no router, by the status. */
function outcomeOf({ failure, response, status }: CompletedCall): CallOutcome {
  if (failure !== null) return failure.kind === "cancelled" ? "cancelled" : "failure";
  const verdict = response === null ? null : response.verdict;
  if (verdict === null) return status >= 500 ? "failure" : "success";
  return verdict === "success" || verdict === "ignorable" ? "success" : "failure";
}

function describe(call: CompletedCall, headers: readonly string[]): CallDescription {
  const { request, status, peer, receivedBytes } = call;
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method: request?.method ?? "",
    target: request === null ? call.rawStartLine : call.target,
    status: status === 0 ? "" : String(status),
    receivedBytes,
    trace: request === null || request.hop === null ? null : recordedTrace(request.hop.trace),
    headers: request === null ? {} : fieldsOf(request, headers),
  };
}

function fieldsOf(request: HttpRequest, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = name === "host" ? request.receivedHost : fieldOf(request.fields.list, name);
    if (value !== null) found[name] = value;
  }
  return found;
}

/** Of a caller that speaks another protocol. */
export function refusedCall(peer: PeerInfo, problem: string): RefusedCall {
  return {
    remote: { host: peer.remoteHost, port: peer.remotePort },
    method: "",
    target: "",
    status: "",
    failure: failure("malformed", problem),
    receivedBytes: 0,
  };
}
