// One connection to an endpoint: one call at a time, and back to the pool only in a clean state.
import { Buffer } from "node:buffer";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import type { Pool, PoolMember } from "../../../src/net/pool.ts";
import { ResponseReader } from "../codec/response-reader.ts";
import type { ClientCall } from "./call.ts";
import type { ClientSettings } from "./settings.ts";
import { frameOf, messageFrame } from "../codec/frame.ts";
import type { ThriftRequest, ThriftResponse } from "../message.ts";
import { OnewayCalls } from "./oneway-calls.ts";

/*
 * idle -> busy -> idle        a call and its response
 * idle -> flushing -> idle    a one-way call that the endpoint is slow to read
 * busy -> draining -> idle    the call was cancelled; its response has to arrive first
 * any -> closed
 */
type State = "idle" | "busy" | "flushing" | "draining" | "closed";

/** Time limit for the response to a cancelled call; then the connection is closed. */
const drainTimeoutMs = 1_000;

const unsolicited = "nothing was asked";

export class ClientConnection implements Receiver, PoolMember {
  openedMs = 0;
  idleSinceMs = 0;
  readonly #link: SocketLink;
  readonly #settings: ClientSettings;
  readonly #pool: Pool<ClientConnection>;
  readonly #isUpgraded: boolean;
  readonly #reader: ResponseReader;
  readonly #oneways = new OnewayCalls();
  #state: State = "idle";
  #call: ClientCall | null = null;
  /** The request whose response has to arrive next, even if its call was cancelled. */
  #awaited: ThriftRequest | null = null;
  calls = 0;

  constructor(
    link: SocketLink,
    settings: ClientSettings,
    pool: Pool<ClientConnection>,
    isUpgraded: boolean,
  ) {
    this.#link = link;
    this.#settings = settings;
    this.#pool = pool;
    this.#isUpgraded = isUpgraded;
    this.#reader = new ResponseReader(settings.options, isUpgraded);
    link.receiver = this;
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#settings.stats.receivedBytes.value += length;
    const awaited = this.#awaited;
    const reader = this.#reader;
    for (let at = 0; at < length;) {
      if (awaited === null && this.#oneways.isEmpty) return this.close(); // the next caller must not get it
      at = reader.push(buffer, at, length);
      const { response, problem } = reader;
      if (problem !== null) return this.#malformed(problem);
      // Unsolicited bytes that are not all here would come between the next call and its response.
      if (response === null) return awaited === null ? this.close() : undefined;
      if (this.#isToOneway(response)) {
        reader.response = null;
        continue;
      }
      const mismatch = awaited === null ? unsolicited : reader.mismatch(awaited);
      if (mismatch !== null) return this.#malformed(mismatch);
      return this.#responded(at === length);
    }
    return undefined;
  }

  ended(): void {
    this.#lost("closed the connection");
  }

  drained(): void {
    if (this.#state === "flushing") this.#rest();
  }

  closed(error: Error | null): void {
    this.#lost(
      error === null ? "closed the connection" : `broke the connection (${error.message})`,
    );
  }

  // For the call

  send(call: ClientCall): void {
    this.#state = "busy";
    this.#call = call;
    this.#awaited = call.request;
    this.calls++;
    this.#link.writeBytes(this.#counted(call.request), true);
  }

  sendOneway(request: ThriftRequest): void {
    this.#state = "flushing";
    this.calls++;
    this.#oneways.sent(request);
    // Back to the pool only when flushed: bytes that an endpoint does not read must not pile up.
    if (this.#link.socket.write(this.#counted(request))) this.#rest();
  }

  /** The call has ended early: its response is awaited and dropped. */
  detach(call: ClientCall): void {
    if (this.#call !== call) return;
    const awaited = this.#awaited;
    this.#call = null;
    this.#state = "draining";
    this.#settings.clock.after(drainTimeoutMs, () => {
      if (this.#state === "draining" && this.#awaited === awaited) this.close();
    });
  }

  /** The caller has left. Thrift has no message for that: only a close tells the endpoint. */
  abandon(call: ClientCall): void {
    if (this.#call === call) this.close();
  }

  /** Whether the last response is to a one-way call sent earlier. */
  #isToOneway(response: ThriftResponse): boolean {
    if (this.#oneways.isEmpty) return false;
    if (this.#awaited !== null && this.#reader.isNamedLike(this.#awaited)) return false;
    return this.#oneways.take(response);
  }

  // PoolMember

  /** Destroys the socket. A call in progress fails. */
  close(): void {
    this.#lost("was disconnected from");
  }

  #counted(request: ThriftRequest): Buffer {
    const bytes = this.#bytesOf(request);
    this.#settings.stats.sentBytes.value += bytes.length;
    return bytes;
  }

  /** The message is the caller's own bytes. */
  #bytesOf(request: ThriftRequest): Buffer {
    const { frame, messageAt, transportHeaders } = request;
    const isBuffered = this.#settings.options.transport === "buffered";
    if (transportHeaders.header !== null) return frame;
    if (!this.#isUpgraded) {
      return isBuffered ? frame.subarray(messageAt) : messageFrame(frame, messageAt);
    }
    const parts = [...this.#settings.headerFor(request), frame.subarray(messageAt)];
    if (isBuffered) return Buffer.concat(parts);
    return frameOf(parts);
  }

  /** Back to the pool before the call ends, so that the caller's next call can use it. */
  #responded(isClean: boolean): void {
    const { response } = this.#reader;
    const call = this.#call;
    this.#call = this.#awaited = null;
    this.#reader.response = null;
    if (isClean) this.#rest();
    else this.close(); // more bytes than the response
    if (response !== null) call?.respond(response);
  }

  #rest(): void {
    this.#state = "idle";
    this.#pool.give(this);
  }

  #malformed(problem: string): void {
    const { name } = this.#settings;
    this.#end(
      this.#reader.isShortage
        ? failure("exhausted", `the response of ${name} was dropped: ${problem}`)
        : failure("malformed", `${name} sent a malformed response: ${problem}`),
    );
  }

  #lost(what: string): void {
    const detail = `${this.#settings.name} ${what} before it responded`;
    // The connection may have been closed for idleness while the call was on its way, or by an endpoint
    // that is broken. If the call itself is the cause, requeues give up after a few.
    const retry = this.#reader.heldBytes === 0 ? "if-idempotent" : "never";
    this.#end(failure("closed", detail, retry));
  }

  #end(why: Failure): void {
    if (this.#state === "closed") return;
    const call = this.#call;
    this.#state = "closed";
    this.#call = this.#awaited = null;
    this.#reader.close();
    this.#link.socket.destroy();
    this.#pool.gone(this);
    call?.finish(why);
  }
}
