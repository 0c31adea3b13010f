// HTTP/1.x messages as the proxy sees them: the parts of a head that it uses, and a body that flows.
import type { Verdict } from "../../src/core/classifier.ts";
import type { Deadline } from "../../src/core/deadline.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Request } from "../../src/core/request.ts";
import type { Filter } from "../../src/core/service.ts";
import type { TraceId } from "../../src/core/tracing/trace-id.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import type { Body } from "./codec/body.ts";
import type { Fields, PassthroughFields } from "./codec/passthrough-fields.ts";

/** What this proxy speaks on both sides, in the words of ALPN (RFC 7301). */
export const applicationProtocols: readonly string[] = ["http/1.1"];

export interface HttpRequest extends Request {
  /** True while the part of a flowing body that has passed is still kept; see `ReplayBody`. */
  replayable: boolean;
  /** Initially empty; set by the server filters from `l5d-ctx-dtab` and `l5d-dtab`. */
  localDtab: Dtab;
  readonly method: string;
  /** Origin-form (`/path?query`), `*`, or as an identifier rewrote it. Never absolute-form. */
  target: string;
  readonly version: "1.1" | "1.0";
  /** The Host field, or the authority of an absolute-form target; null when there is none. */
  host: string | null;
  /** `http` or `https` when the target came in absolute-form; null otherwise. */
  readonly absoluteScheme: string | null;
  /**
   * As received, without the fields that the proxy owns and the parser takes out: Host,
   * Content-Length, hop-by-hop fields and those that `Connection` lists, Via, Expect, and every
   * field that begins with `l5d-`.
   */
  readonly fields: PassthroughFields;
  /** `target` and `host` as in `fields.opening`, which must not be used once they have changed. */
  readonly receivedTarget: string;
  readonly receivedHost: string | null;
  /** All Via values in order, joined with `, `; null when there are none. */
  via: string | null;
  /** The `l5d-*` fields, flat, names in lower case; null when there are none. */
  context: Fields | null;
  /** The values of `Finagle-Ctx-com.twitter.finagle.Deadline`, joined with `, `; null if absent. */
  finagleDeadline: string | null;
  /** `l5d-*` fields for the endpoint, as lines; set by the wire filters. Empty when there are none. */
  contextOut: string;
  /** The call's trace and deadline; null until the server filters have run. */
  hop: Hop | null;
  /** The caller waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** The value of Upgrade when `Connection` lists it, else null. */
  readonly upgrade: string | null;
  body: Body;
  readonly peer: PeerInfo;
  /** Receives interim responses (100, 103) of the endpoint; set by the server. */
  interims: InterimReceiver | null;
}

/**
 * Copies a request for a second attempt beside the first, which may already have its endpoint's Host:
 * neither sees what is written to the other. null: the body flows, or the response may be a tunnel.
 */
export function copyOf(request: HttpRequest): HttpRequest | null {
  if (request.body.latin1 === null || request.upgrade !== null) return null;
  const copy: HttpRequest = Object.assign(Object.create(Object.getPrototypeOf(request)), request);
  copy.interims = null;
  copy.host = request.receivedHost;
  return copy;
}

export interface InterimReceiver {
  interim(status: number, fields: PassthroughFields): void;
}

export interface HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: "1.1" | "1.0";
  /** As `HttpRequest.fields`. */
  readonly fields: PassthroughFields;
  /** The value to send: in an endpoint's response, this hop is last. */
  readonly via: string | null;
  /**
   * The `l5d-*` fields, flat, names in lower case; null when there are none. The caller gets them,
   * except for the verdict of the previous hop. Read at the end of the call by classifiers and the
   * access log.
   */
  context: Fields | null;
  /** Set: the caller does not get `context`. */
  hidesContext?: true;
  /** The verdict on the response, for the caller and the server's own statistics; null: unknown. */
  verdict: Verdict | null;
  readonly body: Body;
  /** The protocols that a 426 asks for, which it must not lack (RFC 9110 section 15.5.22). */
  readonly offeredUpgrade?: string | null;
  /** Set on 101: the server joins both sides to a tunnel. */
  readonly upgrade: Tunnel | null;
}

/** The endpoint's side of an upgraded connection. */
export interface Tunnel {
  /** The protocol that both sides agreed on, as the endpoint wrote it. */
  readonly protocol: string;
  /** Hands over the link, once, with the bytes read beyond the head; the caller then owns it. */
  take(): { readonly link: SocketLink; readonly head: Uint8Array };
  /** Called by the new owner when the tunnel is over: the call ends. */
  closed(): void;
}

/** What this proxy knows of one call beyond the message. Made once, on arrival. */
export interface Hop {
  /** The server span: the caller's trace, or a new one. */
  readonly trace: TraceId;
  /** As the caller sent it, and the same moment on the scale of `Request.deadlineMs`. */
  readonly deadline: Deadline | null;
  readonly deadlineMs: number;
  /** The caller's overrides as one canonical text; null if there are none. */
  readonly dtab: string | null;
  /** `l5d-*` fields that this proxy does not interpret; null if there are none. */
  readonly passOn: Fields | null;
  /** How many more proxies a TRACE or OPTIONS may pass; null if not limited. */
  maxForwards: number | null;
}

/** A response of the proxy itself. `fields` must not contain framing or connection fields. */
export interface RenderedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** Renders a failed call, or a `Refusal` of bytes that are not a request (then `request` is null). */
export type RenderFailure = (
  failure: Failure,
  request: HttpRequest | null,
  peer: PeerInfo,
) => RenderedResponse;

/** Recorded, as by nginx, for a call whose caller left before its response began. */
export const cancelledStatus = 499;

/** One response as the caller saw it, reported once, after its last byte. */
export interface CompletedCall {
  /** null when the bytes were refused before they became a request. */
  readonly request: HttpRequest | null;
  /** The target as the caller wrote it, before identifiers rewrote it; empty without a request. */
  readonly target: string;
  /** What was read of the start line (bounded, latin1) when there is no request, else empty. */
  readonly rawStartLine: string;
  /** As the caller wrote it, even in a refused head; null unless exactly one Host was read. */
  readonly host: string | null;
  /** As sent to the caller; 499 when it left before a response began. */
  readonly status: number;
  /** The response of an endpoint or filter; null for failures that were rendered. */
  readonly response: HttpResponse | null;
  /** Bytes of the response's body, without chunk framing. */
  readonly sentBytes: number;
  /** Bytes of the request's body, without chunk framing. */
  readonly receivedBytes: number;
  /** `Clock.nowMs` when the head was complete (or refused), and when the response ended. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Why it failed, before or after its head was sent; null for a complete response. */
  readonly failure: Failure | null;
  readonly peer: PeerInfo;
}

export type HttpFilter = Filter<HttpRequest, HttpResponse>;
