// One request to one endpoint: waits for a connection, sends, ends exactly once.
import { noteWait } from "../../../src/core/calls/waits.ts";
import type { WaitKind } from "../../../src/core/calls/waits.ts";
import type { Close } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { Pool, Waiter } from "../../../src/net/pool.ts";
import { maxJoinedBytes, requestHead } from "../codec/head-writer.ts";
import { OutgoingBody } from "../codec/outgoing-body.ts";
import type { OutgoingOwner } from "../codec/outgoing-body.ts";
import type { PassthroughFields } from "../codec/passthrough-fields.ts";
import type { HttpRequest, HttpResponse, InterimReceiver } from "../message.ts";
import type { ClientConnection } from "./connection.ts";
import type { ClientSettings } from "./settings.ts";

/*
 * queued -> sending -> responded -> over   `responded`: the head has come, the body flows
 * any -> over
 */
type State = "queued" | "sending" | "responded" | "over";

const nothing: Close = () => {};

export class ClientCall
  implements Pending, Waiter<ClientConnection>, OutgoingOwner, InterimReceiver
{
  readonly request: HttpRequest;
  readonly #reply: Reply<HttpResponse>;
  readonly #settings: ClientSettings;
  #state: State = "queued";
  #connection: ClientConnection | null = null;
  #leaveQueue: Close = nothing;
  /** The whole request has been written to the socket. */
  #isSent = false;
  #stream: OutgoingBody | null = null;
  /** Ends the wait for a 100. */
  #stopWaiting: Close = nothing;
  #waitsForContinue = false;

  constructor(request: HttpRequest, reply: Reply<HttpResponse>, settings: ClientSettings) {
    this.request = request;
    this.#reply = reply;
    this.#settings = settings;
  }

  run(pool: Pool<ClientConnection>): void {
    const connection = pool.take();
    if (connection !== null) return this.got(connection);
    const leave = pool.wait(this);
    if (this.#state === "queued") this.#leaveQueue = leave;
    return undefined;
  }

  get isSent(): boolean {
    return this.#isSent;
  }

  get hasResponse(): boolean {
    return this.#state === "responded";
  }

  // Waiter

  waited(kind: WaitKind, waitedMs: number): void {
    noteWait(this.request, kind, waitedMs);
  }

  got(connection: ClientConnection): void {
    this.#state = "sending";
    this.#connection = connection;
    connection.begin(this);
    const { request } = this;
    const { body } = request;
    const head = requestHead(request);
    if (body.latin1 !== null) {
      this.#isSent = true;
      return this.#writeWhole(connection, head, body.latin1);
    }
    this.#stream = new OutgoingBody(connection, head, body.length === null, this);
    if (request.expectsContinue) this.#awaitContinue(this.#stream);
    else this.#sendBody();
    return undefined;
  }

  failed(why: Failure): void {
    this.finish(why);
  }

  // Pending

  cancel(why: Failure): void {
    if (this.#state === "over") return;
    const connection = this.#connection;
    if (connection === null) this.#leaveQueue();
    this.finish(why);
    connection?.detach(this);
  }

  // For the connection

  /** 100, 103 and the like. */
  interim(status: number, fields: PassthroughFields): void {
    this.request.interims?.interim(status, fields);
    if (status === 100 && this.#waitsForContinue) this.#sendBody();
  }

  responded(response: HttpResponse): void {
    this.#state = "responded";
    this.#stopWaiting();
    this.#reply.start(response);
  }

  drained(): void {
    if (this.#stream !== null && !this.#isSent) this.request.body.resume();
  }

  /** Ends the call, once. The unsent part of the request is discarded. */
  finish(why: Failure | null): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#stopWaiting();
    if (this.#stream !== null && !this.#isSent) {
      this.#stream.close();
      this.request.body.cancel();
    }
    this.#reply.end(why);
  }

  // OutgoingOwner

  bodySent(): void {
    this.#isSent = true;
  }

  /** The caller's body broke: the endpoint must not take its part for a complete request. */
  bodyBroken(why: Failure): void {
    const connection = this.#connection;
    this.#isSent = true; // no more will follow
    this.finish(why);
    connection?.close();
  }

  #awaitContinue(stream: OutgoingBody): void {
    stream.flushHead();
    this.#waitsForContinue = true;
    const { clock, options } = this.#settings;
    // Endpoints that do not support it stay silent (RFC 9110 section 10.1.1).
    this.#stopWaiting = clock.after(options.continueTimeoutMs, () => this.#sendBody());
  }

  #sendBody(): void {
    const stream = this.#stream;
    if (stream === null) throw new Error("bug: a body to send without a stream");
    this.#waitsForContinue = false;
    this.#stopWaiting();
    this.request.body.start(stream);
    stream.flushHead();
  }

  #writeWhole(connection: ClientConnection, head: string, text: string): void {
    if (head.length + text.length <= maxJoinedBytes) return connection.write(head + text);
    connection.write(head);
    const { whole } = this.request.body;
    if (whole !== null) connection.writeBytes(whole);
    return undefined;
  }
}
