// One caller's connection: calls in, several at a time, and responses out in the order of the calls.
import type { Buffer } from "node:buffer";
import { abandoned, halfClosed } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Drainable } from "../../../src/net/connections.ts";
import { peerInfo } from "../../../src/net/peer-info.ts";
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import { lingeringClose } from "../../../src/net/lingering-close.ts";
import { flushAtTickEnd, restUntilNextTurn } from "../../../src/runtime/event-loop.ts";
import type { Flushing } from "../../../src/runtime/event-loop.ts";
import { inTransport } from "../codec/response-writer.ts";
import { RequestReader } from "../codec/request-reader.ts";
import { emptyReplyFrame } from "../codec/exception.ts";
import { ServerCall } from "./call.ts";
import { refusedCall } from "../calls.ts";
import { CallQueue, RefusedCall } from "./call-queue.ts";
import type { QueuedCall } from "./call-queue.ts";
import { DrainWatch } from "./drain-watch.ts";
import { Responses } from "./responses.ts";
import { ConnectionTimer } from "./timer.ts";
import type { Activity } from "./timer.ts";
import { Refusal } from "../codec/refusal.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import type { RequestConsumer, Malformed } from "../codec/request-reader.ts";
import type { ServerSettings } from "./settings.ts";
import type { ThriftRequest } from "../message.ts";

/*
 * open -> refusing -> closing    malformed input: pending responses go first, and the name of the
 *                                malformed call is awaited, to respond to it
 * open -> closing                the last response is written; further input is thrown away
 * any -> closed                  the socket is closed; one-way calls may still be in progress
 */
type State = "open" | "refusing" | "closing" | "closed";

export class ServerConnection implements Receiver, Consumer, RequestConsumer, Drainable, Flushing {
  readonly settings: ServerSettings;
  readonly peer: PeerInfo;
  readonly #link: SocketLink;
  readonly #input: InputBuffer;
  readonly #reader: RequestReader;
  readonly #timer: ConnectionTimer;
  readonly #responses: Responses;
  #state: State = "open";
  readonly #calls = new CallQueue();
  #isReading = false;
  /** No call is read after those in progress. */
  #isFinishing = false;
  readonly #drain: DrainWatch;
  #isDestroyed = false;
  #refusal: Refusal | null = null;
  #hasRefused = false;
  #hasAllInput = false;

  constructor(link: SocketLink, settings: ServerSettings) {
    const { clock, limits } = settings;
    this.settings = settings;
    this.#drain = new DrainWatch(settings.turnMs);
    this.peer = peerInfo(link.socket);
    this.#link = link;
    this.#input = new InputBuffer(link, this);
    this.#reader = new RequestReader(settings, this.peer, this);
    this.#responses = new Responses(this.#calls, this.#drain, link, settings);
    this.#timer = new ConnectionTimer(clock, limits, this.#drain, () => this.#timedOut());
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
    this.#input.advance(); // unread calls may have waited for room
    if (this.#state === "open") this.#watch();
  }

  /** The caller sends calls and does not read responses. */
  held(): void {
    this.#watch();
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer.close();
    this.#reader.close();
    this.settings.onConnections(-1);
    const why = abandoned("the caller closed the connection");
    this.#calls.cancel(why);
    if (this.#calls.count === 0 || this.#isDestroyed) this.settings.closed(this);
  }

  // Consumer

  get readAheadBytes(): number {
    return this.#state === "open" && !this.#acceptsCalls ? 0 : Infinity;
  }

  consume(buffer: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case "open":
        return this.#acceptsCalls ? this.#read(buffer, start, end) : start;
      case "refusing":
        if (this.#refusal?.add(buffer, start, end) === true) this.#refuse();
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
    if (this.#state === "refusing") {
      this.#refuse();
      return this.#watch(); // the calls before the malformed one may be in progress
    }
    if (this.#state !== "open") return undefined;
    const { heldBytes } = this.#reader;
    if (heldBytes > 0) this.#warn(`the connection ended within a call, ${heldBytes} bytes into it`);
    this.#closeAfterResponses(); // the caller may still await responses
    return this.#watch();
  }

  #read(buffer: Buffer, start: number, end: number): number {
    this.#isReading = true;
    const stopped = this.#reader.push(buffer, start, end);
    this.#isReading = false;
    return stopped;
  }

  // RequestConsumer

  call(request: ThriftRequest): boolean {
    this.#input.foundMessage();
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#drain.called(call.startedMs, this.#calls.count);
    this.#calls.add(call);
    call.run();
    return this.#acceptsCalls;
  }

  /** Agrees; the responses to earlier calls go first. */
  upgrade(request: ThriftRequest): boolean {
    const call = new ServerCall(request, this, this.settings.clock.nowMs());
    this.#calls.add(call);
    const { transport } = this.settings;
    call.respondWith(inTransport(emptyReplyFrame(request), false, transport === "buffered"));
    return this.#acceptsCalls;
  }

  malformed(what: Malformed): boolean {
    this.#input.foundMessage();
    if (!this.#hasRefused) this.#warn(what.reason);
    this.#hasRefused = true;
    this.settings.onMalformed();
    this.settings.onRefused(refusedCall(this.peer, what));
    const refusal = new Refusal(what);
    const response = what.isWhole ? refusal.response() : null;
    if (response === null) return this.#endWith(refusal);
    if (response.length > 0) {
      const refused = new RefusedCall(response);
      this.#calls.add(refused);
      this.callEnded(refused);
    }
    return this.#acceptsCalls;
  }

  /** Nothing after these bytes can be read, or their caller would wait for a response for ever. */
  #endWith(refusal: Refusal): boolean {
    this.#refusal = refusal;
    this.#state = "refusing";
    this.#watch();
    this.#refuse();
    return false;
  }

  // For calls

  callEnded(call: QueuedCall): void {
    this.#calls.ended(call);
    if (call.isOneway) this.#responses.over(call);
    else if (this.#state === "closed" || this.#state === "closing") this.#responses.drop();
    else if (call === this.#calls.first && !this.#responses.isWriting) this.#responses.write();
    else return;
    if (this.#state === "closed" && this.#calls.count === 0) this.settings.closed(this);
    else if (!call.isOneway || this.#calls.count === 0) this.#afterResponses();
  }

  // For the listener

  get idleSinceMs(): number {
    const isIdle = this.#calls.count === 0 && this.#reader.heldBytes === 0;
    return isIdle ? this.#responses.idleSinceMs : Infinity;
  }

  /**
   * Closes at the next pause of the caller: Thrift cannot announce a close, and a call that crosses a
   * FIN is lost. Until then calls are accepted.
   */
  drain(): void {
    this.#drain.begin();
    this.#watch();
  }

  abort(why: Failure): void {
    if (this.#calls.first === null || this.#state !== "open") return this.destroy();
    this.#isFinishing = true;
    this.#calls.abort(why);
    return undefined;
  }

  /** Immediately, without waiting for one-way calls in progress. */
  destroy(): void {
    this.#isDestroyed = true;
    if (this.#state === "closed") this.settings.closed(this);
    else this.#link.socket.destroy();
  }

  get #acceptsCalls(): boolean {
    return (
      this.#state === "open" &&
      this.#link.hasRoom &&
      !this.#input.isResting &&
      this.#calls.count < this.settings.limits.maxPipelinedCalls &&
      this.#calls.heldBytes < this.settings.maxFrameBytes &&
      !(this.#isFinishing && this.#reader.heldBytes === 0)
    );
  }

  #afterResponses(): void {
    if (this.#state === "refusing") return this.#refuse();
    if (this.#state !== "open") return undefined;
    if (this.#mayClose) {
      if (this.#isFinishing) return this.#close();
      if (this.#drain.takesTurn()) return flushAtTickEnd(this);
    }
    this.#watch();
    return this.#input.advance(); // unread calls may have waited for their turn
  }

  /**
   * The end of a tick with a last response, which has just left; a FIN follows it. Had it been asked for while
   * the loop still read, it would leave no earlier, and the response long before it.
   */
  flush(): void {
    if (this.#state !== "open") return;
    if (this.#mayClose) this.#close();
    else this.#watch();
  }

  /** Asked for, and no call is lost by it: none is in progress, has arrived, or may be on its way. */
  get #mayClose(): boolean {
    if (this.#calls.count > 0) return false;
    const isPartial = this.#reader.heldBytes > 0;
    if (this.#isFinishing) return this.#hasAllInput || !isPartial;
    if (!this.#drain.hasBegun || isPartial || this.#isReading) return false;
    return this.#input.waitingBytes === 0 && this.#drain.isSafe;
  }

  #closeAfterResponses(): void {
    this.#isFinishing = true;
    if (this.#calls.count === 0) this.#close();
  }

  /** Once all responses are written: refuses the malformed call, if it can be identified, and closes. */
  #refuse(): void {
    if (this.#calls.first !== null || this.#state !== "refusing") return undefined;
    const response = this.#refusal?.response() ?? null;
    if (response === null && !this.#hasAllInput && this.#refusal?.mayIdentify === true) {
      return undefined;
    }
    if (response !== null) this.#link.writeBytes(response);
    return this.#close();
  }

  #close(): void {
    const { clock, limits } = this.settings;
    this.#state = "closing";
    this.#timer.close();
    this.#reader.close();
    const closed = () => this.closed();
    lingeringClose(this.#link, { clock, stallTimeoutMs: limits.stallTimeoutMs, closed });
  }

  #warn(reason: string): void {
    const peer = `${this.peer.remoteHost}:${this.peer.remotePort}`;
    this.settings.log.warn({ event: "bad-thrift-input", peer, reason });
  }

  /** Restarts the time limit of the current state; see `#timedOut`. */
  #watch(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#timer.watch(this.#activity);
  }

  get #activity(): Activity {
    if (this.#isHalfClosed) return "half-closed";
    if (this.#state === "refusing" || this.#hasAllInput) return "stalled";
    if (this.#reader.heldBytes > 0 || !this.#link.hasRoom) return "stalled";
    return this.#calls.count > 0 ? "busy" : "idle";
  }

  /** The caller has sent a FIN: it awaits responses, or it has left. */
  get #isHalfClosed(): boolean {
    return this.#hasAllInput && this.#link.hasRoom && this.#calls.first !== null;
  }

  #timedOut(): void {
    if (this.#state === "closing" || this.#state === "closed") return undefined;
    const { stallTimeoutMs, halfCloseGraceMs } = this.settings.limits;
    if (!this.#link.hasRoom) return this.destroy();
    if (this.#isHalfClosed) return this.#calls.abort(halfClosed(halfCloseGraceMs));
    if (this.#state === "refusing")
      return this.#calls.first === null ? this.#close() : this.#watch();
    if (this.#reader.heldBytes > 0 && !this.#hasAllInput) {
      this.#warn(`the rest of a call did not arrive for ${stallTimeoutMs} ms`);
      this.#state = "refusing";
      this.#watch();
      return this.#refuse();
    }
    if (this.#drain.hasBegun && this.#calls.count === 0) {
      this.#drain.timedOut();
      return restUntilNextTurn(() => this.#closeIfSilent());
    }
    if (this.#timer.isOld) return this.drain();
    return this.#calls.count === 0 ? this.#closeAfterResponses() : this.#watch();
  }

  /** What had arrived when the pause was over has been read by now. */
  #closeIfSilent(): void {
    if (this.#state !== "open" || this.#calls.count > 0 || !this.#drain.isSilent) return;
    if (this.#reader.heldBytes > 0 || this.#input.waitingBytes > 0) this.#watch();
    else this.#close();
  }
}
