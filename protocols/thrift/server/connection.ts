// One caller's connection: calls in, several at a time, and answers out in the order of the calls.
import { Buffer } from "node:buffer";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Drainable } from "../../../src/net/connections.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import { peerInfo } from "../../../src/net/peer-info.ts";
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import { lingeringClose } from "../../../src/net/lingering-close.ts";
import { responseBytes } from "../codec/response-writer.ts";
import { RequestReader } from "../codec/request-reader.ts";
import { maxEnvelopeBytes } from "../codec/envelope.ts";
import { emptyReplyFrame } from "../codec/exception.ts";
import { ServerCall } from "./call.ts";
import { mayIdentify, refusalFor, inTransport } from "../codec/malformed-reply.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import type { RequestConsumer, Malformed } from "../codec/request-reader.ts";
import type { ServerSettings } from "./settings.ts";
import type { ThriftRequest } from "../message.ts";

/*
 * open -> refusing -> closing    what came cannot be a call: answers that are owed go first, and
 *                                its name is awaited, to answer it
 * open -> closing                the last answer is written; what still comes is thrown away
 * any -> closed                  the socket is gone; one-way calls may still be under way
 */
type State = "open" | "refusing" | "closing" | "closed";

export class ServerConnection implements Receiver, Consumer, RequestConsumer, Drainable {
  readonly settings: ServerSettings;
  readonly peer: PeerInfo;
  readonly #link: SocketLink;
  readonly #input: InputBuffer;
  readonly #reader: RequestReader;
  readonly #alarm: Alarm;
  readonly #openedMs: number;
  #state: State = "open";
  /** The calls that owe an answer, in the order in which they came. */
  #first: ServerCall | null = null;
  #last: ServerCall | null = null;
  /** Calls begun and not ended or not answered, one-way ones included. */
  #inProgress = 0;
  /** Bytes of those calls, and of the answers to them that wait for their turn. */
  #heldBytes = 0;
  #isFlushing = false;
  /** No call after those that are in progress. */
  #isFinishing = false;
  #isDestroyed = false;
  /** What is refused, and what has come of it. */
  #malformed: Malformed | null = null;
  #malformedBytes: Buffer = Buffer.alloc(0);
  #hasAllInput = false;

  constructor(link: SocketLink, settings: ServerSettings) {
    const { clock, limits } = settings;
    this.settings = settings;
    this.peer = peerInfo(link.socket);
    this.#link = link;
    this.#input = new InputBuffer(link, this);
    this.#reader = new RequestReader(settings, this.peer, this);
    this.#alarm = new Alarm(clock, () => this.#timedOut());
    this.#openedMs = clock.nowMs();
    link.receiver = this;
    settings.opened(this);
    if (limits.idleTimeMs !== Infinity || limits.lifeTimeMs !== Infinity) this.#watch();
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#input.received(buffer, length);
    if (this.#reader.heldBytes > 0) this.#watch();
  }

  ended(): void {
    this.#input.ended();
  }

  drained(): void {
    this.#input.advance(); // calls may have waited for room
    if (this.#state === "open") this.#watch();
  }

  /** A caller that calls and does not read. */
  held(): void {
    this.#watch();
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#alarm.close();
    this.settings.onConnections(-1);
    const why = failure("cancelled", "the caller closed the connection");
    for (let call = this.#first; call !== null; call = call.next) call.cancel(why);
    if (this.#inProgress === 0 || this.#isDestroyed) this.settings.closed(this);
  }

  // Consumer

  get readAheadBytes(): number {
    return this.#state === "open" && !this.#acceptsCalls ? 0 : Infinity;
  }

  consume(buffer: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case "open":
        return this.#acceptsCalls ? this.#reader.push(buffer, start, end) : start;
      case "refusing":
        this.#gather(buffer, start, end);
        return end;
      case "closing":
      case "closed":
        return end;
      default:
        return this.#state satisfies never;
    }
  }

  inputEnded(): void {
    this.#hasAllInput = true;
    if (this.#state === "refusing") return this.#refuse();
    if (this.#state !== "open") return undefined;
    const { heldBytes } = this.#reader;
    if (heldBytes > 0) this.#warn(`the connection ended within a call, ${heldBytes} bytes into it`);
    this.#closeAfterResponses(); // whoever sends no more may still want answers
    return this.#watch();
  }

  // CallTaker

  call(request: ThriftRequest): boolean {
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#begin(call);
    call.run();
    return this.#acceptsCalls;
  }

  /** Agrees; the answers to calls before it come first. */
  upgrade(request: ThriftRequest): boolean {
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#begin(call);
    const { transport } = this.settings;
    call.respondWith(inTransport(emptyReplyFrame(request), false, transport === "buffered"));
    return this.#acceptsCalls;
  }

  malformed(what: Malformed): void {
    this.#warn(what.reason);
    this.settings.onMalformed(this.peer, what.reason);
    this.#malformed = what;
    this.#malformedBytes = Buffer.from(what.received);
    this.#state = "refusing";
    this.#watch();
    this.#refuse();
  }

  // For calls

  callEnded(call: ServerCall): void {
    const { request } = call;
    this.#heldBytes += call.heldResponseBytes;
    if (request.isOneway) this.#callIsOver(call);
    else if (this.#state === "closed" || this.#state === "closing") this.#dropResponses();
    else if (call === this.#first && !this.#isFlushing) this.#flush();
  }

  // For the listener

  /** No more calls: closed now when none is in progress, else after the answers that are owed. */
  drain(): void {
    this.#isFinishing = true;
    if (this.#state === "open" && this.#reader.heldBytes === 0) this.#closeAfterResponses();
  }

  abort(why: Failure): void {
    if (this.#first === null || this.#state !== "open") return this.destroy();
    this.#isFinishing = true;
    for (let call: ServerCall | null = this.#first; call !== null;) {
      const next: ServerCall | null = call.next; // read now: the call may be gone afterwards
      call.abort(why);
      call = next;
    }
  }

  /** At once, and nobody waits for one-way calls that are under way. */
  destroy(): void {
    this.#isDestroyed = true;
    if (this.#state === "closed") this.settings.closed(this);
    else this.#link.socket.destroy();
  }

  get #hasRoom(): boolean {
    return this.#link.hasRoom;
  }

  get #acceptsCalls(): boolean {
    return (
      this.#state === "open" &&
      this.#hasRoom &&
      this.#inProgress < this.settings.limits.maxPipelinedCalls &&
      this.#heldBytes < this.settings.maxFrameBytes &&
      !(this.#isFinishing && this.#reader.heldBytes === 0)
    );
  }

  #begin(call: ServerCall): void {
    this.#inProgress++;
    this.#heldBytes += call.receivedBytes;
    if (call.request.isOneway) return;
    if (this.#last === null) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
  }

  /** Writes the answers that are there, up to the first that is not. */
  #flush(): void {
    const isSeveral = this.#first?.next?.hasEnded === true;
    if (isSeveral) this.#link.socket.cork();
    this.#isFlushing = true;
    for (let call = this.#first; call?.hasEnded === true; call = this.#first) {
      const answer = call.bytes ?? responseBytes(call, this.settings);
      call.sentBytes = answer.length;
      this.#link.writeBytes(answer);
      this.#shift(call);
    }
    this.#isFlushing = false;
    if (isSeveral) this.#link.socket.uncork();
    this.#afterResponses();
  }

  /** Nobody is there to take answers. */
  #dropResponses(): void {
    for (let call = this.#first; call?.hasEnded === true; call = this.#first) this.#shift(call);
  }

  #shift(call: ServerCall): void {
    this.#first = call.next;
    if (this.#first === null) this.#last = null;
    this.#callIsOver(call);
  }

  #callIsOver(call: ServerCall): void {
    const { clock, onCompleted, closed } = this.settings;
    this.#inProgress--;
    this.#heldBytes -= call.receivedBytes + call.heldResponseBytes;
    call.endedMs = clock.nowMs();
    onCompleted(call);
    if (this.#inProgress > 0) return;
    if (this.#state === "closed") closed(this);
    else if (call.request.isOneway) this.#afterResponses();
  }

  #afterResponses(): void {
    if (this.#state === "refusing") return this.#refuse();
    if (this.#state !== "open") return undefined;
    if (this.#isFinishing && this.#inProgress === 0 && this.#awaitsNothing) return this.#close();
    this.#watch();
    return this.#input.advance(); // calls may have waited for their turn
  }

  /** No call has come in part, or its rest never will. */
  get #awaitsNothing(): boolean {
    return this.#reader.heldBytes === 0 || this.#hasAllInput;
  }

  #closeAfterResponses(): void {
    this.#isFinishing = true;
    if (this.#inProgress === 0) this.#close();
  }

  /** More of what is refused: its name may be in it. */
  #gather(buffer: Buffer, start: number, end: number): void {
    if (this.#malformedBytes.length >= maxEnvelopeBytes || this.#malformed?.mayContinue !== true)
      return;
    this.#malformedBytes = Buffer.concat([this.#malformedBytes, buffer.subarray(start, end)]);
    this.#refuse();
  }

  /** When no answer is owed: answers what is refused, as far as it tells what it is, and closes. */
  #refuse(): void {
    const what = this.#malformed;
    if (this.#first !== null || this.#state !== "refusing") return undefined;
    if (what === null) return this.#close();
    const answer = refusalFor(what, this.#malformedBytes);
    const waits = answer === null && !this.#hasAllInput && mayIdentify(what, this.#malformedBytes);
    if (waits) return undefined;
    if (answer !== null) this.#link.socket.write(answer);
    return this.#close();
  }

  #close(): void {
    const { clock, limits } = this.settings;
    this.#state = "closing";
    this.#alarm.close();
    const closed = () => this.closed();
    lingeringClose(this.#link, { clock, stallTimeoutMs: limits.stallTimeoutMs, closed });
  }

  #warn(reason: string): void {
    const { remoteHost, remotePort } = this.peer;
    const peer = `${remoteHost}:${remotePort}`;
    this.settings.log.warn({ event: "bad-thrift-input", peer, reason });
  }

  /** Sets the time by which something has to happen; see `#timedOut`. */
  #watch(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const { idleTimeMs, lifeTimeMs, stallTimeoutMs } = this.settings.limits;
    const nowMs = this.settings.clock.nowMs();
    if (this.#isStalling) return this.#alarm.set(nowMs + stallTimeoutMs);
    if (idleTimeMs === Infinity && lifeTimeMs === Infinity) return this.#alarm.clear();
    return this.#alarm.set(Math.min(nowMs + idleTimeMs, this.#openedMs + lifeTimeMs));
  }

  get #isStalling(): boolean {
    if (this.#state === "refusing" || this.#hasAllInput) return true;
    return this.#reader.heldBytes > 0 || !this.#hasRoom;
  }

  #timedOut(): void {
    if (this.#state === "closing" || this.#state === "closed") return undefined;
    const { stallTimeoutMs, lifeTimeMs } = this.settings.limits;
    if (!this.#hasRoom) return this.destroy();
    if (this.#state === "refusing") return this.#first === null ? this.#close() : this.#watch();
    if (this.#reader.heldBytes > 0 && !this.#hasAllInput) {
      this.#warn(`the rest of a call did not come for ${stallTimeoutMs} ms`);
      this.#state = "refusing";
      this.#watch();
      return this.#refuse();
    }
    // It sent a FIN, and one that still wants answers would not wait so long for the next.
    if (this.#hasAllInput && this.#first !== null) return void this.#link.socket.destroy();
    if (this.settings.clock.nowMs() >= this.#openedMs + lifeTimeMs)
      return this.#closeAfterResponses();
    return this.#inProgress === 0 ? this.#closeAfterResponses() : this.#watch();
  }
}
