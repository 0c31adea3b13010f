// From a scanned head to a request, or to the reason for refusing it.
import type { Address } from "../../../src/core/address.ts";
import type { NotedAttempt } from "../../../src/core/calls/ended-call.ts";
import type { TraceId } from "../../../src/core/tracing/trace-id.ts";
import type { CallWaits } from "../../../src/core/calls/waits.ts";
import { emptyDtab } from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import type { Path } from "../../../src/core/names/path.ts";
import type { BoundName } from "../../../src/core/request.ts";
import { latin1Of } from "../../../src/net/latin1.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { Hop, HttpRequest, InterimReceiver } from "../message.ts";
import { absoluteTarget, isAuthority } from "./authority.ts";
import { noBody } from "./body.ts";
import type { Body } from "./body.ts";
import { requestFraming } from "./framing.ts";
import type { Framing } from "./framing.ts";
import { lastScan } from "./head-scanner.ts";
import {
  connectionOptions,
  listOf,
  passthroughFields,
  lastHead,
  sortFields,
} from "./header-fields.ts";
import type { Fields, PassthroughFields } from "./passthrough-fields.ts";
import { refusal } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";

/** All requests have this one shape; fields that are null or empty are filled in later. */
class Request implements HttpRequest {
  deadlineMs = Infinity;
  localDtab: Dtab = emptyDtab;
  replayable = true;
  readonly idempotent: boolean;
  logicalName: Path | null = null;
  bound: BoundName | null = null;
  endpoint: Address | null = null;
  destination: object | null = null;
  clusterHandle: object | null = null;
  span: TraceId | null = null;
  lastAttempt: NotedAttempt | null = null;
  waits: CallWaits | null = null;
  readonly method: string;
  target: string;
  readonly version: "1.1" | "1.0";
  host: string | null;
  readonly absoluteScheme: "http" | "https" | null;
  readonly fields: PassthroughFields;
  readonly receivedTarget: string;
  readonly receivedHost: string | null;
  via: string | null = lastHead.via;
  context: Fields | null = lastHead.context;
  finagleDeadline: string | null = lastHead.finagleDeadline;
  contextOut = "";
  hop: Hop | null = null;
  expectsContinue: boolean;
  upgrade: string | null;
  body: Body = noBody;
  readonly peer: PeerInfo;
  interims: InterimReceiver | null = null;

  constructor(
    method: string,
    target: string,
    host: string | null,
    scheme: "http" | "https" | null,
    peer: PeerInfo,
  ) {
    this.method = method;
    this.idempotent = idempotentMethods.has(method);
    this.target = this.receivedTarget = target;
    this.fields = passthroughFields(scheme === null ? openEnd() : -1);
    this.version = lastScan.minor === 1 ? "1.1" : "1.0";
    this.host = this.receivedHost = host;
    this.absoluteScheme = scheme;
    // HTTP/1.0 has neither (RFC 9110 sections 10.1.1 and 7.8).
    this.expectsContinue = lastScan.minor === 1 && lastHead.expect !== null;
    this.upgrade = lastScan.minor === 1 ? upgradeOf() : null;
    this.peer = peer;
  }
}

/** Offset just after the Host line if it comes second and the first is in our own form; else -1. */
function openEnd(): number {
  const { lineStart, secondEnd, minor } = lastScan;
  const digit = lastHead.text.charCodeAt(secondEnd - lineStart + " HTTP/1.".length);
  return digit === 48 + minor ? lastHead.hostEnd : -1;
}

const usualMethods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];

/** Returns one interned string per common method, so that tables need not hash it again. */
function methodOf(text: string, length: number): string {
  for (const method of usualMethods) {
    if (method.length === length && text.startsWith(method)) return method;
  }
  return text.slice(0, length);
}

/** RFC 9110 section 9.2.2. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** A short body found behind the head is inlined: `framing` becomes "none" and `end` moves. */
export interface RequestHead {
  readonly request: OpenRequest;
  framing: Framing;
  /** Offset just after the head. */
  end: number;
  /** The caller asks, or its version implies, that the connection close after the response. */
  readonly closes: boolean;
}

/** A request whose body is not known yet; only the server connection sees this form. */
export type OpenRequest = { -readonly [Key in keyof HttpRequest]: HttpRequest[Key] };

/** Reads the head that was scanned last in `bytes`. */
export function readRequest(bytes: Buffer, peer: PeerInfo): RequestHead | Refusal {
  const base = lastScan.lineStart;
  const text = latin1Of(bytes, base, lastScan.headEnd);
  sortFields(bytes, text, base);
  const method = methodOf(text, lastScan.firstEnd - base);
  const target = text.slice(lastScan.firstEnd - base + 1, lastScan.secondEnd - base);
  const problem = hostProblem();
  if (problem !== null) return refusal(400, problem);
  if (lastHead.expect !== null && lastHead.expect.toLowerCase() !== "100-continue") {
    return refusal(417, "an expectation other than 100-continue");
  }
  const framing = requestFraming(lastScan.minor);
  if (typeof framing === "string") return refusal(400, framing);
  const request = requestOf(method, target, peer);
  if (!(request instanceof Request)) return request;
  const options = connectionOptions(lastHead.connection);
  const closes = options.close || (lastScan.minor === 0 && !options.keepAlive);
  return { request, framing, end: lastScan.headEnd, closes };
}

function requestOf(method: string, target: string, peer: PeerInfo): Request | Refusal {
  if (method === "CONNECT")
    return refusal(501, "CONNECT is not supported: this is not a forward proxy");
  if (target.charCodeAt(0) === 47 || (target === "*" && method === "OPTIONS")) {
    return new Request(method, target, lastHead.host, null, peer);
  }
  const absolute = absoluteTarget(target, method);
  if (absolute === null) {
    return refusal(400, "the request target is neither a path nor an http URI with a host");
  }
  return new Request(method, absolute.target, absolute.authority, absolute.scheme, peer);
}

/** Allows at most one Host, which must not be ambiguous (RFC 9112 section 3.2). */
function hostProblem(): string | null {
  const { host, hostCount } = lastHead;
  if (hostCount > 1) return "more than one Host field";
  if (hostCount === 0 && lastScan.minor === 1) return "Host header is absent, HTTP/1.1 requires it";
  if (host === null || host === "" || isAuthority(host)) return null;
  return "an invalid Host field";
}

/**
 * The protocol to which the caller offers to upgrade. Never HTTP/2 in clear text: requests in such
 * a tunnel would bypass every rule of the proxy ("h2c smuggling").
 */
function upgradeOf(): string | null {
  const { upgrade, connection } = lastHead;
  if (upgrade === null || !connectionOptions(connection).upgrade) return null;
  return listOf(upgrade).some((protocol) => protocol.startsWith("h2")) ? null : upgrade;
}
