// A hundred callers, each with a connection of its own, while the proxy that they use is shut down.
import { connect, type Socket } from "node:net";
import { protocols, type ProtocolName } from "../outages/wire.ts";

export interface Seen {
  calls: number;
  /** Calls that were sent and got no good response. */
  lost: number;
  /** What the first lost call got; empty when none was lost. */
  loss: string;
}

export interface Callers {
  readonly seen: Seen;
  /** Ends the load, waits for the calls in progress, and closes the connections. */
  stop(): Promise<void>;
}

interface Load {
  readonly protocol: ProtocolName;
  readonly seen: Seen;
  /** Where the next connection leads. */
  port(): number;
  /** The next pause of a caller. */
  pauseMs(): number;
}

export interface LoadOptions {
  readonly protocol: ProtocolName;
  readonly connections: number;
  /** Of all of them together. */
  readonly callsPerS: number;
  port(): number;
}

const lookEveryMs = 1;
const patienceMs = 5_000;

/** What a call takes at rest, by and large. */
const callMs = 4;

/**
 * Each waits for its response, pauses, and calls again, whatever the others do. Pauses are from half their mean
 * to one and a half times their mean, which is such that the rate is reached when calls take 4 ms.
 */
export function startCallers({ protocol, connections, callsPerS, port }: LoadOptions): Callers {
  const meanMs = (1_000 * connections) / callsPerS - callMs;
  const seen: Seen = { calls: 0, lost: 0, loss: "" };
  const load = { protocol, seen, port, pauseMs: () => meanMs * (0.5 + Math.random()) };
  const callers = Array.from({ length: connections }, () => new Caller(load));
  // After the sockets were read: as any client that keeps connections, these look at them before a call.
  const timer = setInterval(
    () => setImmediate(() => callers.forEach((each) => each.look())),
    lookEveryMs,
  );
  return {
    seen,
    async stop() {
      clearInterval(timer);
      const endMs = performance.now() + patienceMs;
      while (callers.some(({ open }) => open > 0) && performance.now() < endMs) await moment(10);
      for (const caller of callers) caller.close();
    },
  };
}

export const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

class Caller {
  readonly #load: Load;
  #connection: Connection;
  #dueMs: number;

  constructor(load: Load) {
    this.#load = load;
    this.#connection = new Connection(load);
    this.#dueMs = performance.now() + load.pauseMs();
  }

  get open(): number {
    return this.#connection.calls.size;
  }

  look(): void {
    const nowMs = performance.now();
    if (this.open > 0) return;
    if (this.#dueMs === Infinity) this.#dueMs = nowMs + this.#load.pauseMs();
    if (nowMs < this.#dueMs) return;
    if (this.#connection.isOver) this.#connection = new Connection(this.#load);
    this.#connection.send();
    this.#dueMs = Infinity;
  }

  close(): void {
    for (const tag of this.#connection.calls) this.#connection.lost(tag, "no response");
    this.#connection.close();
  }
}

class Connection {
  /** Tags of those in progress. */
  readonly calls = new Set<number>();
  /** It takes no further calls. */
  isOver = false;
  readonly #load: Load;
  readonly #socket: Socket;
  #nextTag = 0;

  constructor(load: Load) {
    this.#load = load;
    this.#socket = connect({ host: "127.0.0.1", port: load.port(), noDelay: true });
    const read = protocols[load.protocol].reader((message) => {
      if (message.kind === "last") this.isOver = true;
      if (message.kind === "other" && message.response !== null)
        this.#socket.write(message.response);
      if (message.kind !== "response") return;
      if (message.problem === null) this.calls.delete(message.tag);
      else this.lost(message.tag, message.problem);
      if (this.isOver && this.calls.size === 0) this.#socket.end();
    });
    this.#socket.on("data", read);
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.on("end", () => (this.isOver = true));
    this.#socket.on("close", () => {
      this.isOver = true;
      for (const tag of this.calls) this.lost(tag, "the connection was closed");
    });
  }

  send(): void {
    const { callsAtATime, call } = protocols[this.#load.protocol];
    const tag = callsAtATime === 1 ? 0 : this.#nextTag++ % 1_000;
    this.calls.add(tag);
    this.#load.seen.calls++;
    this.#socket.write(call(tag));
  }

  lost(tag: number, problem: string): void {
    if (!this.calls.delete(tag)) return;
    const { seen } = this.#load;
    seen.lost++;
    if (seen.loss === "") seen.loss = problem.replaceAll(/\s+/g, " ").slice(0, 200);
  }

  close(): void {
    this.#socket.destroy();
  }
}
