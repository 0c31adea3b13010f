// One call of a caller, from its message to its response.
import { abandoned } from "../../../src/core/failure.ts";
import type { Verdict } from "../../../src/core/classifier.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { Reply } from "../../../src/core/service.ts";
import { PendingSlot } from "../../../src/core/service.ts";
import type { MuxRequest, MuxResponse, CompletedCall } from "../message.ts";
import { withFault } from "../codec/contexts.ts";
import { statusOk } from "../message.ts";
import type { ServerConnection } from "./connection.ts";

/*
 * waiting -> responded -> over   `responded`: the response is written, the end of the call follows
 * waiting -> discarded -> over   the caller cancelled the call and has an Rdiscarded
 * waiting -> gone -> over        the connection is closed
 */
type State = "waiting" | "responded" | "discarded" | "gone" | "over";

export class ServerCall implements Reply<MuxResponse>, CompletedCall {
  readonly request: MuxRequest;
  readonly tag: number;
  readonly startedMs: number;
  endedMs = 0;
  outcome: CompletedCall["outcome"] = "gone";
  failure: Failure | null = null;
  verdict: Verdict | null = null;
  sentBytes = 0;
  readonly #connection: ServerConnection;
  #state: State = "waiting";
  readonly #routed = new PendingSlot();

  constructor(request: MuxRequest, tag: number, connection: ServerConnection, startedMs: number) {
    this.request = request;
    this.tag = tag;
    this.#connection = connection;
    this.startedMs = startedMs;
  }

  get peer(): PeerInfo {
    return this.#connection.peer;
  }

  run(): void {
    this.#routed.hold(this.#connection.settings.route(this.request, this));
  }

  // Reply

  start(response: MuxResponse): void {
    if (this.#state !== "waiting") return;
    this.#state = "responded";
    this.outcome = response.status === statusOk ? "ok" : "error";
    this.sentBytes = response.payloadBytes;
    this.verdict = response.verdict;
    const { fault, form } = this.request;
    // An Rreq has no place for contexts.
    const isMarked = fault !== undefined && form === "dispatch";
    this.#connection.respond(this, isMarked ? withFault(response, fault) : response);
  }

  end(why: Failure | null): void {
    switch (this.#state) {
      case "waiting":
        if (why === null) throw new Error("bug: a call ended without a response or a failure");
        this.failure = why;
        this.#fail(why);
        return this.#over();
      case "responded":
      case "discarded":
      case "gone":
        return this.#over();
      case "over":
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }

  // For the connection

  discard(reason: string): void {
    if (this.#state !== "waiting") return;
    this.#state = "discarded";
    this.outcome = "discarded";
    this.#cancel(abandoned(`the caller discarded the call: ${reason || "no reason"}`));
  }

  /** Responds with `why` now, and cancels the call. */
  abort(why: Failure): void {
    if (this.#state !== "waiting") return;
    this.#state = "responded";
    this.#fail(why);
    this.#cancel(why);
  }

  callerDisconnected(why: Failure): void {
    if (this.#state !== "waiting") return;
    this.#state = "gone";
    this.#cancel(why);
  }

  #cancel(why: Failure): void {
    this.failure = why;
    this.#routed.cancel(why);
  }

  #fail(why: Failure): void {
    const { settings, peer } = this.#connection;
    const rendered = settings.render(why, this.request, peer);
    this.outcome = rendered.status === 2 ? "nack" : "error";
    this.sentBytes = this.#connection.respondFailure(this, rendered);
  }

  #over(): void {
    this.#state = "over";
    this.endedMs = this.#connection.settings.clock.nowMs();
    this.#connection.callEnded(this);
  }
}
