// One socket and whoever receives its bytes at the moment. All sockets read into one buffer.
import type { Socket } from "node:net";
import { latin1Of } from "./latin1.ts";
import { readBegins, readEnds, flushAtTickEnd } from "../runtime/event-loop.ts";
import { TextWriter } from "./write-text.ts";

/** What happens to a socket. `closed` comes last, once. */
export interface Receiver {
  /**
   * `buffer[0, length)` was read. It belongs to the receiver only during the call: it is the buffer
   * that the next read of any socket overwrites. The receiver may overwrite it.
   */
  received(buffer: Buffer, length: number): void;
  /** The peer sends no more. Our direction stays open: whoever owns the link ends or destroys it. */
  ended(): void;
  /** What was written has gone; more may be. */
  drained(): void;
  /** What was written in this turn did not all go: `drained` comes later, or never. */
  held?(): void;
  /** Both directions are gone. `error` is null unless the socket broke. */
  closed(error: Error | null): void;
}

/**
 * Reads of every socket land here, one after the other: no buffer is allocated per read. Safe,
 * because a read calls its receiver synchronously, and what must be kept is copied out.
 */
const readBuffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

const nobody: Receiver = { received() {}, ended() {}, drained() {}, closed() {} };

/** More than this does not wait for the end of the turn: Node writes up to 16 KiB without a copy. */
const maxJoinedChars = 15 * 1024;

/** Longer pieces gain nothing by a copy as text. */
const maxJoinedBytes = 4 * 1024;

/** Owned by its receiver, which is replaced when a connection becomes a tunnel. */
export class SocketLink {
  receiver: Receiver = nobody;
  #socket: Socket | null = null;
  #texts: TextWriter | null = null;
  /** Written in this turn, and not yet to the socket. */
  #text = "";

  /** With all texts written to it: whoever writes to the socket itself writes behind them. */
  get socket(): Socket {
    if (this.#text !== "") this.flush();
    if (this.#socket === null) throw new Error("bug: a link without its socket");
    return this.#socket;
  }

  /** Bytes that the kernel has not taken: 0 when all went, less and less while it takes some. */
  get unsentBytes(): number {
    return this.socket.writableLength + (this.#texts?.waitingBytes ?? 0);
  }

  /** Whether the kernel takes what is written. Else: wait for `drained`. */
  get hasRoom(): boolean {
    return this.#socket === null || !this.#socket.writableNeedDrain;
  }

  /**
   * Writes latin1 text, one character a byte: heads, and short bodies behind them. It leaves at the
   * end of the turn, joined with what else is written until then.
   */
  write(text: string): void {
    if (this.#text === "") flushAtTickEnd(this);
    this.#text += text;
    if (this.#text.length > maxJoinedChars) this.flush();
  }

  /**
   * Writes bytes, which are the socket's from now on; short ones leave like texts. False: more is to be
   * written only when it has `drained`.
   */
  writeBytes(bytes: Buffer): boolean {
    if (bytes.length > maxJoinedBytes) return this.socket.write(bytes);
    this.write(latin1Of(bytes, 0, bytes.length));
    return this.hasRoom;
  }

  /** Writes at once what waits for the end of the turn. */
  flush(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    if (this.#socket?.destroyed === false) this.#texts?.write(text);
    if (!this.hasRoom) this.receiver.held?.();
  }

  /** The `onread` of a new socket that is to be attached. */
  readonly onread = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      this.#read(readBuffer, length);
      return true;
    },
  };

  /** For a socket made with `onread`. */
  attach(socket: Socket): void {
    let broke: Error | null = null;
    this.#socket = socket;
    this.#texts = new TextWriter(socket);
    socket.on("end", () => this.receiver.ended());
    socket.on("drain", () => this.receiver.drained());
    socket.on("error", (error) => (broke = error));
    socket.on("close", () => this.receiver.closed(broke));
    socket.resume(); // without a `data` listener nobody else makes `end` come
  }

  /** For a socket made by somebody else: the same, with a buffer allocated per read. */
  attachPlain(socket: Socket): void {
    this.attach(socket);
    socket.on("data", (chunk: Buffer) => this.#read(chunk, chunk.length));
  }

  #read(buffer: Buffer, length: number): void {
    readBegins();
    try {
      this.receiver.received(buffer, length);
    } finally {
      readEnds();
    }
  }
}
