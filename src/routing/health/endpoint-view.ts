// An endpoint as people see it at this moment: one state out of what its health, its wire and discovery say.
import type { Request } from "../../core/request.ts";
import type { EndpointState, EndpointView } from "../cluster-view.ts";
import type { Endpoint } from "../endpoint.ts";

export function endpointState<Req extends Request, Res>(
  endpoint: Endpoint<Req, Res>,
): EndpointState {
  if (endpoint.isRetired) return "draining";
  if (endpoint.accrual?.isProbing === true) return "probing";
  if (endpoint.record.outSinceMs !== null) return "ejected";
  if (endpoint.isConnecting) return "connecting";
  return endpoint.status === "open" ? "open" : "busy";
}

export function endpointView<Req extends Request, Res>(
  endpoint: Endpoint<Req, Res>,
  nowMs: number,
): EndpointView {
  const { name, address, status, pending, connections, node, record } = endpoint;
  const state = endpointState(endpoint);
  return {
    address: name,
    weight: address.weight,
    status,
    state,
    sinceMs: Math.max(0, nowMs - enteredMs(endpoint, state, nowMs)),
    lastError: record.lastError(nowMs),
    nextProbeMs: state === "ejected" ? Math.max(0, endpoint.nextProbeAtMs - nowMs) : null,
    load: node?.load(nowMs) ?? pending,
    pending,
    connections,
    latencyMs: record.latencyMs,
    lastMinute: record.lastMinute(nowMs),
  };
}

function enteredMs<Req extends Request, Res>(
  endpoint: Endpoint<Req, Res>,
  state: EndpointState,
  nowMs: number,
): number {
  const { accrual, record, waiting } = endpoint;
  const busyMs = record.busy(state === "busy", nowMs);
  switch (state) {
    case "open":
      return record.backMs;
    case "ejected":
      return record.outSinceMs ?? nowMs;
    case "probing":
      return accrual?.probedMs ?? nowMs;
    case "connecting":
      return waiting.first?.startedMs ?? nowMs;
    case "busy":
      return busyMs;
    case "draining":
      return endpoint.retiredMs;
    default:
      return state satisfies never;
  }
}
