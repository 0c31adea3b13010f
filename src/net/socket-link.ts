// One socket and whoever receives its bytes at the moment. All sockets read into one buffer.
import type { Socket } from "node:net";
import { latin1Of } from "./latin1.ts";
import {
  readBegins,
  readEnds,
  flushAtTickEnd,
  isTurnLong,
  restUntilNextTurn,
} from "../runtime/event-loop.ts";
import { countUnsent } from "./socket-memory.ts";
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
  /** Everything written was sent; more may be written. */
  drained(): void;
  /** The kernel did not take all that was written in this tick: `drained` comes later, or never. */
  held?(): void;
  /** Both directions are gone. `error` is null unless the socket broke. */
  closed(error: Error | null): void;
}

/**
 * All sockets read into this buffer, one after the other: no allocation per read. Safe, because a
 * read calls its receiver synchronously, and the receiver copies what it keeps.
 */
const readBuffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

const noReceiver: Receiver = { received() {}, ended() {}, drained() {}, closed() {} };

/** More than this is written before the end of the tick: Node writes up to 16 KiB without a copy. */
const maxJoinedChars = 15 * 1024;

/** Longer pieces gain nothing from a copy as text. */
const maxJoinedBytes = 4 * 1024;

const asItIs = (error: Error): Error => error;

/** Owned by its receiver, which is replaced when a connection becomes a tunnel. */
export class SocketLink {
  receiver: Receiver = noReceiver;
  #socket: Socket | null = null;
  #texts: TextWriter | null = null;
  /** The socket is about to be replaced by TLS over it: what it reads is not ours. */
  #isDetached = false;
  /** Set where a connection in plain text may become secure: calls back when it is. */
  startTls: ((secured: () => void) => void) | null = null;
  /** Written in this tick, but not yet to the socket. */
  #text = "";

  /** Flushes pending texts first, so that direct writes to the socket keep the order. */
  get socket(): Socket {
    if (this.#text !== "") this.flush();
    if (this.#socket === null) throw new Error("bug: a link without its socket");
    return this.#socket;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.socket.writableLength + (this.#texts?.waitingBytes ?? 0);
  }

  /** Whether the kernel accepts more. If not: wait for `drained`. */
  get hasRoom(): boolean {
    return this.#socket === null || !this.#socket.writableNeedDrain;
  }

  /**
   * Writes latin1 text, one character per byte: heads, and short bodies after them. It is sent at the
   * end of the tick, joined with everything else written until then.
   */
  write(text: string): void {
    if (this.#text === "") flushAtTickEnd(this);
    this.#text += text;
    if (this.#text.length > maxJoinedChars) this.flush();
  }

  /**
   * Writes bytes, which then belong to the socket; short ones are sent like texts. False: write more
   * only after `drained`. `isCounted`: another owner counts them as held memory.
   */
  writeBytes(bytes: Buffer, isCounted = false): boolean {
    if (bytes.length > maxJoinedBytes) {
      const hasRoom = this.socket.write(bytes);
      if (!hasRoom && !isCounted) countUnsent(this.socket);
      return hasRoom;
    }
    this.write(latin1Of(bytes, 0, bytes.length));
    return this.hasRoom;
  }

  /** Writes immediately what waits for the end of the tick. */
  flush(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    if (this.#socket?.destroyed === false) this.#texts?.write(text);
    if (!this.hasRoom) this.receiver.held?.();
  }

  /** The `onread` option for a new socket that will be attached. */
  readonly onread = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      this.#read(readBuffer, length);
      return length < readBuffer.length || !this.#restsAfterRead();
    },
  };

  /** For a socket made with `onread`. */
  attach(socket: Socket): void {
    this.#attach(socket, true);
    socket.on("end", () => {
      if (this.#owns(socket)) this.receiver.ended();
    });
    socket.resume(); // without a `data` listener nothing else would trigger `end`
  }

  /**
   * For a TLS socket. `whyCut` says, when the peer sends no more, why that is not a regular end;
   * `explain` puts its errors into words.
   * Its texts take the way of Node's streams: below them, a second write before the first has
   * completed aborts the process, and no write completes before the next turn of the event loop.
   */
  attachTls(
    socket: Socket,
    { whyCut, explain }: { whyCut(): Error | null; explain(error: Error): Error },
  ): void {
    this.#attach(socket, false, explain);
    socket.on("end", () => {
      const why = whyCut();
      if (why === null) this.receiver.ended();
      else socket.destroy(why);
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk, chunk.length));
  }

  /** Gives the socket away, for TLS over it to be attached. Only its close is reported from now on. */
  detach(): Socket {
    const { socket } = this;
    this.#isDetached = true;
    return socket;
  }

  #attach(socket: Socket, writesDirectly: boolean, explain = asItIs): void {
    let broke: Error | null = null;
    this.#isDetached = false;
    this.#socket = socket;
    this.#texts = new TextWriter(socket, writesDirectly);
    socket.on("drain", () => {
      if (this.#owns(socket)) this.receiver.drained();
    });
    socket.on("error", (error) => (broke = explain(error)));
    socket.on("close", () => {
      if (this.#socket === socket) this.receiver.closed(broke);
    });
  }

  /** For a socket made without `onread`: the same, with one buffer per read. */
  attachPlain(socket: Socket): void {
    this.attach(socket);
    socket.on("data", (chunk: Buffer) => {
      if (this.#owns(socket)) this.#read(chunk, chunk.length);
    });
  }

  #owns(socket: Socket): boolean {
    return this.#socket === socket && !this.#isDetached;
  }

  /**
   * The event loop reads a socket that fills the buffer up to 32 times in a row. Once the turn is long,
   * the socket rests until the next one, so that others are read meanwhile.
   */
  #restsAfterRead(): boolean {
    if (!isTurnLong()) return false;
    restUntilNextTurn(() => {
      const socket = this.#socket;
      if (socket !== null && !socket.destroyed && !socket.isPaused()) socket.resume();
    });
    return true;
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
