// An HTTP endpoint on a port of its own that can be made to misbehave, and to come back.
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { TestContext } from "node:test";

export type Mood =
  | "good"
  | "slow" // answers after 200 ms
  | "hanging" // takes requests, never answers
  | "failing" // 500 at once
  | "resetting" // resets after the head
  | "babbling"; // answers with bytes that are no HTTP

export class MoodyEndpoint {
  mood: Mood = "good";
  /** Requests so far, whatever became of them. */
  count = 0;
  #server: Server = createServer();
  readonly #sockets = new Set<Socket>();
  #port = 0;

  static async open(t: TestContext): Promise<MoodyEndpoint> {
    const endpoint = new MoodyEndpoint();
    await endpoint.start();
    t.after(() => endpoint.kill());
    return endpoint;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port as before. */
  start(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
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
    let read = "";
    socket.on("data", (bytes) => {
      read += bytes.toString("latin1");
      for (let end = read.indexOf("\r\n\r\n"); end >= 0; end = read.indexOf("\r\n\r\n")) {
        read = read.slice(end + 4);
        this.count++;
        this.#answer(socket);
      }
    });
  }

  #answer(socket: Socket): void {
    switch (this.mood) {
      case "good":
        socket.write(whole(200));
        return;
      case "slow":
        setTimeout(() => socket.writable && socket.write(whole(200)), 200);
        return;
      case "hanging":
        return;
      case "failing":
        socket.write(whole(500));
        return;
      case "resetting":
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", () =>
          // Not with the head in one segment: it has been read by then.
          setTimeout(() => socket.resetAndDestroy(), 2),
        );
        return;
      case "babbling":
        socket.write("\u0000\u0001 no HTTP at all \r\n\r\n");
        return;
      default:
        this.mood satisfies never;
    }
  }
}

const whole = (status: number) => `HTTP/1.1 ${status} Any\r\nContent-Length: 4\r\n\r\nbody`;
