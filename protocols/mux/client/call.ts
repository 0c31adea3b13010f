// One call to one endpoint: waits for a session, is sent, ends exactly once.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { Close } from "../../../src/core/clock.ts";
import type { MuxRequest, MuxResponse } from "../message.ts";
import { failureFlags } from "../codec/contexts.ts";
import { statusError, statusNack } from "../message.ts";

/** Where a call is currently held: in a queue, or by a session. */
export interface CallHolder {
  /** The call was cancelled. */
  detach(call: ClientCall, why: Failure): void;
}

/*
 * waiting -> sent -> over    `sent`: it has a tag
 * any -> over
 */
export class ClientCall implements Pending {
  readonly request: MuxRequest;
  readonly #reply: Reply<MuxResponse>;
  readonly #name: string;
  /** 0: not sent yet. */
  tag = 0;
  sentAs: "dispatch" | "req" = "dispatch";
  /** null: the call is over. */
  holder: CallHolder | null;
  /** When it began to wait for a session, if it did. */
  waitsSinceMs = 0;
  /** Ends the wait for a session. */
  stopWaiting: Close = nothing;
  #isOver = false;

  constructor(
    request: MuxRequest,
    reply: Reply<MuxResponse>,
    name: string,
    holder: CallHolder | null,
  ) {
    this.request = request;
    this.#reply = reply;
    this.#name = name;
    this.holder = holder;
  }

  // Pending

  cancel(why: Failure): void {
    const { holder } = this;
    if (this.isOver) return;
    // The tag first: the end of the call may use the session again.
    holder?.detach(this, why);
    this.finish(why);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  // For the session

  responded(response: MuxResponse): void {
    if (this.#isOver) return;
    const refused = refusalOf(response, this.#name);
    if (refused !== null) return this.finish(refused);
    this.#isOver = true;
    this.holder = null;
    this.#reply.start(response);
    this.#reply.end(null);
    return undefined;
  }

  finish(why: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.holder = null;
    this.stopWaiting();
    this.#reply.end(why);
  }
}

const nothing: Close = () => {};

/** A nack, or an error flagged as restartable: the endpoint did not process the call. */
function refusalOf(response: MuxResponse, name: string): Failure | null {
  const { status, flags, frame, payloadStart } = response;
  const isRestartable = (flags & failureFlags.restartable) !== 0;
  if (status !== statusNack && !(status === statusError && isRestartable)) return null;
  // Flags, if present, take precedence over the status (Finagle's MuxFailure).
  const isFinal = (flags & failureFlags.nonRetryable) !== 0 || (flags !== 0 && !isRestartable);
  const text = frame.toString("utf8", payloadStart, payloadStart + maxReasonBytes).trim();
  const detail = `${name} refused the call unprocessed (nack)${text === "" ? "" : `: ${text}`}`;
  return failure("limited", detail, isFinal ? "never" : "safe");
}

const maxReasonBytes = 512;
