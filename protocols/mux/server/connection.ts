// One caller's connection: any number of calls in parallel, responses in any order.
import type { Buffer } from "node:buffer";
import { abandoned, failure, halfClosed } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { peerInfo } from "../../../src/net/peer-info.ts";
import { showAddress } from "../../../src/core/address.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { InputBuffer } from "../../../src/net/input-buffer.ts";
import type { Consumer } from "../../../src/net/input-buffer.ts";
import { lingeringClose } from "../../../src/net/lingering-close.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import { refusedCall } from "../calls.ts";
import { readDispatch, readReq } from "../codec/readers.ts";
import type { Form, MuxRequest, MuxResponse } from "../message.ts";
import { errorMessage, nackMessage, renderedMessage } from "../failures.ts";
import { MessageReader } from "../codec/message-reader.ts";
import type { MessageConsumer } from "../codec/message-reader.ts";
import type { Dropped } from "../codec/fragments.ts";
import * as mux from "../codec/messages.ts";
import type { Problem } from "../codec/messages.ts";
import { Lifetime } from "../lifetime.ts";
import { MessageWriter } from "../message-writer.ts";
import { Backpressure } from "./backpressure.ts";
import { ControlMessages } from "./control-messages.ts";
import type { ControlOwner } from "./control-messages.ts";
import { TlsStart } from "./tls-start.ts";
import { CallTracker } from "./tracker.ts";
import { ServerCall } from "./call.ts";
import type { RenderedResponse } from "../failures.ts";
import type { ServerSettings } from "./settings.ts";
import { rdispatchWriter, rreqWriter } from "../codec/writers.ts";

/*
 * open -> draining -> closing -> closed   `draining`: a Tdrain has been sent; calls are accepted until
 *                                         the Rdrain arrives, then nacked; closed after the last response
 * open, draining -> closing               the caller sends no more, or broke the protocol
 */
type State = "open" | "draining" | "closing" | "closed";

/** How long a caller without calls in progress may take to send Rdrain. */
const drainReplyMs = 1000;

/** Owns its link. Made by the listener, which it notifies when it opens and closes. */
export class ServerConnection implements Receiver, Consumer, MessageConsumer, ControlOwner {
  readonly settings: ServerSettings;
  readonly peer: PeerInfo;
  readonly #link: SocketLink;
  readonly #input: InputBuffer;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #control: ControlMessages;
  readonly #calls: CallTracker;
  #state: State = "open";
  #hasDrainReply = false;
  #isHalfClosed = false;
  readonly #tls: TlsStart;
  readonly #lifetime: Lifetime;
  readonly #backpressure: Backpressure;

  constructor(link: SocketLink, settings: ServerSettings) {
    const { limits, clock } = settings;
    this.settings = settings;
    this.peer = peerInfo(link.socket);
    this.#link = link;
    this.#input = new InputBuffer(link, this);
    const { maxFrameBytes, maxHeldBytes, maxOutstanding } = limits;
    const fragments = {
      maxFrameBytes,
      maxHeldBytes: Math.max(maxHeldBytes, maxFrameBytes),
      maxStreams: maxOutstanding,
    };
    this.#reader = new MessageReader(fragments, mux.tdispatch, this);
    this.#writer = new MessageWriter(link, settings.sentBytes, true);
    this.#tls = new TlsStart(this, link, this.#writer);
    this.#control = new ControlMessages(this.#writer, limits.maxFragmentBytes, this.#tls, this);
    this.#calls = new CallTracker(limits);
    this.#lifetime = new Lifetime(clock, limits, () => this.#timedOut());
    this.#backpressure = new Backpressure(link, this.#writer, limits, clock, (why) =>
      this.#disconnect(why),
    );
    link.receiver = this;
    settings.owner.opened(this);
    this.#lifetime.idle();
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.settings.receivedBytes.value += length;
    this.#input.received(buffer, length);
  }

  ended(): void {
    this.#input.ended();
  }

  drained(): void {
    this.#writer.drained();
    this.#closeIfDrained();
    this.#input.advance();
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#lifetime.close();
    this.#backpressure.close();
    this.#reader.close();
    this.#writer.close();
    this.#cancelCalls(abandoned("the caller closed the connection"));
    this.settings.owner.closed(this);
  }

  // Consumer

  get readAheadBytes(): number {
    return this.#backpressure.isCongested ? 0 : Infinity;
  }

  consume(buffer: Buffer, start: number, end: number): number {
    if (this.#isOver) return end;
    if (this.#backpressure.isCongested || this.#input.isResting) return start;
    const taken = this.#reader.push(buffer, start, end);
    if (this.#tls.isStarting && this.#reader.heldBytes > 0) this.#tls.permits(false);
    return taken;
  }

  /** Most callers that send a FIN have left, but one may still read responses that begin in time. */
  inputEnded(): void {
    if (this.#isOver) return undefined;
    if (this.#calls.count === 0) return this.#close();
    this.#state = "draining";
    this.#hasDrainReply = this.#isHalfClosed = true;
    return this.#awaitNextResponse();
  }

  // MessageConsumer

  message(frame: Buffer, type: number, tag: number): boolean {
    if (this.#isOver) return true;
    if (!this.#tls.permits(false)) return true;
    this.#input.foundMessage();
    if (type === mux.tdispatch) this.#call(readDispatch(frame), tag, "dispatch");
    else if (type === mux.treq) this.#call(readReq(frame), tag, "req");
    else this.#control.take(frame, type, tag);
    return !this.#backpressure.isCongested && !this.#input.isResting;
  }

  fragment(): "wanted" {
    return "wanted";
  }

  /** Its caller may use the tag again when the last fragment is on its way: the response comes then. */
  dropped({ tag, dropped, mayRetry, isLast }: Dropped, type: number): void {
    if (this.#isOver || !isLast) return undefined;
    if (tag === mux.markerTag) return this.malformed(dropped);
    if (this.#calls.get(tag) !== undefined) return this.#duplicate(tag);
    const form = type === mux.treq ? "req" : "dispatch";
    this.#warn("call refused", dropped);
    if (mayRetry) return this.#nack(tag, form, dropped);
    return this.#refuse(tag, form, dropped);
  }

  // For calls

  respond(call: ServerCall, response: MuxResponse): void {
    if (!this.#calls.has(call)) return;
    const { frame, payloadStart } = response;
    if (call.request.form === "dispatch") {
      this.#writer.send(mux.rdispatch, call.tag, rdispatchWriter, response, frame, payloadStart);
    } else {
      this.#writer.send(mux.rreq, call.tag, rreqWriter, response, frame, payloadStart);
    }
    this.#responded(call);
  }

  /** Returns the length of the text that was sent, in bytes. */
  respondFailure(call: ServerCall, rendered: RenderedResponse): number {
    if (!this.#calls.has(call)) return 0;
    this.#writer.control(renderedMessage(call.tag, call.request.form, rendered));
    this.#responded(call);
    return rendered.text.length;
  }

  callEnded(call: ServerCall): void {
    this.settings.onCompleted(call);
  }

  // For the listener

  get idleSinceMs(): number {
    return this.#calls.count === 0 ? this.#lifetime.idleSinceMs : Infinity;
  }

  /** Asks the caller to send no more calls; closes when all calls in progress have their responses. */
  drain(): void {
    if (this.#state !== "open") return;
    if (this.#tls.isStarting) return this.destroy();
    this.#state = "draining";
    this.#writer.control(mux.emptyMessage(mux.tdrain, mux.controlTag));
    this.#lifetime.within(drainReplyMs);
  }

  abort(why: Failure): void {
    if (this.#calls.count === 0) return this.destroy();
    for (const call of this.#calls.all()) call.abort(why);
    if (!this.#isOver) this.#close();
  }

  destroy(): void {
    this.#link.socket.destroy();
  }

  get #isOver(): boolean {
    return this.#state === "closing" || this.#state === "closed";
  }

  #call(request: MuxRequest | Problem, tag: number, form: Form): void {
    if (tag === mux.markerTag || tag > mux.maxTag) {
      return this.malformed(`a call with the tag ${tag}`);
    }
    if (!this.#tls.permits(true)) return undefined;
    if (this.#calls.get(tag) !== undefined) return this.#duplicate(tag);
    if ("problem" in request) return this.#unreadable(request.problem, tag, form);
    const refused = this.#hasDrainReply ? "this server is draining" : this.#calls.refusal(request);
    if (refused !== null) return this.#nack(tag, request.form, refused);
    request.peer = this.peer;
    const call = new ServerCall(request, tag, this, this.settings.clock.nowMs());
    this.#calls.add(call);
    if (this.#state === "open") this.#lifetime.busy();
    return call.run();
  }

  /** The frame is intact, the call within it is not: only that call fails. */
  #unreadable(what: string, tag: number, form: Form): void {
    this.settings.onMalformed();
    this.#warn("call refused", what);
    this.#refuse(tag, form, what);
  }

  #refuse(tag: number, form: Form, why: string): void {
    this.#writer.control(errorMessage(tag, form, why));
    this.#recordRefusal(form, failure("malformed", why));
  }

  /** There is no room for the call: it may be sent again. */
  #nack(tag: number, form: Form, why: string): void {
    this.#writer.control(nackMessage(tag, form, why));
    this.#recordRefusal(form, failure("exhausted", why, "safe"));
  }

  #recordRefusal(form: Form | null, why: Failure): void {
    this.settings.onRefused(refusedCall(this.peer, form, why));
  }

  // ControlOwner

  discarded(tag: number, reason: string): void {
    // An incomplete fragmented call: its caller keeps the tag until the reply.
    const wasBegun = this.#reader.forget(tag);
    const call = this.#calls.get(tag);
    const wasCut = this.#writer.drop(tag) !== null;
    // Completed already, or unknown.
    if (call === undefined && !wasCut && !wasBegun) return undefined;
    this.#writer.control(mux.emptyMessage(mux.rdiscarded, tag));
    if (call === undefined) return undefined;
    this.#calls.remove(call);
    call.discard(reason);
    return this.#afterCall();
  }

  drainReplied(): boolean {
    if (this.#state === "open") return false; // no Tdrain was sent
    this.#hasDrainReply = true;
    this.#closeIfDrained();
    return true;
  }

  #duplicate(tag: number): void {
    const reason = `Received duplicate tag ${tag} from client.`;
    for (const call of this.#calls.all()) this.#writer.control(mux.rerrMessage(call.tag, reason));
    this.malformed(`a second call with the tag ${tag}, whose first is in progress`);
  }

  /** The input can no longer be trusted. Other connections are not affected. */
  malformed(what: string): void {
    if (this.#isOver) return;
    this.#warn("caller disconnected", `it sent ${what}`);
    this.settings.onMalformed();
    this.#recordRefusal(null, failure("malformed", `the caller sent ${what}`));
    this.#cancelCalls(abandoned(`the caller sent ${what}`));
    this.#close();
  }

  #responded(call: ServerCall): void {
    this.#calls.remove(call);
    this.#backpressure.wrote();
    this.#afterCall();
  }

  #afterCall(): void {
    if (this.#calls.count > 0) return this.#isHalfClosed ? this.#awaitNextResponse() : undefined;
    if (this.#state === "draining") this.#closeIfDrained();
    else if (this.#state === "open") this.#lifetime.idle();
  }

  #disconnect(why: string): void {
    if (this.#link.socket.destroyed) return;
    this.#warn("caller disconnected", why);
    this.destroy();
  }

  #warn(event: string, why: string): void {
    const { remoteHost: host, remotePort: port } = this.peer;
    this.settings.log.warn({ event, caller: showAddress({ host, port }), why });
  }

  #cancelCalls(why: Failure): void {
    for (const call of this.#calls.clear()) call.callerDisconnected(why);
  }

  #timedOut(): void {
    if (this.#state === "open") return this.drain();
    if (this.#isHalfClosed) this.#cancelCalls(halfClosed(this.settings.limits.halfCloseGraceMs));
    // The caller does not support draining, or does not reply: stop waiting for its Rdrain.
    this.#hasDrainReply = true;
    return this.#closeIfDrained();
  }

  #awaitNextResponse(): void {
    this.#lifetime.within(this.settings.limits.halfCloseGraceMs);
  }

  #closeIfDrained(): void {
    if (this.#state !== "draining" || !this.#hasDrainReply) return;
    if (this.#calls.count === 0 && this.#writer.queuedBytes === 0) this.#close();
  }

  #close(): void {
    const { clock, limits } = this.settings;
    this.#state = "closing";
    this.#lifetime.close();
    this.#reader.close();
    this.#backpressure.close();
    this.#writer.flush();
    const closed = () => this.closed();
    lingeringClose(this.#link, { clock, stallTimeoutMs: limits.stallTimeoutMs, closed });
  }
}
