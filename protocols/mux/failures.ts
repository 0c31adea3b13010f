// Failures as responses: nacks, which may be sent again, and errors with a text for people.
import { Buffer } from "node:buffer";
import { showDtab } from "../../src/core/names/dtab.ts";
import { whyCallCommand, whyNameCommand } from "../../src/core/calls/why-command.ts";
import type { AskedProxy } from "../../src/core/calls/why-command.ts";
import { traceOf } from "./codec/traces.ts";
import type { Failure } from "../../src/core/failure.ts";
import { showAddress } from "../../src/core/address.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import { statusError, statusNack } from "./message.ts";
import type { Form, MuxRequest } from "./message.ts";
import {
  entryBytes,
  failureFlags,
  failureKey,
  faultEntry,
  faultKey,
  writeKey,
} from "./codec/contexts.ts";
import * as mux from "./codec/messages.ts";

/** Who is shown internal names: all callers, those on the proxy's own host, nobody. */
export type ErrorDetail = "full" | "local" | "none";

export interface RenderOptions extends AskedProxy {
  readonly errorDetail: ErrorDetail;
}

/** The response to a failed call. */
export interface RenderedResponse {
  readonly status: 1 | 2;
  /** Flags of the `MuxFailure` context; 0: it is not sent. */
  readonly flags: number;
  readonly text: string;
  /** The faults that were injected into the call; null: no faults. */
  readonly fault: string | null;
}

/** Longer texts are truncated. */
const maxTextBytes = 16 * 1024;

/**
 * As in Finagle: a call that may be sent again gets a nack, any other an error. `MuxFailure` says
 * whether the call was rejected unprocessed, and whether a retry makes sense.
 */
export function render(
  options: RenderOptions,
  failure: Failure,
  request: MuxRequest,
  peer: PeerInfo,
): RenderedResponse {
  const mayKnow =
    options.errorDetail === "full" || (options.errorDetail === "local" && peer.isLocal);
  const text = textOf(options, failure, request, mayKnow);
  const fault = request.fault ?? null;
  if (failure.retry === "safe") {
    const { restartable, rejected } = failureFlags;
    return { status: statusNack, flags: restartable | rejected, text, fault };
  }
  const { rejected, nonRetryable } = failureFlags;
  const flags = isRejection(failure) ? rejected | nonRetryable : 0;
  return { status: statusError, flags, text, fault };
}

/** The call has not reached any endpoint. */
export function isRejection({ kind }: Failure): boolean {
  return rejections.has(kind);
}

const rejections: ReadonlySet<Failure["kind"]> = new Set([
  "forbidden",
  "exhausted",
  "limited",
  "connect",
  "unresolved",
]);

function textOf(
  asked: AskedProxy,
  failure: Failure,
  request: MuxRequest,
  mayKnow: boolean,
): string {
  const headline = headlineOf(failure);
  const { logicalName, bound, endpoint, localDtab, fault } = request;
  const lines = [mayKnow ? `${headline} ${failure.detail}` : headline];
  if (logicalName !== null) lines.push(`service name: ${logicalName}`);
  if (fault !== undefined) lines.push(`${faultKey}: ${fault}`);
  if (!mayKnow) return `${lines.join("\n")}\n${adviceWithoutDetails}`;
  lines.push(`router: ${asked.label}`);
  if (bound !== null) lines.push(`client name: ${bound.id}`);
  if (bound !== null && bound.residual !== "/") lines.push(`residual: ${bound.residual}`);
  if (endpoint !== null) lines.push(`selected address: ${showAddress(endpoint)}`);
  if (localDtab.length > 0) lines.push(`override dtab: ${showDtab(localDtab)}`);
  if (failure.trace !== undefined) {
    lines.push("how the name was resolved:", failure.trace().trimEnd().replace(/^/gm, "  "));
  }
  const advice = adviceOf(failure, asked.label);
  if (advice !== "") lines.push(advice);
  return [...lines, ...commandsFor(request, asked)].join("\n");
}

function headlineOf(failure: Failure): string {
  switch (failure.kind) {
    case "forbidden":
      return "The certificate of the caller does not permit this call.";
    case "unidentified":
      return "Unknown destination.";
    case "unbound":
      return "Unable to route request!";
    case "unresolved":
      return "The name could not be resolved.";
    case "exhausted":
      return "No endpoint can take the call now.";
    case "limited":
      return "There are more calls than a limit allows.";
    case "connect":
      return "Unable to establish connection.";
    case "timeout":
      return "The call took too long.";
    case "closed":
      return "The connection to the service broke before it responded.";
    case "malformed":
      return "The service sent a response that is not valid.";
    case "cancelled":
      return "The call was cancelled.";
    default:
      return failure.kind satisfies never;
  }
}

const adviceWithoutDetails =
  "Details are shown to callers on the proxy's own host (errorDetail of the router).";

function adviceOf({ kind, advice }: Failure, label: string): string {
  if (advice !== undefined) return advice;
  if (kind !== "unbound") return "";
  return (
    `Add a dentry that covers it to the dtab of router ${label}, or register the service where its\n` +
    "dentry points to."
  );
}

/** Of the name, and of this very call. */
function commandsFor(request: MuxRequest, asked: AskedProxy): readonly string[] {
  const { logicalName, localDtab } = request;
  const traceId = traceOf(request)?.traceId ?? null;
  const ofCall = traceId === null ? null : whyCallCommand(asked, traceId);
  const ofName = logicalName === null ? null : whyNameCommand(asked, logicalName, localDtab);
  const commands = [ofName, ofCall].flatMap((each) => (each === null ? [] : [`  ${each}`]));
  return commands.length === 0 ? [] : ["What the proxy knows, live:", ...commands];
}

const flagsBytes = 8;

/** Encodes the response. An Rreq cannot carry contexts. */
export function renderedMessage(tag: number, form: Form, rendered: RenderedResponse): Buffer {
  const text = truncated(Buffer.from(rendered.text));
  const contexts = form === "dispatch" ? contextsOf(rendered) : noBytes;
  const type = form === "dispatch" ? mux.rdispatch : mux.rreq;
  const frame = Buffer.alloc(mux.bodyStart + 1 + contexts.length + text.length);
  let at = mux.writeHead(frame, 0, frame.length, type, tag);
  at = frame.writeUInt8(rendered.status, at);
  frame.set(contexts, at);
  frame.set(text, at + contexts.length);
  return frame;
}

const noBytes = Buffer.alloc(0);

/** Preceded by their count. */
function contextsOf({ flags, fault }: RenderedResponse): Buffer {
  const entries: Buffer[] = [];
  if (flags !== 0) entries.push(flagsEntry(flags));
  if (fault !== null) entries.push(faultEntry(fault));
  const count = Buffer.alloc(2);
  count.writeUInt16BE(entries.length);
  return Buffer.concat([count, ...entries]);
}

function flagsEntry(flags: number): Buffer {
  const entry = Buffer.alloc(entryBytes(failureKey, flagsBytes));
  entry.writeBigInt64BE(BigInt(flags), writeKey(entry, 0, failureKey, flagsBytes));
  return entry;
}

/** Refuses a call unprocessed: it may be sent again immediately, elsewhere. */
export function nackMessage(tag: number, form: Form, text: string): Buffer {
  const { restartable, rejected } = failureFlags;
  return renderedMessage(tag, form, {
    status: statusNack,
    flags: restartable | rejected,
    text,
    fault: null,
  });
}

/** Refuses a call unprocessed and for good: sending it again would not help. */
export function errorMessage(tag: number, form: Form, text: string): Buffer {
  const { rejected, nonRetryable } = failureFlags;
  const flags = rejected | nonRetryable;
  return renderedMessage(tag, form, { status: statusError, flags, text, fault: null });
}

/** At most `maxTextBytes` of UTF-8, cut between characters. */
function truncated(bytes: Buffer): Buffer {
  if (bytes.length <= maxTextBytes) return bytes;
  let end = maxTextBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
