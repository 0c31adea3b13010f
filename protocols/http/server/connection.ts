// One caller's connection: requests in, answers out, in order, one at a time.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import { writeCopy } from "../../../src/net/outlet.ts";
import { lingeringClose } from "../../../src/net/lingering-close.ts";
import { openTunnel } from "../../../src/net/tunnel.ts";
import { IncomingBody } from "../codec/incoming-body.ts";
import type { BodySource } from "../codec/incoming-body.ts";
import type { BodyTarget } from "../codec/outgoing-body.ts";
import type { Peer, Tunnel } from "../message.ts";
import { peerOf } from "../peer.ts";
import { refusal } from "../codec/parse-errors.ts";
import { lateHead, RequestReader } from "../codec/request-reader.ts";
import type { RefusedBytes } from "../codec/request-reader.ts";
import type { RequestHead } from "../codec/request-head.ts";
import type { ServerSettings } from "./settings.ts";
import { respondToRefusal, ServerCall } from "./call.ts";

/*
 * head -> busy -> head        a request, its answer, the next one; what was pipelined waits
 * busy -> draining -> head    answered before the request's body ended: the rest is thrown away
 * head, busy, draining -> closing   the last answer is written; input is read and thrown away, so
 *                                   that no reset takes the answer from the caller
 * busy -> tunnel              101: bytes both ways until one side ends
 * any -> closed
 */
type State = "head" | "busy" | "draining" | "closing" | "tunnel" | "closed";

export class ServerConnection implements Receiver, Consumer, BodySource, BodyTarget {
  readonly link: SocketLink;
  readonly settings: ServerSettings;
  readonly peer: Peer;
  readonly #inlet: InputBuffer;
  readonly #reader: RequestReader;
  readonly #alarm: Alarm;
  readonly #openedMs: number;
  #state: State = "head";
  #call: ServerCall | null = null;
  #body: IncomingBody | null = null;
  /** No request after this one. */
  #isLast = false;
  #isReadingHead = false;

  constructor(link: SocketLink, settings: ServerSettings) {
    this.link = link;
    this.settings = settings;
    this.peer = peerOf(link.socket, settings.random);
    this.#inlet = new InputBuffer(link, this);
    this.#reader = new RequestReader(settings.limits, this.peer);
    this.#alarm = new Alarm(settings.clock, () => this.#timedOut());
    this.#openedMs = settings.clock.nowMs();
    link.receiver = this;
    settings.opened(this);
    this.#expectHead();
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#inlet.received(buffer, length);
  }

  ended(): void {
    this.#inlet.ended();
  }

  drained(): void {
    this.#call?.drained();
    // It is not stalled any more: its idle time begins.
    if (this.#state === "head" && !this.#isReadingHead) this.#expectHead();
    this.#inlet.advance(); // the next request may have waited for room
  }

  /** A caller that asks and asks, and does not read. */
  held(): void {
    if (this.#state === "head") this.watchStall();
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#alarm.close();
    const why = failure("cancelled", "the caller closed the connection");
    const call = this.#call;
    this.#call = null;
    call?.callerLeft(why);
    this.#body?.fail(why);
    this.settings.closed(this);
  }

  // Consumer

  get readAheadBytes(): number {
    const { maxPipelinedBytes } = this.settings.limits;
    if (this.#state === "head") return this.link.hasRoom ? Infinity : maxPipelinedBytes;
    if (this.#state !== "busy") return Infinity;
    if (this.#body === null) return maxPipelinedBytes;
    return this.#body.wants && !this.#isOverdrained(this.#body) ? Infinity : 0;
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
    switch (this.#state) {
      case "head":
      case "draining":
        return this.#close();
      case "busy":
        this.#isLast = true; // whoever sends no more may still want the answer
        if (this.#body === null) return this.watchStall();
        return this.#refuseBody("the request's body ended before it was complete");
      case "tunnel":
        return this.link.receiver.ended();
      case "closing":
      case "closed":
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }

  // BodySource

  bodyWants(): void {
    const call = this.#call;
    if (call?.awaitsContinue === true) {
      if (this.#inlet.waitingBytes === 0) call.writeContinue();
      else call.awaitsContinue = false; // it did not wait
    }
    this.watchStall();
    this.#inlet.advance();
  }

  bodyCancelled(): void {
    this.#inlet.advance();
  }

  bodyEnded(): void {
    this.#body = null;
    if (this.#state === "draining") this.#next();
    else this.#inlet.advance();
  }

  bodyBroke(problem: string): void {
    if (this.#state === "draining") this.#close();
    else this.#refuseBody(`the request's body is malformed: ${problem}`);
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

  /** Whether the connection ends with the answer that is about to be written. Then it holds. */
  decideLast(): boolean {
    const { limits, clock } = this.settings;
    const body = this.#body;
    if (body !== null) {
      const isTooMuch = (body.remainingBytes ?? 0) > limits.maxDrainBytes;
      this.#isLast ||= isTooMuch || this.#call?.awaitsContinue === true;
    }
    if (limits.lifeTimeMs !== Infinity) {
      this.#isLast ||= clock.nowMs() - this.#openedMs >= limits.lifeTimeMs;
    }
    return this.#isLast;
  }

  /** The answer in progress is the last, whatever its head said. */
  endAfterAnswer(): void {
    this.#isLast = true;
  }

  /** The call has ended and its answer is written. */
  answered(call: ServerCall): void {
    if (this.#call !== call) return;
    this.#call = null;
    if (this.#state !== "busy") return;
    if (this.#isLast) return this.#close();
    if (this.#body === null) return this.#next();
    this.#state = "draining";
    this.watchStall();
    this.#body.cancel();
    this.#inlet.advance();
    return undefined;
  }

  /** The answer broke after its head: closing early is the only way left to say so. */
  destroy(): void {
    this.link.socket.destroy();
  }

  /** Something should flow from now on. */
  watchStall(): void {
    const { clock, limits } = this.settings;
    if (limits.stallTimeoutMs !== Infinity) this.#alarm.set(clock.nowMs() + limits.stallTimeoutMs);
  }

  /** Both sides agreed on another protocol; the 101 has been written. */
  becomeTunnel(tunnel: Tunnel, whenOver: (fromCaller: number, fromEndpoint: number) => void): void {
    this.#state = "tunnel";
    this.#alarm.close();
    const { link, head } = tunnel.take();
    if (head.length > 0) this.link.socket.write(head);
    const pipe = openTunnel(this.link, link, {
      clock: this.settings.clock,
      idleTimeMs: this.settings.limits.tunnelIdleTimeMs,
      closed: () => {
        this.#call = null;
        whenOver(pipe.bytesFromA, pipe.bytesFromB + head.length);
        tunnel.closed();
        this.closed();
      },
    });
    this.#inlet.advance(); // what the caller sent right behind its request
  }

  // For the listener

  /** No more requests: closed now when idle, else after the answer that is owed. */
  drain(): void {
    this.#isLast = true;
    if (this.#state === "head" && !this.#isReadingHead) this.#close();
  }

  giveUp(why: Failure): void {
    if (this.#call?.hasStarted === false) this.#abort(why);
    else this.destroy();
  }

  #consumeOnce(buffer: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case "head":
        return this.link.hasRoom ? this.#consumeHead(buffer, start, end) : start;
      case "busy":
      case "draining":
        return this.#consumeBody(buffer, start, end);
      case "tunnel":
        // Read before the tunnel was there.
        this.link.receiver.received(buffer.subarray(start, end), end - start);
        return end;
      case "closing":
      case "closed":
        return end;
      default:
        return this.#state satisfies never;
    }
  }

  #consumeHead(buffer: Buffer, start: number, end: number): number {
    const read = this.#reader.read(buffer, start, end);
    if (read === "more") {
      this.#startReadingHead();
      return start;
    }
    this.#isReadingHead = false;
    if ("refusal" in read) {
      this.#refuse(read);
      return end;
    }
    this.#begin(read);
    return read.end;
  }

  #begin(read: RequestHead): void {
    const { request, framing, closes } = read;
    if (closes) this.#isLast = true;
    if (framing.kind === "none") {
      request.expectsContinue = false; // nothing to wait for
    } else {
      this.#body = new IncomingBody(framing, this.settings.limits, this);
      request.body = this.#body;
      request.replayable = false;
      request.upgrade = null; // not in the middle of a message
    }
    this.#state = "busy";
    this.#alarm.clear();
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#call = call;
    call.run();
  }

  #consumeBody(buffer: Buffer, start: number, end: number): number {
    const body = this.#body;
    if (body === null || this.#isOverdrained(body)) return start;
    const stop = body.consume(buffer, start, end);
    if (this.#body !== null && stop > start) this.watchStall();
    if (this.#isOverdrained(body)) {
      if (this.#state === "draining") this.#close();
      else this.#isLast = true; // closed when the answer in progress is written
    }
    return stop;
  }

  #isOverdrained(body: IncomingBody): boolean {
    return body.discardedBytes > this.settings.limits.maxDrainBytes;
  }

  #startReadingHead(): void {
    if (this.#isReadingHead) return;
    this.#isReadingHead = true;
    const { clock, limits } = this.settings;
    this.#alarm.set(clock.nowMs() + limits.headerReadTimeoutMs);
  }

  #expectHead(): void {
    const { clock, limits } = this.settings;
    const { idleTimeMs, lifeTimeMs } = limits;
    if (idleTimeMs === Infinity && lifeTimeMs === Infinity) return this.#alarm.clear();
    const idleEndsMs = clock.nowMs() + idleTimeMs;
    return this.#alarm.set(Math.min(idleEndsMs, this.#openedMs + lifeTimeMs));
  }

  #next(): void {
    if (this.#isLast) return this.#close();
    this.#state = "head";
    this.#expectHead();
    if (!this.link.hasRoom) this.held();
    this.#inlet.advance();
    return undefined;
  }

  #refuse(bytes: RefusedBytes): void {
    respondToRefusal(this, bytes);
    this.#close();
  }

  #refuseBody(detail: string): void {
    const why = refusal(400, detail);
    this.#isLast = true;
    this.#abort(why);
  }

  /** The caller broke off its request: it gets `why` when no answer has begun. */
  #abort(why: Failure): void {
    const [call, body] = [this.#call, this.#body];
    this.#body = null;
    call?.refuse(why);
    body?.fail(failure("cancelled", why.detail));
  }

  #close(): void {
    const { clock, limits } = this.settings;
    this.#state = "closing";
    this.#body = null;
    this.#alarm.close();
    const closed = () => this.closed();
    lingeringClose(this.link, { clock, stallTimeoutMs: limits.stallTimeoutMs, closed });
  }

  #timedOut(): void {
    switch (this.#state) {
      case "head":
        if (!this.#isReadingHead) return this.#close();
        return this.#refuse(lateHead);
      case "busy":
        return this.#stalled();
      case "draining":
        return this.#close();
      case "closing":
      case "tunnel":
      case "closed":
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }

  #stalled(): void {
    if (!this.link.hasRoom) return this.destroy();
    if (this.#call?.hasStarted !== false) return undefined;
    // It sent a FIN, and one that still wants the answer would not wait so long for it to begin.
    if (this.link.socket.readableEnded) return this.destroy();
    if (this.#body?.wants !== true) return undefined;
    this.#isLast = true;
    return this.#abort(refusal(408, "the request's body did not come in time"));
  }
}
