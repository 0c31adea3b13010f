// Calls of mux callers as Thrift calls to the router; responses and failures as mux to the callers.
import type { RefusedCall } from "../../../src/core/calls/ended-call.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { ended } from "../../../src/core/service.ts";
import type { Reply, Service } from "../../../src/core/service.ts";
import { MuxResponse, statusOk } from "../../mux/message.ts";
import type { MuxRequest } from "../../mux/message.ts";
import { isRejection } from "../../mux/failures.ts";
import { refusedCall } from "../../thrift/calls.ts";
import { exceptionFrame } from "../../thrift/codec/exception.ts";
import type {
  CompletedCall,
  RenderFailure,
  ThriftRequest,
  ThriftResponse,
} from "../../thrift/message.ts";
import { statusOf } from "../../thrift/message.ts";
import { prefixBytes } from "../../../src/net/framer.ts";
import type { ThriftProtocol } from "../../thrift/codec/types.ts";
import { muxResponseOf } from "../message.ts";
import { thriftRequestIn } from "../codec/payload.ts";

export interface MuxCallsOptions {
  readonly protocol: ThriftProtocol;
  readonly isNamedByMethod: boolean;
  readonly clock: Clock;
  readonly route: Service<ThriftRequest, ThriftResponse>;
  readonly renderFailure: RenderFailure;
  onCompleted(call: CompletedCall): void;
  /** A message that holds no call; it is reported nowhere else. */
  onRefused(call: RefusedCall): void;
}

/** The service of all connections of a listener. */
export function muxCalls(options: MuxCallsOptions): Service<MuxRequest, MuxResponse> {
  return (mux, reply) => {
    const { peer } = mux;
    if (peer === null) throw new Error("bug: a call of a connection without its caller");
    const request = mux.unreadable ?? thriftRequestIn(mux, peer, options);
    if (typeof request === "string") {
      options.onRefused(refusedCall(peer, { reason: request, received: mux.frame }));
      reply.end(failure("unidentified", request));
      return ended;
    }
    return options.route(request, new AdaptedReply(mux, request, reply, options));
  };
}

/** Reports the call once, when it has ended. */
class AdaptedReply implements Reply<ThriftResponse>, CompletedCall {
  readonly request: ThriftRequest;
  readonly startedMs: number;
  endedMs = 0;
  sentBytes = 0;
  status: CompletedCall["status"] = "error";
  response: ThriftResponse | null = null;
  failure: Failure | null = null;
  #hasResponded = false;
  readonly #mux: MuxRequest;
  readonly #reply: Reply<MuxResponse>;
  readonly #options: MuxCallsOptions;

  constructor(
    mux: MuxRequest,
    request: ThriftRequest,
    reply: Reply<MuxResponse>,
    options: MuxCallsOptions,
  ) {
    this.request = request;
    this.startedMs = options.clock.nowMs();
    this.#mux = mux;
    this.#reply = reply;
    this.#options = options;
  }

  get receivedBytes(): number {
    return this.#mux.payloadBytes;
  }

  start(response: ThriftResponse): void {
    this.response = response;
    this.status = response.outcome;
    this.#passFault();
    this.#respond(muxResponse(response));
  }

  end(why: Failure | null): void {
    this.failure = why;
    if (why !== null) this.#fail(why);
    this.endedMs = this.#options.clock.nowMs();
    this.#reply.end(this.#hasResponded ? null : why);
    this.#options.onCompleted(this);
  }

  /**
   * As Finagle's servers do: a call that may be sent again, or must never be, is refused in mux; any
   * other failure is an exception in an ok response.
   */
  #fail(why: Failure): void {
    const { request } = this;
    this.status = statusOf(why);
    this.#passFault();
    this.#mux.logicalName = request.logicalName;
    this.#mux.bound = request.bound;
    this.#mux.endpoint = request.endpoint;
    if (this.#hasResponded || request.isOneway || why.kind === "cancelled") return;
    if (why.retry === "safe" || isRejection(why)) return;
    const { type, text } = this.#options.renderFailure(why, request);
    const frame = exceptionFrame(request, type, text);
    this.#respond(new MuxResponse(statusOk, frame, prefixBytes, prefixBytes, 0));
  }

  /** Reported to the caller by the writer of the mux response. */
  #passFault(): void {
    const { fault } = this.request;
    if (fault !== undefined) this.#mux.fault = fault;
  }

  #respond(response: MuxResponse): void {
    this.sentBytes = response.payloadBytes;
    this.#hasResponded = true;
    this.#reply.start(response);
  }
}

function muxResponse(response: ThriftResponse): MuxResponse {
  const { frame, messageAt } = response;
  return muxResponseOf(response) ?? new MuxResponse(statusOk, frame, messageAt, messageAt, 0);
}
