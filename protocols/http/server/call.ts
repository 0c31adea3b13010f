// One request in flight and its response, as the caller sees them.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { wholeBody } from "../codec/body.ts";
import type { Body } from "../codec/body.ts";
import {
  responseHead,
  responseMode,
  interimHead,
  maxJoinedBytes,
  switchingHead,
} from "../codec/head-writer.ts";
import type { ResponseMode } from "../codec/head-writer.ts";
import { OutgoingBody } from "../codec/outgoing-body.ts";
import type { OutgoingOwner } from "../codec/outgoing-body.ts";
import { PassthroughFields } from "../codec/passthrough-fields.ts";
import type { RefusedBytes } from "../codec/request-reader.ts";
import type {
  CompletedCall,
  RenderedResponse,
  HttpRequest,
  HttpResponse,
  InterimReceiver,
  Tunnel,
} from "../message.ts";
import { cancelledStatus } from "../message.ts";
import type { ServerConnection } from "./connection.ts";

/*
 * waiting -> responding -> written -> over   `written` waits for the call's own end
 * waiting, responding -> over                the caller left or was refused, or the response broke
 */
type State = "waiting" | "responding" | "written" | "over";

export class ServerCall
  implements Reply<HttpResponse>, OutgoingOwner, CompletedCall, InterimReceiver
{
  readonly request: HttpRequest;
  readonly target: string;
  readonly rawStartLine = "";
  readonly peer: PeerInfo;
  readonly startedMs: number;
  endedMs = 0;
  status = 0;
  response: HttpResponse | null = null;
  failure: Failure | null = null;
  /** The caller waits for a 100 that has not been sent. */
  awaitsContinue: boolean;
  readonly #connection: ServerConnection;
  #state: State = "waiting";
  #pending: Pending | null = null;
  #stream: OutgoingBody | null = null;
  /** Bytes of a response that went out in one piece, or through a tunnel. */
  #sentBytes = 0;
  #tunnelledBytes = 0;
  #hasEnded = false;

  constructor(request: HttpRequest, connection: ServerConnection, startedMs: number) {
    this.request = request;
    this.target = request.target;
    this.peer = request.peer;
    this.startedMs = startedMs;
    this.awaitsContinue = request.expectsContinue;
    this.#connection = connection;
    request.interims = this;
  }

  run(): void {
    this.#pending = this.#connection.settings.service(this.request, this);
  }

  get host(): string | null {
    return this.request.receivedHost;
  }

  get sentBytes(): number {
    return this.#sentBytes + (this.#stream?.sentBytes ?? 0);
  }

  get receivedBytes(): number {
    const { body } = this.request;
    const bytes = "receivedBytes" in body ? Number(body.receivedBytes) : (body.length ?? 0);
    return bytes + this.#tunnelledBytes;
  }

  get hasStarted(): boolean {
    return this.#state !== "waiting";
  }

  // Reply

  start(response: HttpResponse): void {
    if (this.#state !== "waiting") return response.body.cancel();
    this.response = response;
    if (response.upgrade !== null) return this.#switch(response, response.upgrade);
    return this.#respond(response);
  }

  end(why: Failure | null): void {
    if (this.#hasEnded) return undefined;
    this.#hasEnded = true;
    switch (this.#state) {
      case "waiting":
        if (why === null) throw new Error("bug: a call ended without a response or a failure");
        return this.#fail(why);
      case "responding":
        // The call ended without an error but its body has not ended, and never would.
        return this.bodyBroken(why ?? failure("closed", "the response ended before its body"));
      case "written":
        return this.#over();
      case "over":
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }

  // OutgoingOwner

  bodySent(): void {
    this.#state = "written";
    if (this.#hasEnded) this.#over();
  }

  bodyBroken(why: Failure): void {
    if (this.#state === "over") return;
    this.failure = why;
    this.#report();
    this.#connection.destroy();
  }

  // InterimReceiver

  /** An interim response (1xx), for callers whose version has them. */
  interim(status: number, fields: PassthroughFields): void {
    if (this.#state !== "waiting" || this.request.version === "1.0") return;
    if (status !== 100) this.#write(interimHead(status, fields.lines));
    else if (this.awaitsContinue) this.writeContinue();
  }

  // For the connection

  /** The endpoint takes the request's body; `isEmpty`: none of it is here. */
  bodyWanted(isEmpty: boolean): void {
    if (!this.awaitsContinue) return;
    if (isEmpty) this.writeContinue();
    else this.awaitsContinue = false; // the caller did not wait
  }

  writeContinue(): void {
    this.awaitsContinue = false;
    if (this.#state === "waiting") this.#write(interimHead(100, ""));
  }

  drained(): void {
    if (this.#state === "responding") this.response?.body.resume();
  }

  callerDisconnected(why: Failure): void {
    if (this.#state === "over") return;
    if (this.#state === "waiting") this.status = cancelledStatus;
    if (this.#state !== "written") this.failure = why;
    this.#report();
    this.#pending?.cancel(why);
  }

  /** The request proved malformed after it was forwarded, or is abandoned. */
  refuse(why: Failure): void {
    if (this.#state === "waiting") this.#fail(why);
    else if (this.#state === "responding") this.bodyBroken(why);
    else this.#over();
    this.#pending?.cancel(failure("cancelled", why.detail)); // not the endpoint's fault
  }

  #respond(response: HttpResponse): void {
    const { body } = response;
    const mode = responseMode(this.request, response.status, body);
    const option = this.#connectionOption(mode);
    const head = responseHead(response, mode, option, this.request.fault);
    this.status = response.status;
    this.#state = "responding";
    const text = mode === "none" ? "" : body.latin1;
    if (text !== null) {
      if (body.latin1 === null) body.cancel();
      this.#writeWhole(head, text, body);
      this.bodySent();
      return;
    }
    const stream = new OutgoingBody(this.#connection, head, mode === "chunked", this);
    this.#stream = stream;
    body.start(stream);
    stream.flushHead();
  }

  /** Uses a single write when the response is short enough. */
  #writeWhole(head: string, text: string, body: Body): void {
    this.#sentBytes = text.length;
    if (head.length + text.length <= maxJoinedBytes) return this.#write(head + text);
    this.#write(head);
    if (text !== "" && body.whole !== null) this.#connection.link.socket.write(body.whole);
  }

  #connectionOption(mode: ResponseMode): "" | "close" | "keep-alive" {
    if (mode === "until-close") this.#connection.keepAlive.isLast = true;
    if (this.#connection.decideLast()) return "close";
    return this.request.version === "1.0" ? "keep-alive" : "";
  }

  #fail(why: Failure): void {
    const rendered = this.#connection.settings.renderFailure(why, this.request, this.peer);
    this.failure = why;
    this.#respond(responseOf(rendered));
    if (this.#hasEnded) return;
    // `refuse` does not wait for the call's own end.
    this.#hasEnded = true;
    this.#over();
  }

  #switch(response: HttpResponse, tunnel: Tunnel): void {
    this.#write(switchingHead(response, tunnel.protocol, this.request.fault));
    this.status = 101;
    this.#state = "written";
    this.#connection.becomeTunnel(tunnel, (fromCaller, fromEndpoint) => {
      this.#tunnelledBytes = fromCaller;
      this.#sentBytes = fromEndpoint;
      this.#report();
    });
  }

  #over(): void {
    if (this.#state === "over") return;
    this.#report();
    this.#connection.completed(this);
  }

  #report(): void {
    this.#state = "over";
    this.#stream?.close();
    const { clock, onCompleted } = this.#connection.settings;
    this.endedMs = clock.nowMs();
    onCompleted?.(this);
  }

  #write(text: string): void {
    this.#connection.write(text);
  }
}

function responseOf(rendered: RenderedResponse): HttpResponse {
  const { status, reason, fields, body } = rendered;
  return {
    status,
    reason,
    version: "1.1",
    fields: PassthroughFields.of(fields),
    via: null,
    context: null,
    verdict: null,
    body: wholeBody(body),
    upgrade: null,
  };
}

/** Responds to bytes that are not a request. The connection closes. */
export function respondToRefusal(
  connection: ServerConnection,
  { refusal: why, rawStartLine, host }: RefusedBytes,
): void {
  const { settings, peer, link } = connection;
  const response = responseOf(settings.renderFailure(why, null, peer));
  const head = responseHead(response, "length", "close");
  link.write(head + (response.body.latin1 ?? ""));
  const nowMs = settings.clock.nowMs();
  settings.onCompleted?.({
    request: null,
    target: "",
    rawStartLine,
    host,
    status: response.status,
    response: null,
    sentBytes: response.body.length ?? 0,
    receivedBytes: 0,
    startedMs: nowMs,
    endedMs: nowMs,
    failure: why,
    peer,
  });
}
