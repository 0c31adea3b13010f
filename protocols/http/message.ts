// HTTP/1.x messages as the proxy sees them: a head in parts it cares about, and a body that flows.
import type { Verdict } from "../../src/core/classifier.ts";
import type { Deadline } from "../../src/core/deadline.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Request } from "../../src/core/request.ts";
import type { Filter } from "../../src/core/service.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import type { Body } from "./codec/body.ts";
import type { Fields, PassthroughFields } from "./codec/passthrough-fields.ts";
import type { TraceId } from "./codec/trace.ts";

export interface HttpRequest extends Request {
  /** While more of a flowing body may be kept than has passed; see `ReplayBody`. */
  replayable: boolean;
  /** Empty when made; set by the proxy filters from `l5d-ctx-dtab` and `l5d-dtab`. */
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
   * As received. What the proxy owns is not among them, the parser takes it out: Host,
   * Content-Length, hop-by-hop fields and those that `Connection` lists, Via, Expect, and everything
   * that begins with `l5d-`.
   */
  readonly fields: PassthroughFields;
  /** `target` and `host` as they stand in `fields.opening`, which is no good when they changed. */
  readonly receivedTarget: string;
  readonly receivedHost: string | null;
  /** All Via values in order, joined with `, `; null when there are none. */
  via: string | null;
  /** The `l5d-*` fields, flat, names in lower case; null when there are none. */
  context: Fields | null;
  /** `l5d-*` fields to send on, as lines; set by the proxy filters. Empty when there are none. */
  contextOut: string;
  /** What this proxy knows of the call's trace and deadline; null until the proxy filters ran. */
  hop: Hop | null;
  /** The caller waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** The value of Upgrade when `Connection` lists it, else null. */
  readonly upgrade: string | null;
  body: Body;
  readonly peer: PeerInfo;
  /** Is told of interim answers (100, 103) of the endpoint; set by the server. */
  interims: InterimReceiver | null;
}

/**
 * The same request, to be sent beside the first, which is on its way and may have its endpoint's Host:
 * what one of them writes the other does not see. null: its body flows, or an answer to it may be a
 * tunnel.
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
  /** What is sent: an endpoint's answer has this hop at its end. */
  readonly via: string | null;
  /**
   * The `l5d-*` fields, flat, names in lower case; null when there are none. The caller gets them,
   * but the verdict of the hop before. Who classifies the call or logs it reads them at its end.
   */
  context: Fields | null;
  /** The caller gets none of `context`; absent: it does. */
  hidesContext?: true;
  /** What the answer counts as, for the caller and the server's own statistics; null: unknown. */
  verdict: Verdict | null;
  readonly body: Body;
  /** Set on 101: both sides become a tunnel, and the server connects them. */
  readonly upgrade: Tunnel | null;
}

/** The endpoint's side of an upgraded connection. */
export interface Tunnel {
  /** The protocol that both sides agreed on, as the endpoint wrote it. */
  readonly protocol: string;
  /** Hands over the link and what it had read beyond the head; the taker owns it. Once. */
  take(): { readonly link: SocketLink; readonly head: Uint8Array };
  /** The taker says that the tunnel is over: the call ends. */
  closed(): void;
}

/** What this proxy knows of one call beyond the message. Made once, when the call comes in. */
export interface Hop {
  /** The server span: the caller's trace, or a new one. */
  readonly trace: TraceId;
  /** As the caller sent it, and the same moment on the scale of `Call.deadlineMs`. */
  readonly deadline: Deadline | null;
  readonly deadlineMs: number;
  /** The caller's overrides in one canonical text; null without any. */
  readonly dtab: string | null;
  /** `l5d-*` fields that say nothing to this proxy; null without any. */
  readonly passOn: Fields | null;
  /** How many more proxies a TRACE or OPTIONS may pass; null when it does not say. */
  maxForwards: number | null;
}

/** An answer of the proxy's own. `fields` must not hold framing or connection fields. */
export interface RenderedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** Makes the answer to a failed call, or to bytes that are no request (a `Refusal`; no request). */
export type RenderFailure = (
  failure: Failure,
  request: HttpRequest | null,
  peer: PeerInfo,
) => RenderedResponse;

/** One answer as the caller saw it, reported once, after its last byte. */
export interface CompletedCall {
  /** null when the bytes were refused before they became a request. */
  readonly request: HttpRequest | null;
  /** The target as the caller wrote it, before identifiers rewrote it; empty without a request. */
  readonly target: string;
  /** What was read of the start line (bounded, latin1) when there is no request, else empty. */
  readonly rawStartLine: string;
  /** As the caller wrote it, even of a refused head; null when it did not, or not one, or was not read. */
  readonly host: string | null;
  /** As sent to the caller; 0 when it went away before an answer began. */
  readonly status: number;
  /** The answer of an endpoint or identifier; null for failures that were rendered. */
  readonly response: HttpResponse | null;
  /** Bytes of the answer's body, without chunk framing. */
  readonly sentBytes: number;
  /** Bytes of the request's body, without chunk framing. */
  readonly receivedBytes: number;
  /** `Clock.nowMs` when the head was complete (or refused), and when the answer ended. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Why it failed, before or after its head was sent; null for a complete answer. */
  readonly failure: Failure | null;
  readonly peer: PeerInfo;
}

export type HttpFilter = Filter<HttpRequest, HttpResponse>;
