// An endpoint on a port of its own that can be made to misbehave, and to come back.
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { TestContext } from "node:test";

export type Mood =
  | "good"
  | "slow" // answers after 200 ms
  | "hanging" // takes calls, never answers
  | "failing" // an error at once
  | "resetting" // resets in the middle of its answer
  | "babbling"; // answers with bytes of no protocol

/** What can be said to one call, as bytes. */
export interface Sayable {
  good(): Buffer;
  error(): Buffer;
  /** A good response as far as it comes before the connection breaks. */
  part(): Buffer;
}

/** Reads the calls of a connection; whatever else the protocol wants said, it says itself. */
export type ReadCalls = (socket: Socket, asked: (sayable: Sayable) => void) => void;

export class MoodyEndpoint {
  mood: Mood = "good";
  /** Calls so far, whatever became of them. */
  count = 0;
  readonly #readCalls: ReadCalls;
  #server: Server = createServer();
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(readCalls: ReadCalls) {
    this.#readCalls = readCalls;
  }

  static async open(t: TestContext, readCalls: ReadCalls): Promise<MoodyEndpoint> {
    const endpoint = new MoodyEndpoint(readCalls);
    await endpoint.start();
    t.after(() => endpoint.kill());
    return endpoint;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port as before. */
  start(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", () => {
        this.#port = (server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** As a process that is killed: its connections break, its port refuses. */
  kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    this.#readCalls(socket, (sayable) => {
      this.count++;
      this.#answer(socket, sayable);
    });
  }

  #answer(socket: Socket, sayable: Sayable): void {
    switch (this.mood) {
      case "good":
        socket.write(sayable.good());
        return;
      case "slow":
        setTimeout(() => socket.writable && socket.write(sayable.good()), 200);
        return;
      case "hanging":
        return;
      case "failing":
        socket.write(sayable.error());
        return;
      case "resetting":
        socket.write(sayable.part(), () =>
          // Not with the part in one segment: it has been read by then.
          setTimeout(() => socket.resetAndDestroy(), 5),
        );
        return;
      case "babbling":
        socket.write("no protocol at all\r\n\r\n");
        return;
      default:
        this.mood satisfies never;
    }
  }
}
