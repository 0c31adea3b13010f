// Failures as responses: the status, the `l5d-*` fields and a text that says what to do.
import { Buffer } from "node:buffer";
import { showAddress } from "../../src/core/address.ts";
import { whyCallCommand, whyNameCommand } from "../../src/core/calls/why-command.ts";
import type { AskedProxy } from "../../src/core/calls/why-command.ts";
import type { Failure } from "../../src/core/failure.ts";
import { showDtab } from "../../src/core/names/dtab.ts";
import { seesInternals } from "../../src/net/peer-info.ts";
import type { ErrorDetail, PeerInfo } from "../../src/net/peer-info.ts";
import type { Fields } from "./codec/passthrough-fields.ts";
import { isRefusal, reasonOf } from "./codec/refusal.ts";
import { requestIdOf } from "./codec/traces/l5d.ts";
import type { RenderFailure, RenderedResponse, HttpRequest } from "./message.ts";

export interface FailureOptions extends AskedProxy {
  readonly timeoutStatus: 503 | 504;
  readonly errorDetail: ErrorDetail;
  /** `l5d-err` stays well below this, which an outer proxy may use as its limit for a head. */
  readonly maxHeadersBytes: number;
  readonly maxErrResponseBytes: number;
}

/** Room in a head for all fields but `l5d-err`. */
const otherFieldsBytes = 1024;

/** The status by kind, unless the failure has its own. */
export function statusOf(failure: Failure, timeoutStatus: 503 | 504): number {
  if (isRefusal(failure)) return failure.status;
  switch (failure.kind) {
    case "unidentified":
      return 400;
    case "exhausted":
      return failure.retryAfterMs === undefined ? 502 : 503;
    case "forbidden":
      return 403;
    case "limited":
      return 429;
    case "unbound":
    case "unresolved":
    case "connect":
    case "closed":
    case "malformed":
      return 502;
    case "timeout":
      return timeoutStatus;
    case "cancelled":
      return 503;
    default:
      return failure.kind satisfies never;
  }
}

/** Makes the renderer of a server; with `clearContext`, callers see only the status. */
export function failureRenderer(options: FailureOptions, clearContext: boolean): RenderFailure {
  const maxErrBytes = Math.max(256, options.maxHeadersBytes - otherFieldsBytes);
  return (failure, request, peer) => {
    const status = statusOf(failure, options.timeoutStatus);
    const reason = reasonOf(status);
    if (clearContext) {
      return { status, reason, fields: retryAfter(failure), body: Buffer.alloc(0) };
    }
    const showsInternals = seesInternals(options.errorDetail, peer);
    const summary = summaryOf(failure, request, peer, showsInternals);
    const fields: Fields = ["Content-Type", "text/plain; charset=utf-8"];
    fields.push("l5d-err", formEncoded(summary.join(" "), maxErrBytes));
    // A caller over its limit must not be invited to retry immediately.
    const isRetryable = failure.retry === "safe" && failure.kind !== "limited";
    if (isRetryable) fields.push("l5d-retryable", "true");
    fields.push(...retryAfter(failure));
    const text = bodyOf(failure, request, summary, showsInternals, options);
    return rendered(status, reason, fields, text, options.maxErrResponseBytes);
  };
}

/** In whole seconds (RFC 9110 section 10.2.3), rounded up. */
function retryAfter({ retryAfterMs }: Failure): Fields {
  if (retryAfterMs === undefined) return [];
  return ["Retry-After", String(Math.ceil(retryAfterMs / 1_000))];
}

function rendered(
  status: number,
  reason: string,
  fields: Fields,
  text: string,
  maxBytes: number,
): RenderedResponse {
  return { status, reason, fields, body: truncated(Buffer.from(text), maxBytes) };
}

/** One sentence on what happened, and the detail, which may be long, for those who may see it. */
function summaryOf(
  failure: Failure,
  request: HttpRequest | null,
  peer: PeerInfo,
  showsInternals: boolean,
): readonly string[] {
  if (isRefusal(failure)) return [failure.detail];
  if (failure.kind === "unidentified") {
    return [`Unknown destination: ${requestLine(request, peer)} / ${failure.detail}`];
  }
  const headline = headlineOf(failure, request, showsInternals);
  return showsInternals ? [headline, failure.detail] : [headline];
}

function requestLine(request: HttpRequest | null, peer: PeerInfo): string {
  const from = `from ${peer.remoteHost}:${peer.remotePort}`;
  if (request === null) return from;
  return `${request.method} ${request.target} HTTP/${request.version}, ${from}`;
}

function headlineOf(
  failure: Failure,
  request: HttpRequest | null,
  showsInternals: boolean,
): string {
  switch (failure.kind) {
    case "forbidden":
      return "The certificate of the caller does not permit this request.";
    case "unbound":
      return "Unable to route request!";
    case "unresolved":
      return "The name could not be resolved.";
    case "exhausted":
      return "No endpoint can take the request now.";
    case "limited":
      return "There are more requests than a limit allows.";
    case "connect": {
      const endpoint = showsInternals ? request?.endpoint : null;
      if (endpoint === null || endpoint === undefined) return "Unable to establish connection.";
      return `Unable to establish connection to ${showAddress(endpoint)}.`;
    }
    case "timeout":
      return "The request took too long.";
    case "closed":
      return "The connection to the service broke before its response was complete.";
    case "malformed":
      return "The service sent a response that is not valid HTTP.";
    case "cancelled":
      return "The request was cancelled.";
    case "unidentified":
      return "Unknown destination.";
    default:
      return failure.kind satisfies never;
  }
}

/** The summary, then what was tried and what to change. */
function bodyOf(
  failure: Failure,
  request: HttpRequest | null,
  summary: readonly string[],
  showsInternals: boolean,
  options: FailureOptions,
): string {
  if (isRefusal(failure)) return `${failure.detail}\n`;
  const parts = [summary.join("\n")];
  if (request !== null && failure.kind !== "unidentified") {
    parts.push(whereItWent(request, showsInternals, options.label));
  }
  if (showsInternals && failure.trace !== undefined) {
    parts.push(`how the name was resolved:\n${failure.trace().trimEnd().replace(/^/gm, "  ")}`);
  }
  parts.push(showsInternals ? advice(failure, request, options.label) : adviceWithoutDetail);
  const commands = showsInternals ? commandsFor(request, options) : [];
  if (commands.length > 0) parts.push(`What the proxy knows, live:\n${commands.join("\n")}`);
  return `${parts.join("\n\n")}\n`;
}

function whereItWent(request: HttpRequest, showsInternals: boolean, label: string): string {
  const { logicalName, bound, endpoint, localDtab, hop } = request;
  const lines: string[] = [];
  if (logicalName !== null) lines.push(`service name: ${logicalName}`);
  if (showsInternals) {
    lines.push(`router: ${label}`);
    if (bound !== null) lines.push(`client name: ${bound.id}`);
    if (bound !== null && bound.residual !== "/") lines.push(`residual: ${bound.residual}`);
    if (endpoint !== null) {
      lines.push(`selected address: ${showAddress(endpoint)}`);
    }
    if (localDtab.length > 0) lines.push(`override dtab: ${showDtab(localDtab)}`);
  }
  if (hop !== null) lines.push(`request id (l5d-reqid): ${requestIdOf(hop.trace)}`);
  return lines.join("\n");
}

const adviceWithoutDetail =
  "Details are shown to callers on the proxy's own host; its operator finds this request in the\n" +
  "access log (httpAccessLogFormat: json) by the request id.";

function advice(failure: Failure, request: HttpRequest | null, label: string): string {
  if (failure.advice !== undefined) return failure.advice;
  const name = request?.logicalName ?? "the name";
  switch (failure.kind) {
    case "unidentified":
      return (
        `Router ${label} names requests by its key identifier. Send what is missing, or add an\n` +
        "identifier to the list: io.l5d.static, as its last entry, names every request."
      );
    case "unbound":
      return (
        `The dtab of router ${label} leads ${name} nowhere. Add a dentry that covers it, or\n` +
        "register the service where its dentry points to."
      );
    case "unresolved":
      return (
        "Service discovery has not located the name. Check whether it responds and what it says\n" +
        "(the admin's /namer_state pages, the process log); if it is slow, raise bindingTimeoutMs."
      );
    case "exhausted":
      return (
        "Every endpoint, connection or slot is taken or marked dead: see loadbalancer/ and\n" +
        "failure_accrual/ in /admin/metrics.json; then add endpoints or raise the limit."
      );
    case "connect":
      return (
        "Is the service running and listening on that address? If it moved, discovery still has\n" +
        "the old address."
      );
    case "limited":
      return (
        "Retry after the time in Retry-After has passed. The limit is rateLimit in the section\n" +
        "service or client of the router; the metrics of the name show its callers."
      );
    case "timeout":
      return (
        "The limit is the smallest of the caller's deadline (l5d-ctx-deadline), timeoutMs of the\n" +
        "server, totalTimeoutMs of the service and requestAttemptTimeoutMs of the client."
      );
    case "closed":
      return "Check the log of the service at the selected address: it closed the connection early.";
    case "malformed":
      return (
        "Check what the service at the selected address sends: is it HTTP/1.1 at all, and does\n" +
        "its head stay within maxHeadersKB and maxInitialLineKB?"
      );
    case "forbidden":
      return "The servers of this router permit names by the certificates of callers: see allow.";
    case "cancelled":
      return "The caller disconnected, or the proxy is shutting down: send it again.";
    default:
      return failure.kind satisfies never;
  }
}

/** Of the name, and of this very call. */
function commandsFor(request: HttpRequest | null, asked: AskedProxy): readonly string[] {
  if (request === null) return [];
  const { logicalName, localDtab, hop } = request;
  const ofCall = hop === null ? null : whyCallCommand(asked, requestIdOf(hop.trace));
  const ofName = logicalName === null ? null : whyNameCommand(asked, logicalName, localDtab);
  return [ofName, ofCall].flatMap((command) => (command === null ? [] : [`  ${command}`]));
}

/** At most `maxBytes` of UTF-8, cut between characters. */
function truncated(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

const unreserved = /^[A-Za-z0-9.*_-]$/;

/** `application/x-www-form-urlencoded` in ISO-8859-1, at most `maxBytes`, cut between escapes. */
export function formEncoded(text: string, maxBytes: number): string {
  let encoded = "";
  for (const character of text) {
    const piece = encodedCharacter(character);
    if (encoded.length + piece.length > maxBytes) break;
    encoded += piece;
  }
  return encoded;
}

function encodedCharacter(character: string): string {
  if (unreserved.test(character)) return character;
  if (character === " ") return "+";
  const code = character.codePointAt(0) ?? 0;
  // Characters outside ISO-8859-1 become question marks.
  return `%${(code > 255 ? 63 : code).toString(16).toUpperCase().padStart(2, "0")}`;
}
