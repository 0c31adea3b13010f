// One socket and whoever receives its bytes at the moment. All sockets read into one buffer.
import type { Socket } from "node:net";
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
  /** Both directions are gone. `error` is null unless the socket broke. */
  closed(error: Error | null): void;
}

/**
 * Reads of every socket land here, one after the other: no buffer is allocated per read. Safe,
 * because a read calls its receiver synchronously, and what must be kept is copied out.
 */
const readBuffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

const nobody: Receiver = { received() {}, ended() {}, drained() {}, closed() {} };

/** Owned by its receiver, which is replaced when a connection becomes a tunnel. */
export class Link {
  receiver: Receiver = nobody;
  #socket: Socket | null = null;
  #texts: TextWriter | null = null;

  get socket(): Socket {
    if (this.#socket === null) throw new Error("bug: a link without its socket");
    return this.#socket;
  }

  /** Bytes that the kernel has not taken: 0 when all went, less and less while it takes some. */
  get unsentBytes(): number {
    return this.socket.writableLength + (this.#texts?.waitingBytes ?? 0);
  }

  /** Writes latin1 text, one character a byte: heads, and short bodies behind them. */
  write(text: string): void {
    this.#texts?.write(text);
  }

  /** The `onread` of a new socket that is to be attached. */
  readonly onread = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      this.receiver.received(readBuffer, length);
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
    socket.on("data", (chunk: Buffer) => this.receiver.received(chunk, chunk.length));
  }
}
