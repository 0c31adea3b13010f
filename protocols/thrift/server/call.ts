// One call of a caller and its response, which may have to wait for the responses before it.
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import { statusOf } from "../message.ts";
import type { CompletedCall, ThriftRequest, ThriftResponse } from "../message.ts";
import type { QueuedCall } from "./call-queue.ts";
import type { ServerConnection } from "./connection.ts";

/*
 * waiting -> started -> ended     `started`: the response is here, the end of the call is not
 * waiting -> ended                the call failed
 */
type State = "waiting" | "started" | "ended";

export class ServerCall implements Reply<ThriftResponse>, CompletedCall {
  readonly request: ThriftRequest;
  readonly startedMs: number;
  endedMs = 0;
  sentBytes = 0;
  status: CompletedCall["status"] = "error";
  response: ThriftResponse | null = null;
  failure: Failure | null = null;
  /** A response of the proxy's own; null: made from `response` or `failure` when it is written. */
  bytes: Buffer | null = null;
  /** The next call that awaits its response. */
  next: QueuedCall | null = null;
  readonly #connection: ServerConnection;
  #state: State = "waiting";
  #pending: Pending | null = null;

  constructor(request: ThriftRequest, connection: ServerConnection, startedMs: number) {
    this.request = request;
    this.startedMs = startedMs;
    this.#connection = connection;
  }

  get isOneway(): boolean {
    return this.request.isOneway;
  }

  get receivedBytes(): number {
    return this.request.frame.length;
  }

  /** Bytes of the endpoint's response, while it waits for its turn. */
  get heldResponseBytes(): number {
    return this.response === null ? 0 : this.response.frame.length;
  }

  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  run(): void {
    const pending = this.#connection.settings.route(this.request, this);
    if (!this.hasEnded) this.#pending = pending;
  }

  start(response: ThriftResponse): void {
    if (this.#state !== "waiting") return;
    this.#state = "started";
    this.response = response;
  }

  end(why: Failure | null): void {
    if (this.#state === "ended") return;
    const { response } = this;
    if (why === null && response === null) {
      throw new Error("bug: a call ended without a response or a failure");
    }
    this.#state = "ended";
    this.#pending = null;
    this.failure = why;
    if (why !== null) {
      this.response = null;
      this.status = statusOf(why);
    } else if (response !== null) this.status = response.outcome;
    this.#connection.callEnded(this);
  }

  /** The proxy itself responds, with bytes that are ready. */
  respondWith(bytes: Buffer): void {
    this.#state = "ended";
    this.status = "reply";
    this.bytes = bytes;
    this.#connection.callEnded(this);
  }

  /** The caller gets its response now, whatever becomes of the call. */
  abort(why: Failure): void {
    const pending = this.#pending;
    this.end(why);
    pending?.cancel(why);
  }

  cancel(why: Failure): void {
    this.#pending?.cancel(why);
  }
}
