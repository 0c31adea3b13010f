// Failures as exceptions: a type, and a text that says what happened and what to change.
import { showDtab } from "../../src/core/names/dtab.ts";
import { showAddress } from "../../src/core/address.ts";
import { exceptionType } from "./codec/exception.ts";
import { recordedTraceOf } from "./calls.ts";
import { whyCallCommand, whyNameCommand } from "../../src/core/calls/why-command.ts";
import type { AskedProxy } from "../../src/core/calls/why-command.ts";
import { faultKey } from "./codec/fault.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { ExceptionType } from "./codec/exception.ts";
import type { RenderFailure, ThriftRequest } from "./message.ts";

/** Who is shown internal names: all callers, those on the proxy's own host, nobody. */
type ErrorDetail = "full" | "local" | "none";

export interface FailureOptions extends AskedProxy {
  readonly errorDetail: ErrorDetail;
}

export function failureRenderer(options: FailureOptions, clearContext: boolean): RenderFailure {
  return (failure, request) => {
    const isOpen = !clearContext && mayKnow(options.errorDetail, request.peer);
    return { type: typeOf(failure), text: textOf(failure, request, isOpen, options) };
  };
}

function mayKnow(errorDetail: ErrorDetail, peer: PeerInfo): boolean {
  return errorDetail === "full" || (errorDetail === "local" && peer.isLocal);
}

/**
 * No route: UNKNOWN_METHOD, as in Envoy's proxy. All else: INTERNAL_ERROR, as in Linkerd 1. From other
 * types Finagle's clients conclude that the connection is broken.
 */
function typeOf({ kind }: Failure): ExceptionType {
  return kind === "unidentified" || kind === "unbound"
    ? exceptionType.unknownMethod
    : exceptionType.internalError;
}

function textOf(
  failure: Failure,
  request: ThriftRequest,
  isOpen: boolean,
  asked: AskedProxy,
): string {
  const headline = headlineOf(failure, request);
  const { logicalName, bound, endpoint, localDtab, fault } = request;
  const injected = fault === undefined ? [] : [`${faultKey}: ${fault}`];
  if (!isOpen) return [headline, ...injected].join("\n");
  const lines = [`${headline}: ${failure.detail}`, ...injected, `router: ${asked.label}`];
  if (logicalName !== null) lines.push(`service name: ${logicalName}`);
  if (bound !== null) lines.push(`client name: ${bound.id}`);
  if (endpoint !== null) lines.push(`selected address: ${showAddress(endpoint)}`);
  if (localDtab.length > 0) lines.push(`override dtab: ${showDtab(localDtab)}`);
  if (failure.trace !== undefined) {
    lines.push(`how the name was resolved:\n${failure.trace().trimEnd().replace(/^/gm, "  ")}`);
  }
  const hint = adviceOn(failure);
  if (hint !== null) lines.push(hint);
  const commands = commandsFor(request, asked);
  if (commands.length > 0) lines.push("What the proxy knows, live:", ...commands);
  return lines.join("\n");
}

/** Of the name, and of this very call. */
function commandsFor(request: ThriftRequest, asked: AskedProxy): readonly string[] {
  const { logicalName, localDtab, callerContext } = request;
  const traceId = recordedTraceOf(callerContext)?.traceId ?? null;
  const ofCall = traceId === null ? null : whyCallCommand(asked, traceId);
  const ofName = logicalName === null ? null : whyNameCommand(asked, logicalName, localDtab);
  return [ofName, ofCall].flatMap((command) => (command === null ? [] : [`  ${command}`]));
}

/** For every caller: the names that it sent itself, and no internal ones. */
function headlineOf(failure: Failure, { logicalName, method }: ThriftRequest): string {
  const name = logicalName === null ? `"${method}"` : `"${method}" (${logicalName})`;
  switch (failure.kind) {
    case "unidentified":
      return `no route for ${name}: the call has no name`;
    case "unbound":
      return `no route for ${name}: the name leads nowhere`;
    case "forbidden":
      return `the certificate of the caller does not permit ${name}`;
    case "unresolved":
      return `no route for ${name}: the name could not be resolved`;
    case "exhausted":
    case "limited":
      return `nothing can take ${name} now`;
    case "connect":
      return `no connection for ${name}`;
    case "timeout":
      return `${name} took too long`;
    case "closed":
      return `the connection broke before ${name} got a response`;
    case "malformed":
      return `the response to ${name} is not valid Thrift`;
    case "cancelled":
      return `${name} was cancelled`;
    default:
      return failure.kind satisfies never;
  }
}

function adviceOn({ kind, advice }: Failure): string | null {
  if (advice !== undefined) return advice;
  switch (kind) {
    case "unidentified":
      return "Send what is missing, or add an identifier to the list: io.l5d.static, as its last entry, names every call.";
    case "unbound":
      return "Add a dentry that covers the name, or register the service where its dentry points to.";
    case "unresolved":
      return "See whether service discovery answers (the admin's /namer_state pages); if it is slow, raise bindingTimeoutMs.";
    case "exhausted":
      return "See loadbalancer/ and failure_accrual/ in /admin/metrics.json; then add endpoints or raise the limit.";
    case "connect":
      return "Is the service running, and listening on that address?";
    case "malformed":
      return "Does the service speak the same transport and protocol? See client: { thriftFramed } and thriftProtocol.";
    case "forbidden":
    case "limited":
    case "timeout":
    case "closed":
    case "cancelled":
      return null;
    default:
      return kind satisfies never;
  }
}
