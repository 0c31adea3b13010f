// A connection whose caller speaks Thrift in mux or plain Thrift; its first bytes tell which.
import { Buffer } from "node:buffer";
import type { Clock } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { Alarm } from "../../../src/net/alarm.ts";
import { nextCallWaitMs } from "../../../src/net/connections.ts";
import type { Drainable } from "../../../src/net/connections.ts";
import type { SocketLink, Receiver } from "../../../src/net/socket-link.ts";
import type { ConnectionOwner } from "../../mux/server/listener.ts";
import { detect, detectBytes } from "../codec/detect.ts";

/** A connection of a known protocol, which has taken over the link. */
export type Connection = Drainable & Receiver;

export interface DetectSettings {
  readonly clock: Clock;
  /** Time limit for the bytes that tell the protocol, from the first of them on. */
  readonly stallTimeoutMs: number;
  /** Time limit for the first byte. */
  readonly idleTimeMs: number;
  /** Makes the connection, which reports to `owner`; null: the protocol is not welcome. */
  begin(protocol: "mux" | "thrift", link: SocketLink, owner: ConnectionOwner): Connection | null;
}

/*
 * waiting -> begun -> closed   `begun`: a connection of mux or Thrift has taken over the link
 * waiting -> closed
 */

/** Represents the connection to its owner, from the first byte to the close. */
export class DetectedConnection implements Receiver, Drainable, ConnectionOwner {
  readonly #link: SocketLink;
  readonly #settings: DetectSettings;
  readonly #owner: ConnectionOwner;
  readonly #alarm: Alarm;
  /** The bytes received before the protocol was known. */
  readonly #first = Buffer.alloc(detectBytes);
  #count = 0;
  #connection: Connection | null = null;
  #isDraining = false;
  readonly #openedMs: number;

  constructor(link: SocketLink, settings: DetectSettings, owner: ConnectionOwner) {
    this.#link = link;
    this.#settings = settings;
    this.#owner = owner;
    this.#alarm = new Alarm(settings.clock, () => this.destroy());
    this.#openedMs = settings.clock.nowMs();
    link.receiver = this;
    owner.opened(this);
    this.#alarm.set(settings.clock.nowMs() + settings.idleTimeMs);
  }

  // Receiver, until the protocol is known

  received(buffer: Buffer, length: number): void {
    const taken = buffer.copy(this.#first, this.#count, 0, length);
    this.#count += taken;
    const protocol = detect(this.#first, this.#count);
    if (protocol === null) {
      const { clock, stallTimeoutMs } = this.#settings;
      return this.#alarm.set(clock.nowMs() + stallTimeoutMs);
    }
    this.#alarm.close();
    this.#connection = this.#settings.begin(protocol, this.#link, this);
    if (this.#connection === null) return this.destroy();
    this.#replay(buffer, taken, length);
    if (this.#isDraining) this.#connection.drain();
    return undefined;
  }

  /** The bytes looked at go first; the link's receiver may change in between. */
  #replay(buffer: Buffer, taken: number, length: number): void {
    const rest = Buffer.from(buffer.subarray(taken, length));
    this.#link.receiver.received(Buffer.from(this.#first.subarray(0, this.#count)), this.#count);
    if (rest.length > 0) this.#link.receiver.received(rest, rest.length);
  }

  ended(): void {
    this.destroy();
  }

  drained(): void {}

  closed(): void {
    this.#alarm.close();
    this.#owner.closed(this);
  }

  // Drainable

  get idleSinceMs(): number {
    return this.#connection === null ? this.#openedMs : this.#connection.idleSinceMs;
  }

  /** A caller that has just connected may have a call on its way. */
  drain(): void {
    this.#isDraining = true;
    if (this.#connection !== null) this.#connection.drain();
    else this.#alarm.set(this.#settings.clock.nowMs() + nextCallWaitMs);
  }

  abort(why: Failure): void {
    if (this.#connection === null) this.destroy();
    else this.#connection.abort(why);
  }

  destroy(): void {
    if (this.#connection === null) this.#link.socket.destroy();
    else this.#connection.destroy();
  }

  // ConnectionOwner, for the connection that has taken over the link

  opened(): void {}
}
