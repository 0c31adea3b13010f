// The input of a connection: bytes that were read but cannot be consumed yet, within bounds.
import { isTurnLong, restUntilNextTurn, turnNumber } from "../runtime/event-loop.ts";
import type { SocketLink } from "./socket-link.ts";
import { countWaiting } from "./socket-memory.ts";

/** Consumes bytes as far as its state allows. */
export interface Consumer {
  /**
   * Consumes what it can of `buffer[start, end)`, which it may overwrite, and returns where it
   * stopped: it needs more bytes, or accepts none now. Valid only during the call.
   */
  consume(buffer: Buffer, start: number, end: number): number;
  /** How many unconsumed bytes may wait before reading pauses; read after each `consume`. */
  readonly readAheadBytes: number;
  /** The peer sends no more, and everything before was consumed, or never will be. */
  inputEnded(): void;
}

/** Messages of one connection in one turn before anyone looks how long the turn takes. */
const fewMessages = 8;

/** Owns the waiting bytes, and pauses and resumes its link's socket. */
export class InputBuffer {
  readonly #link: SocketLink;
  readonly #consumer: Consumer;
  #waiting: Buffer | null = null;
  #start = 0;
  #end = 0;
  #isRunning = false;
  #runsAgain = false;
  #isPaused = false;
  #hasEnded = false;
  #turn = 0;
  #messagesInTurn = 0;
  /** Until the next turn of the event loop: its consumer takes no message. */
  isResting = false;

  constructor(link: SocketLink, consumer: Consumer) {
    this.#link = link;
    this.#consumer = consumer;
  }

  /** Bytes that were read but not consumed. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  received(buffer: Buffer, length: number): void {
    if (this.#start < this.#end) {
      this.#append(buffer, 0, length);
      this.#runWaiting();
    } else {
      const stopped = this.#run(buffer, 0, length);
      if (stopped < length) this.#append(buffer, stopped, length);
    }
    this.#settle();
  }

  /**
   * Counts a message that the consumer has found. One read can hold a thousand, and their calls would
   * hold up all other connections: `isResting` then says that the rest waits for the next turn.
   */
  foundMessage(): void {
    const turn = turnNumber();
    if (turn !== this.#turn) this.#messagesInTurn = 0;
    this.#turn = turn;
    if (++this.#messagesInTurn % fewMessages !== 0 || this.isResting || !isTurnLong()) return;
    this.isResting = true;
    restUntilNextTurn(() => {
      this.isResting = false;
      this.advance();
    });
  }

  ended(): void {
    this.#hasEnded = true;
    this.advance();
  }

  /** The consumer's state has changed: it may accept the waiting bytes. */
  advance(): void {
    if (this.#isRunning) {
      this.#runsAgain = true; // inside `consume`: its caller continues
      return;
    }
    if (this.#start < this.#end) this.#runWaiting();
    this.#settle();
  }

  #run(buffer: Buffer, start: number, end: number): number {
    let at = start;
    this.#isRunning = true;
    do {
      this.#runsAgain = false;
      at = this.#consumer.consume(buffer, at, end);
    } while (this.#runsAgain && at < end);
    this.#isRunning = false;
    return at;
  }

  #runWaiting(): void {
    this.#start = this.#run(this.#waiting as Buffer, this.#start, this.#end);
    if (this.#start >= this.#end) this.#release();
  }

  #release(): void {
    this.#waiting = null;
    this.#start = this.#end = 0;
    countWaiting(this.#link.socket, 0);
  }

  #settle(): void {
    const waiting = this.#end - this.#start;
    const mayWait = this.isResting ? 0 : this.#consumer.readAheadBytes;
    if (waiting > 0 && waiting > mayWait) {
      if (!this.#isPaused) this.#link.socket.pause();
      this.#isPaused = true;
    } else if (this.#isPaused) {
      this.#isPaused = false;
      this.#link.socket.resume();
    }
    if (this.#hasEnded && (waiting === 0 || mayWait === Infinity)) {
      this.#hasEnded = false;
      this.#consumer.inputEnded();
    }
  }

  #append(buffer: Buffer, start: number, end: number): void {
    const waiting = this.#end - this.#start;
    const needed = waiting + end - start;
    if (this.#waiting === null || this.#end + end - start > this.#waiting.length) {
      const roomy = Buffer.allocUnsafeSlow(Math.max(1024, waiting === 0 ? needed : 2 * needed));
      this.#waiting?.copy(roomy, 0, this.#start, this.#end);
      this.#waiting = roomy;
      countWaiting(this.#link.socket, roomy.length);
      this.#start = 0;
      this.#end = waiting;
    }
    buffer.copy(this.#waiting, this.#end, start, end);
    this.#end += end - start;
  }
}
