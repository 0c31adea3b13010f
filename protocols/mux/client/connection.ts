// One connection to an endpoint, shared by all calls to it.
import type { Buffer } from "node:buffer";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import type { Address } from "../../../src/core/address.ts";
import { readRdispatch, readRreq } from "../codec/readers.ts";
import type { MuxRequest, MuxResponse } from "../message.ts";
import type { CallHolder, ClientCall } from "./call.ts";
import type { ClientSettings } from "./settings.ts";
import type { Dropped } from "../codec/fragments.ts";
import { MessageReader } from "../codec/message-reader.ts";
import type { MessageConsumer } from "../codec/message-reader.ts";
import * as mux from "../codec/messages.ts";
import type { Problem } from "../codec/messages.ts";
import { Lifetime } from "../lifetime.ts";
import { MessageWriter } from "../message-writer.ts";
import type { HeadWriter } from "../codec/writers.ts";
import * as failures from "./failures.ts";
import { ControlMessages } from "./control-messages.ts";
import type { ControlOwner } from "./control-messages.ts";
import { ClientHandshake } from "./handshake.ts";
import type { Step } from "./handshake.ts";
import { PingDetector } from "./ping.ts";
import { beforeTls, secureSession } from "./secure-session.ts";
import { Tags } from "./tags.ts";
import { dispatchWriter, reqWriter } from "../codec/writers.ts";

/*
 * opening -> open -> draining -> closed   `draining`: takes no call; those in progress end
 * opening -> draining, any -> closed
 */
type State = "opening" | "open" | "draining" | "closed";

/** Limit of bytes queued for an endpoint that is slow to read its calls. */
const maxUnsentBytes = 64 * 2 ** 20;

/** Notified by a session: the wire that made it. */
export interface ConnectionOwner {
  /** The session accepts calls from now on. */
  opened(session: ClientConnection): void;
  /** It accepts no more calls; those in progress finish. */
  drains(session: ClientConnection): void;
  /** Closed, because of `why`. */
  closed(session: ClientConnection, why: Failure): void;
}

/** What a tag stands for: a call, or a cancelled call whose reply is outstanding. */
type Holder = ClientCall | "cancelled";

/** Owns its link. */
export class ClientConnection implements Receiver, CallHolder, MessageConsumer, ControlOwner {
  readonly #link: SocketLink;
  readonly #address: Address;
  readonly #settings: ClientSettings;
  readonly #owner: ConnectionOwner;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #tags: Tags<Holder>;
  readonly #ping: PingDetector;
  readonly #control: ControlMessages;
  readonly #lifetime: Lifetime;
  readonly #handshake: ClientHandshake;
  readonly #dispatchWriter: HeadWriter<MuxRequest>;
  readonly #reqWriter: HeadWriter<MuxRequest>;
  #state: State = "opening";
  #isSecuring = false;
  /** What the endpoint understands; unknown until it replies to the first Tdispatch. */
  #form: "unknown" | "dispatch" | "req" = "unknown";

  constructor(link: SocketLink, at: Address, settings: ClientSettings, owner: ConnectionOwner) {
    const { options, clock, stats } = settings;
    this.#address = at;
    this.#link = link;
    this.#settings = settings;
    this.#owner = owner;
    const { maxFrameBytes, maxOutstanding: maxStreams } = options;
    // Infinity: each response belongs to a call that was made.
    const fragments = { maxFrameBytes, maxHeldBytes: Infinity, maxStreams };
    this.#reader = new MessageReader(fragments, mux.rdispatch, this);
    this.#writer = new MessageWriter(link, stats.sentBytes, false);
    this.#tags = new Tags(options.maxOutstanding);
    this.#dispatchWriter = dispatchWriter(settings);
    this.#reqWriter = reqWriter(settings);
    const ping = () => this.#writer.control(mux.emptyMessage(mux.tping, mux.controlTag));
    const silent = () => this.#close(failures.missedPing(settings));
    this.#ping = new PingDetector(options, clock, ping, silent);
    this.#control = new ControlMessages(this.#writer, this.#ping, clock, this);
    this.#lifetime = new Lifetime(clock, options, () => this.#timedOut());
    link.receiver = this;
    this.#handshake = new ClientHandshake(this.#writer, options.maxFragmentBytes, options.tlsLevel);
    this.#lifetime.within(options.connectTimeoutMs);
  }

  /** Calls in progress, including cancelled ones that have no reply yet. */
  get outstanding(): number {
    return this.#tags.count;
  }

  /** Why a new call would be refused; null: it would be sent. */
  get refusal(): Failure | null {
    if (this.#tags.isFull) return failures.tooManyCalls(this.#settings);
    const { unsentBytes } = this.#writer;
    if (unsentBytes > maxUnsentBytes) return failures.slowReader(this.#settings, unsentBytes);
    return this.#control.hasLease ? null : failures.leaseEnded(this.#settings);
  }

  /** Sends a call; `refusal` must be null. */
  send(call: ClientCall): void {
    const tag = this.#tags.take(call);
    call.tag = tag;
    call.holder = this;
    this.#write(call);
    if (this.#tags.count === 1) this.#lifetime.busy();
  }

  /** The tag stays taken until the endpoint replies, unless nothing of the call was written. */
  detach(call: ClientCall, why: Failure): void {
    const { tag } = call;
    if (this.#tags.get(tag) !== call) return;
    if (this.#writer.drop(tag) === "nothing") {
      this.#release(tag);
      return;
    }
    this.#discard(tag, why.detail);
  }

  /** Accepts no more calls; closes when those in progress have ended. */
  drain(): void {
    if (this.#state === "draining" || this.#state === "closed") return;
    this.#state = "draining";
    this.#owner.drains(this);
    this.#closeIfDrained();
  }

  /** Breaks what is in progress. */
  close(): void {
    this.#close(failure("closed", `the connection to ${this.#settings.name} was closed`));
  }

  // Receiver

  received(buffer: Buffer, length: number): void {
    this.#settings.stats.receivedBytes.value += length;
    this.#reader.push(buffer, 0, length);
    if (this.#isSecuring && this.#reader.heldBytes > 0) this.#malformed(beforeTls);
  }

  ended(): void {
    this.#lost("closed the connection");
  }

  drained(): void {
    this.#writer.drained();
  }

  closed(error: Error | null): void {
    this.#lost(
      error === null ? "closed the connection" : `broke the connection (${error.message})`,
    );
  }

  // MessageConsumer

  /** Always true: responses are never held back. */
  message(frame: Buffer, type: number, tag: number): boolean {
    if (this.#state === "closed") return true;
    if (this.#isSecuring) {
      this.#malformed(beforeTls);
      return true;
    }
    const step = this.#state === "opening" ? this.#handshake.take(frame, type, tag) : "other";
    if (step !== "other") this.#opening(step);
    else if (type === mux.rdispatch) this.#responded(readRdispatch(frame), tag);
    else if (type === mux.rreq) this.#responded(readRreq(frame), tag);
    else this.#control.take(frame, type, tag);
    return true;
  }

  /** Fragments are kept for calls in progress only, whose number is limited. */
  fragment(tag: number): "wanted" | "unwanted" | Problem {
    const holder = this.#tags.get(tag);
    if (holder === "cancelled") return "unwanted";
    if (holder !== null) return "wanted";
    return mux.problem(`a fragment of a response to the tag ${tag}, which is free`);
  }

  /** A response that is not kept: its call fails, and the endpoint need not send the rest. */
  dropped({ tag, dropped, mayRetry, isLast }: Dropped): void {
    const holder = isLast ? this.#release(tag) : this.#tags.get(tag);
    if (holder !== null && holder !== "cancelled") {
      if (!isLast) this.#discard(tag, dropped);
      this.#warn("response dropped", dropped);
      holder.finish(failures.droppedResponse(this.#settings, dropped, mayRetry));
    }
    if (isLast) this.#callEnded();
  }

  malformed(what: string): void {
    this.#malformed(what);
  }

  /** The response is not wanted; the tag stays taken until the endpoint has replied. */
  #discard(tag: number, why: string): void {
    this.#tags.replace(tag, "cancelled");
    this.#reader.discard(tag);
    this.#writer.control(mux.discardedMessage(tag, why));
  }

  #write(call: ClientCall): void {
    const { request, tag } = call;
    const { frame, payloadStart } = request;
    call.sentAs = this.#form === "req" ? "req" : "dispatch";
    if (call.sentAs === "req") {
      this.#writer.send(mux.treq, tag, this.#reqWriter, request, frame, payloadStart);
    } else {
      this.#writer.send(mux.tdispatch, tag, this.#dispatchWriter, request, frame, payloadStart);
    }
  }

  #opening(step: Exclude<Step, "other">): void {
    if (step === "open") this.#open();
    else if (step === "secure") this.#secure();
    else if (step !== "pending") this.#malformed(step.problem);
  }

  #secure(): void {
    this.#isSecuring = true;
    secureSession(this.#link, this.#address, this.#settings, this.#writer, {
      secured: () => {
        this.#isSecuring = false;
        if (this.#state !== "closed") this.#open();
      },
      failed: (why) => this.#close(why),
    });
  }

  #open(): void {
    this.#state = "open";
    this.#lifetime.idle();
    this.#owner.opened(this);
    this.#ping.start();
  }

  #responded(response: MuxResponse | Problem, tag: number): void {
    if ("problem" in response) return this.#unreadable(response.problem, tag);
    if (this.#form === "unknown" && mux.typeOf(response.frame) === mux.rdispatch) {
      this.#form = "dispatch";
    }
    const holder = this.#release(tag);
    if (holder !== null && holder !== "cancelled") holder.responded(response);
    return this.#callEnded();
  }

  /** The frame is intact, the response within it is not: only its call fails. */
  #unreadable(what: string, tag: number): void {
    const holder = this.#release(tag);
    this.#warn("response dropped", `it sent ${what}`);
    if (holder !== null && holder !== "cancelled") {
      holder.finish(failure("malformed", `${this.#settings.name} sent ${what}`));
    }
    this.#callEnded();
  }

  // ControlOwner

  discarded(tag: number): void {
    this.#reader.forget(tag);
    const holder = this.#release(tag);
    if (holder !== null && holder !== "cancelled") {
      holder.finish(failure("closed", `${this.#settings.name} discarded the call`));
    }
    this.#callEnded();
  }

  protocolError(frame: Buffer, tag: number): void {
    const holder = this.#tags.get(tag);
    if (holder === null) return undefined;
    if (holder !== "cancelled" && this.#form !== "dispatch" && holder.sentAs === "dispatch") {
      // As in Finagle: an endpoint that never accepted a Tdispatch knows only Treq.
      this.#form = "req";
      return this.#write(holder);
    }
    this.#reader.forget(tag);
    this.#release(tag);
    if (holder !== "cancelled") {
      const detail = `${this.#settings.name} responded with a protocol error: ${mux.readReason(frame)}`;
      holder.finish(failure("malformed", detail));
    }
    return this.#callEnded();
  }

  #release(tag: number): Holder | null {
    return this.#tags.release(tag);
  }

  #callEnded(): void {
    if (this.#tags.count > 0) return;
    if (this.#state === "open") this.#lifetime.idle();
    else this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.#state !== "draining" || this.#tags.count > 0) return;
    this.#writer.flush(); // the Rdrain, and a Tdiscarded of the last call
    this.close();
  }

  /** Too slow to open, idle for too long, or too old. */
  #timedOut(): void {
    if (this.#state === "open") return this.drain();
    if (this.#state === "draining") return undefined;
    return this.#close(failures.openingTimeout(this.#settings));
  }

  #malformed(what: string): void {
    if (this.#state !== "closed") this.#warn("endpoint disconnected", `it sent ${what}`);
    this.#close(failure("malformed", `${this.#settings.name} sent ${what}`));
  }

  #warn(event: string, why: string): void {
    const { name, log } = this.#settings;
    log.warn({ event, endpoint: name, why });
  }

  #lost(what: string): void {
    const why =
      this.#state === "opening"
        ? failures.lostBeforeOpen(this.#settings, what)
        : failures.lost(this.#settings, what);
    this.#close(why);
  }

  #close(why: Failure): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#lifetime.close();
    this.#ping.close();
    this.#reader.close();
    this.#writer.close();
    this.#link.socket.destroy();
    this.#owner.closed(this, why);
    for (const holder of this.#tags.releaseAll()) {
      if (holder !== "cancelled") holder.finish(why);
    }
  }
}
