// One caller's connection: requests in, responses out, in order, one at a time.
import { abandoned, failure, halfClosed } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { endSoon, lingeringClose } from "../../../src/net/lingering-close.ts";
import { writeCopy } from "../../../src/net/outlet.ts";
import { peerInfo } from "../../../src/net/peer-info.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import { IncomingBody } from "../codec/incoming-body.ts";
import type { BodySource } from "../codec/incoming-body.ts";
import type { BodyTarget } from "../codec/outgoing-body.ts";
import { refusal } from "../codec/refusal.ts";
import type { RequestHead } from "../codec/request-head.ts";
import { lateHead } from "../codec/request-reader.ts";
import type { RefusedBytes } from "../codec/request-reader.ts";
import type { Tunnel } from "../message.ts";
import { respondToRefusal, ServerCall } from "./call.ts";
import { expiryOf } from "./expiry.ts";
import { RequestInput } from "./input.ts";
import type { ConnectionState, InputOwner } from "./input.ts";
import type { ServerSettings } from "./settings.ts";
import { KeepAlive } from "./keep-alive.ts";
import { noFilesLeft } from "./no-files.ts";
import { ConnectionTimer } from "./timer.ts";
import { joinTunnel } from "./tunnel.ts";
import type { WhenOver } from "./tunnel.ts";

/*
 * head -> busy -> head        a request, its response, the next request; pipelined input waits
 * busy -> draining -> head    the response ended before the request's body: the rest is discarded
 * head, busy, draining -> closing   the last response is written; input is read and discarded, since
 *                                   a reset could take the response from the caller
 * busy -> tunnel              101: bytes both ways until one side ends
 * any -> closed
 */
export class ServerConnection implements Receiver, InputOwner, BodySource, BodyTarget {
  readonly link: SocketLink;
  readonly settings: ServerSettings;
  readonly peer: PeerInfo;
  /** See `InputOwner`. */
  state: ConnectionState = "head";
  body: IncomingBody | null = null;
  readonly #input: RequestInput;
  readonly #timer: ConnectionTimer;
  readonly keepAlive: KeepAlive;
  #call: ServerCall | null = null;
  /** The caller sends no more. */
  #hasFin = false;

  constructor(link: SocketLink, settings: ServerSettings) {
    const { clock, limits } = settings;
    this.link = link;
    this.settings = settings;
    this.peer = peerInfo(link.socket);
    this.#input = new RequestInput(this, limits);
    this.#timer = new ConnectionTimer(clock, limits, () => this.#timedOut());
    this.keepAlive = new KeepAlive(clock, limits, this.#timer);
    link.receiver = this;
    settings.opened(this);
    this.#timer.awaitRequest();
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#input.received(buffer, length);
  }

  ended(): void {
    this.#hasFin = true;
    this.#input.ended();
    if (this.state === "busy" && this.body === null) this.#timer.awaitResponse();
  }

  drained(): void {
    this.#call?.drained();
    // The caller reads again, so its idle time begins.
    if (this.#isIdle) this.keepAlive.awaitRequest();
    this.#input.advance(); // the next request may have waited for room
  }

  /** The caller keeps sending requests without reading the responses. */
  held(): void {
    if (this.state === "head") this.watchStall();
  }

  closed(): void {
    this.#closedBecause(abandoned("the caller closed the connection"));
  }

  #closedBecause(why: Failure): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#timer.close();
    const call = this.#call;
    this.#call = null;
    call?.callerDisconnected(why);
    this.body?.fail(why);
    this.settings.closed(this);
  }

  // InputOwner

  headBegun(): void {
    this.#timer.awaitHead();
  }

  bodyAwaited(): void {
    this.#timer.awaitShortBody();
  }

  requestRead(read: RequestHead): void {
    const { request, framing, closes } = read;
    if (closes) this.keepAlive.isLast = true;
    if (framing.kind === "none") {
      request.expectsContinue = false; // nothing to wait for
    } else {
      this.body = new IncomingBody(framing, this.settings.limits, this);
      request.body = this.body;
      request.replayable = false;
      request.upgrade = null; // not in the middle of a message
    }
    this.state = "busy";
    // A caller may send its requests and a FIN together.
    if (this.#hasFin) this.#timer.awaitResponse();
    else this.#timer.clear();
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#call = call;
    call.run();
  }

  requestRefused(bytes: RefusedBytes): void {
    respondToRefusal(this, bytes);
    this.#close();
  }

  bodyFlowed(): void {
    this.watchStall();
  }

  bodyOverdrained(): void {
    if (this.state === "draining") this.#close();
    else this.keepAlive.isLast = true; // closed when the response in progress has been written
  }

  inputEnded(): void {
    switch (this.state) {
      case "head":
      case "draining":
        return this.#close();
      case "busy":
        this.keepAlive.isLast = true; // a caller that sends no more may still read the response
        if (this.body === null) return undefined;
        return this.#refuseBody(400, "the request's body ended before it was complete");
      case "tunnel":
        return this.link.receiver.ended();
      case "closing":
      case "closed":
        return undefined;
      default:
        return this.state satisfies never;
    }
  }

  // BodySource

  bodyWants(): void {
    this.#call?.bodyWanted(this.#input.isEmpty);
    this.watchStall();
    this.#input.advance();
  }

  bodyCancelled(): void {
    this.#input.advance();
  }

  bodyEnded(): void {
    this.body = null;
    if (this.state === "draining") this.#next();
    else this.#input.advance();
  }

  bodyBroke(problem: string): void {
    if (this.state === "draining") this.#close();
    else this.#refuseBody(400, `the request's body is malformed: ${problem}`);
  }

  // BodyTarget

  write(text: string): void {
    this.link.write(text);
  }

  writeCopy(bytes: Uint8Array, before: string, after: string): boolean {
    const hasRoom = writeCopy(this.link.socket, bytes, before, after);
    if (!hasRoom) this.watchStall();
    return hasRoom;
  }

  // For the call

  /** Decides, for good, whether the connection closes after the response about to be written. */
  decideLast(): boolean {
    return this.keepAlive.decideLast(this.body, this.#call?.awaitsContinue === true);
  }

  /** The call has ended and its response has been written. */
  completed(call: ServerCall): void {
    if (this.#call !== call) return;
    this.#call = null;
    if (this.state !== "busy") return;
    if (this.keepAlive.isLast) return this.#close();
    if (this.body === null) return this.#next();
    this.state = "draining";
    this.watchStall();
    this.body.cancel();
    this.#input.advance();
    return undefined;
  }

  /** The response broke after its head: only closing early can still signal it. */
  destroy(): void {
    this.link.socket.destroy();
  }

  /** Closes the connection unless something flows from now on. */
  watchStall(): void {
    this.#timer.awaitFlow();
  }

  /** Both sides agreed on another protocol; the 101 has been written. */
  becomeTunnel(tunnel: Tunnel, whenOver: WhenOver): void {
    this.state = "tunnel";
    this.#timer.close();
    joinTunnel(this.link, tunnel, this.settings, (fromCaller, fromEndpoint) => {
      this.#call = null;
      whenOver(fromCaller, fromEndpoint);
      tunnel.closed();
      this.closed();
    });
    this.#input.advance(); // for bytes that the caller sent right behind its request
  }

  // For the listener

  get idleSinceMs(): number {
    return this.#isIdle ? this.keepAlive.idleSinceMs : Infinity;
  }

  /**
   * Closes after the next response that can say so: callers may send another request until they have
   * read `Connection: close`. Idle connections stay open for a moment.
   */
  drain(): void {
    this.keepAlive.drain();
    if (this.#isIdle) this.keepAlive.awaitRequest();
  }

  abort(why: Failure): void {
    if (this.#call?.hasStarted === false) this.#abort(why);
    else this.destroy();
  }

  /** A caller that has only just connected may have sent a request, which has to get a response. */
  makeRoom(): void {
    if (!this.keepAlive.isUnused) return this.destroy();
    this.state = "closing";
    this.#timer.close();
    return endSoon(this.link.socket, noFilesLeft);
  }

  #next(): void {
    if (this.keepAlive.isLast) return this.#close();
    this.state = "head";
    this.keepAlive.awaitNext();
    if (!this.link.hasRoom) this.held();
    this.#input.advance();
    return undefined;
  }

  get #isIdle(): boolean {
    return this.state === "head" && !this.#input.isReadingHead;
  }

  #refuseBody(status: 400 | 408, detail: string): void {
    this.keepAlive.isLast = true;
    this.#abort(refusal(status, detail));
  }

  /** Ends the request early: the caller gets `why` unless a response has begun. */
  #abort(why: Failure): void {
    const [call, body] = [this.#call, this.body];
    this.body = null;
    call?.refuse(why);
    body?.fail(failure("cancelled", why.detail));
  }

  #close(): void {
    const { clock, limits } = this.settings;
    this.state = "closing";
    this.body = null;
    this.#timer.close();
    const closed = () => this.closed();
    lingeringClose(this.link, { clock, stallTimeoutMs: limits.stallTimeoutMs, closed });
  }

  #timedOut(): void {
    const expiry = expiryOf(this, this.#input.isReadingHead, this.#call, this.#hasFin);
    switch (expiry) {
      case "close":
        return this.#close();
      case "late-head":
        return this.#input.stopAwaitingBody() ? undefined : this.requestRefused(lateHead);
      case "late-body":
        return this.#refuseBody(408, "the request's body did not come in time");
      case "half-closed":
        // Most clients whose time-outs end a call close both sides, which looks like this from here.
        this.#closedBecause(halfClosed(this.settings.limits.halfCloseGraceMs));
        return this.destroy();
      case "unread":
        return this.destroy();
      case "none":
        return undefined;
      default:
        return expiry satisfies never;
    }
  }
}
