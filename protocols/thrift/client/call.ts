// One call to one endpoint: waits for a connection, is sent, ends exactly once.
import { noteWait } from "../../../src/core/calls/waits.ts";
import type { WaitKind } from "../../../src/core/calls/waits.ts";
import type { Close } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { Pool, Waiter } from "../../../src/net/pool.ts";
import type { ClientConnection } from "./connection.ts";
import { onewayDone } from "../message.ts";
import type { ThriftRequest, ThriftResponse } from "../message.ts";

/*
 * queued -> sent -> over    a one-way call is over as soon as it is written
 * queued -> over            no connection could be had, or it was cancelled while waiting
 */
type State = "queued" | "sent" | "over";

const nothing: Close = () => {};

export class ClientCall implements Pending, Waiter<ClientConnection> {
  readonly request: ThriftRequest;
  readonly #reply: Reply<ThriftResponse>;
  #state: State = "queued";
  #connection: ClientConnection | null = null;
  #leaveQueue: Close = nothing;

  constructor(request: ThriftRequest, reply: Reply<ThriftResponse>) {
    this.request = request;
    this.#reply = reply;
  }

  run(pool: Pool<ClientConnection>): void {
    const connection = pool.take();
    if (connection !== null) return this.got(connection);
    const leave = pool.wait(this);
    if (this.#state === "queued") this.#leaveQueue = leave;
    return undefined;
  }

  // Waiter

  waited(kind: WaitKind, waitedMs: number): void {
    noteWait(this.request, kind, waitedMs);
  }

  got(connection: ClientConnection): void {
    this.#state = "sent";
    if (this.request.isOneway) {
      connection.sendOneway(this.request);
      this.respond(onewayDone());
      return;
    }
    this.#connection = connection;
    connection.send(this);
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
    if (why.isAbandoned === true) connection?.abandon(this);
    else connection?.detach(this);
  }

  // For the connection

  respond(response: ThriftResponse): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#reply.start(response);
    this.#reply.end(null);
  }

  finish(why: Failure): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#reply.end(why);
  }
}
