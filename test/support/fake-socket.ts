// A socket without a kernel: a test gives it bytes and sees what was written, at once.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { SocketLink } from "../../src/net/socket-link.ts";

export class FakeSocket extends EventEmitter {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 50_000;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 80;
  isReading = true;
  hasEnded = false;
  destroyed = false;
  closed = false;
  /** Whether what is written leaves at once; otherwise it waits for `drain`. */
  takes = true;
  writableLength = 0;
  readonly #link = new SocketLink();
  #sent = "";

  /** The link that owns it. */
  get link(): SocketLink {
    if (this.listenerCount("close") === 0) this.#link.attach(this as unknown as Socket);
    return this.#link;
  }

  /** All that was written, one character a byte: what waits for the end of the turn as well. */
  get sent(): string {
    this.#link.flush();
    return this.#sent;
  }

  set sent(text: string) {
    this.#link.flush();
    this.#sent = text;
  }

  get writableNeedDrain(): boolean {
    return this.writableLength > 0;
  }

  get writableEnded(): boolean {
    return this.hasEnded;
  }

  /** Bytes from the peer, in a buffer that is good only during the call. */
  receive(text: string): void {
    const buffer = Buffer.alloc(text.length + 16, "x");
    buffer.write(text, "latin1");
    this.#link.receiver.received(buffer, text.length);
    buffer.fill("?");
  }

  write(chunk: string | Uint8Array): boolean {
    if (this.destroyed || this.hasEnded) throw new Error("written after the end");
    this.#sent += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1");
    if (!this.takes) this.writableLength += chunk.length;
    return this.takes;
  }

  drain(): void {
    this.takes = true;
    this.writableLength = 0;
    this.emit("drain");
  }

  cork(): void {}

  uncork(): void {}

  pause(): void {
    this.isReading = false;
  }

  resume(): void {
    this.isReading = true;
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}
