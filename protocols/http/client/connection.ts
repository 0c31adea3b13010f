// One connection to an endpoint: one call at a time, returned to the pool only when it is clean.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import { writeCopy } from "../../../src/net/outlet.ts";
import type { Pool, PoolMember } from "../../../src/net/pool.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import { lastScan, scanHead } from "../codec/head-scanner.ts";
import { listOf } from "../codec/header-fields.ts";
import { IncomingBody } from "../codec/incoming-body.ts";
import type { BodySource } from "../codec/incoming-body.ts";
import type { BodyTarget } from "../codec/outgoing-body.ts";
import { problemText } from "../codec/refusal.ts";
import { readResponse } from "../codec/response-head.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import { awaitsWholeBody, takeWholeBody } from "../codec/response-reader.ts";
import type { ClientCall } from "./call.ts";
import type { ClientSettings } from "./settings.ts";

/*
 * idle -> head -> body -> idle    a call; without a body `body` is skipped
 * body -> draining -> idle        the rest of the response is unwanted
 * head -> tunnel                  101: the link has a new owner
 * any -> closed
 */
type State = "idle" | "head" | "body" | "draining" | "tunnel" | "closed";

/** Interim responses to one request; an endpoint that sends more is flooding. */
const maxInterims = 16;
/** Time limit for draining an unwanted response. */
const drainTimeMs = 1_000;

export class ClientConnection implements Receiver, Consumer, BodySource, BodyTarget, PoolMember {
  openedMs = 0;
  idleSinceMs = 0;
  readonly #link: SocketLink;
  readonly #settings: ClientSettings;
  readonly #pool: Pool<ClientConnection>;
  readonly #inlet: InputBuffer;
  #state: State = "idle";
  #call: ClientCall | null = null;
  #body: IncomingBody | null = null;
  calls = 0;
  #interims = 0;
  /** Some bytes of the current response have been received. */
  #hasResponseBytes = false;
  /** The endpoint closes after this response, or its framing can no longer be trusted. */
  #isLast = false;

  constructor(link: SocketLink, settings: ClientSettings, pool: Pool<ClientConnection>) {
    this.#link = link;
    this.#settings = settings;
    this.#pool = pool;
    this.#inlet = new InputBuffer(link, this);
    link.receiver = this;
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#settings.stats.receivedBytes.value += length;
    this.#inlet.received(buffer, length);
  }

  ended(): void {
    this.#inlet.ended();
  }

  drained(): void {
    this.#call?.drained();
  }

  closed(error: Error | null): void {
    this.#lost(
      error === null ? "closed the connection" : `broke the connection (${error.message})`,
    );
  }

  // Consumer

  get readAheadBytes(): number {
    if (this.#state === "tunnel") return 0;
    return this.#body !== null && !this.#body.wants ? 0 : Infinity;
  }

  consume(buffer: Buffer, start: number, end: number): number {
    let at = start;
    for (;;) {
      const before = at;
      const state = this.#state;
      at = this.#consumeOnce(buffer, at, end);
      if (at >= end || (at === before && state === this.#state)) return at;
    }
  }

  inputEnded(): void {
    if (this.#body?.peerEnded() === true) this.#responseEnded();
    else this.#lost("closed the connection");
  }

  // BodySource

  bodyWants(): void {
    this.#inlet.advance();
  }

  bodyCancelled(): void {
    const call = this.#call;
    this.#call = null;
    if (call === null || call.isSent) this.#drain();
    else this.close();
    call?.finish(null); // the unwanted rest is not an error
  }

  bodyEnded(): void {} // `#consumeBody` checks `isDone`

  bodyBroke(problem: string): void {
    this.#malformed(problem);
  }

  // BodyTarget

  write(text: string): void {
    this.#settings.stats.sentBytes.value += text.length;
    this.#link.write(text);
  }

  writeBytes(bytes: Uint8Array): void {
    this.#settings.stats.sentBytes.value += bytes.length;
    this.#link.socket.write(bytes);
  }

  writeCopy(bytes: Uint8Array, before: string, after: string): boolean {
    this.#settings.stats.sentBytes.value += before.length + bytes.length + after.length;
    return writeCopy(this.#link.socket, bytes, before, after);
  }

  // For the call

  /** The call writes its request next. */
  begin(call: ClientCall): void {
    if (this.#state !== "idle")
      throw new Error(`bug: a call on a connection that is ${this.#state}`);
    this.#state = "head";
    this.#call = call;
    this.calls++;
    this.#interims = 0;
    this.#hasResponseBytes = false;
    this.#isLast = false;
  }

  /** The call has ended early. The rest of the response is drained when it is short. */
  detach(call: ClientCall): void {
    if (this.#call !== call) return;
    if (this.#body === null || !call.isSent) return this.close();
    this.#call = null;
    this.#body.cancel();
    return undefined;
  }

  // PoolMember

  /** Destroys the socket. A call in progress fails. */
  close(): void {
    this.#lost("was disconnected from");
  }

  #consumeOnce(buffer: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case "head":
        this.#hasResponseBytes = true;
        return this.#consumeHead(buffer, start, end);
      case "body":
      case "draining":
        return this.#consumeBody(buffer, start, end);
      case "idle":
        // Unsolicited bytes must never reach the next caller.
        this.close();
        return end;
      case "tunnel":
        return start;
      case "closed":
        return end;
      default:
        return this.#state satisfies never;
    }
  }

  #consumeHead(buffer: Buffer, start: number, end: number): number {
    const call = this.#call;
    if (call === null) throw new Error("bug: a response is expected without a call");
    const { limits, maxWholeBodyBytes } = this.#settings.options;
    const result = scanHead("response", buffer, start, end, limits);
    if (result === "more") return start;
    if (result !== null) return this.#malformed(problemText(result), end);
    const { headEnd } = lastScan;
    const head = readResponse(buffer, end, call.request.method === "HEAD");
    if (typeof head === "string") return this.#malformed(head, end);
    const { status, fields } = head.response;
    if (status === 101) return this.#switch(call, head, buffer.subarray(headEnd, end), end);
    if (status >= 200) {
      return awaitsWholeBody(head, end - headEnd, maxWholeBodyBytes)
        ? start
        : this.#final(call, head, buffer, headEnd, end);
    }
    if (++this.#interims > maxInterims) return this.#malformed("too many interim responses", end);
    call.interim(status, fields);
    return headEnd;
  }

  #final(call: ClientCall, head: ResponseHead, buffer: Buffer, start: number, end: number): number {
    const { response, framing } = head;
    const staysOpen = call.request.version === "1.0" ? head.keepsAlive : !head.closes;
    this.#isLast = !staysOpen || head.closes || framing.kind === "until-close";
    const { limits } = this.#settings.options;
    const stop = takeWholeBody(head, buffer, start, end, limits);
    if (stop >= 0) {
      if (stop < end) this.#isLast = true; // more than was announced
      call.responded(response);
      if (this.#call === call) this.#responseEnded();
      return stop;
    }
    this.#body = new IncomingBody(framing, limits, this);
    this.#state = "body";
    response.body = this.#body;
    call.responded(response);
    return start;
  }

  #switch(call: ClientCall, head: ResponseHead, rest: Uint8Array, end: number): number {
    const { response, upgrade } = head;
    const asked = call.request.upgrade;
    if (asked === null || upgrade === null || !listOf(asked).includes(upgrade.toLowerCase())) {
      return this.#malformed("it switched to a protocol that was not requested", end);
    }
    this.#state = "tunnel";
    this.#link.socket.pause();
    const first = Uint8Array.from(rest);
    response.upgrade = {
      protocol: upgrade,
      take: () => ({ link: this.#link, head: first }),
      closed: () => {
        this.#state = "closed";
        this.#pool.gone(this);
        call.finish(null);
      },
    };
    call.responded(response);
    return end;
  }

  #consumeBody(buffer: Buffer, start: number, end: number): number {
    const body = this.#body;
    if (body === null) return start;
    const stop = body.consume(buffer, start, end);
    if (this.#body !== body) return stop; // closed during the call
    if (body.isDone) {
      if (stop < end) this.#isLast = true; // more than was announced
      this.#responseEnded();
    } else if (body.discardedBytes > this.#settings.options.maxDrainBytes) this.close();
    return stop;
  }

  /** The connection returns to the pool before the call ends, so that the next call can use it. */
  #responseEnded(): void {
    const call = this.#call;
    this.#call = this.#body = null;
    if (this.#isLast || call?.isSent === false) this.close();
    else {
      this.#state = "idle";
      this.#pool.give(this);
    }
    call?.finish(null);
  }

  #drain(): void {
    const body = this.#body;
    const { clock, options } = this.#settings;
    if (body === null || (body.remainingBytes ?? 0) > options.maxDrainBytes) return this.close();
    this.#state = "draining";
    clock.after(drainTimeMs, () => {
      if (this.#body === body) this.close();
    });
    this.#inlet.advance();
    return undefined;
  }

  #malformed(problem: string, end = 0): number {
    this.#end(failure("malformed", `${this.#settings.name} sent a malformed response: ${problem}`));
    return end;
  }

  #lost(what: string): void {
    const hasResponse = this.#call?.hasResponse === true;
    const when = hasResponse ? "before its response was complete" : "before it responded";
    const detail = `${what} ${when}`;
    this.#end(closedFailure(this.#settings.name, detail, this.#hasResponseBytes));
  }

  #end(why: Failure): void {
    if (this.#state === "closed") return;
    const [call, body] = [this.#call, this.#body];
    this.#state = "closed";
    this.#call = this.#body = null;
    this.#link.socket.destroy();
    this.#pool.gone(this);
    body?.fail(why);
    call?.finish(why);
  }
}

/** The endpoint closed the connection. */
function closedFailure(name: string, what: string, hasResponseBytes: boolean): Failure {
  // The connection may have been closed for idleness while the request was in flight, or by an endpoint
  // that is broken. If the request itself is the cause, requeues give up after a few.
  const retry = hasResponseBytes ? "never" : "if-idempotent";
  return failure("closed", `${name} ${what}`, retry);
}
