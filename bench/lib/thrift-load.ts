// Thrift calls over raw sockets: a closed loop, or a fixed rate over free connections.
import { connect, type Socket } from "node:net";
import type { LoadOptions, LoadResult } from "./load.ts";
import { quantile } from "./numbers.ts";
import { callFrame, replyFrame, typeAt } from "./thrift-frames.ts";

/** The state that all connections of a run share. */
interface Run {
  readonly port: number;
  /** null for a closed loop. */
  readonly idle: Connection[] | null;
  readonly latenciesMs: number[];
  errors: number;
  isOver: boolean;
}

export async function runThriftLoad(options: LoadOptions): Promise<LoadResult> {
  const { port, connections, seconds, ratePerS } = options;
  const idle = ratePerS === undefined ? null : [];
  const run: Run = { port, idle, latenciesMs: [], errors: 0, isOver: false };
  const all = Array.from({ length: connections }, () => new Connection(run));
  const startedMs = performance.now();
  if (ratePerS === undefined) await pause(seconds * 1_000);
  else await atRate(run, ratePerS, seconds);
  run.isOver = true;
  const tookS = (performance.now() - startedMs) / 1_000;
  for (const connection of all) connection.close();
  const sorted = Float64Array.from(run.latenciesMs).sort();
  return {
    requests: sorted.length,
    seconds: tookS,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    errors: run.errors,
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs every millisecond and sends due calls. A call without a free connection is an error. */
async function atRate(run: Run, ratePerS: number, seconds: number): Promise<void> {
  const startedMs = performance.now();
  let sent = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs >= seconds * 1_000) return;
    for (const due = (elapsedMs * ratePerS) / 1_000; sent < due; sent++) {
      const connection = run.idle?.shift();
      if (connection === undefined) run.errors++;
      else connection.send();
    }
    await pause(1);
  }
}

const reconnectAfterMs = 10;

/** One caller. It reconnects when its connection breaks, which counts as an error. */
class Connection {
  readonly #run: Run;
  #socket: Socket;
  #sentMs = 0;
  #receivedBytes = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#socket = this.#dial();
  }

  close(): void {
    this.#socket.destroy();
  }

  send(): void {
    this.#sentMs = performance.now();
    this.#socket.write(callFrame);
  }

  #dial(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.#run.port, noDelay: true });
    socket.on("connect", () => this.#rest());
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#broken());
    return socket;
  }

  #rest(): void {
    const { idle } = this.#run;
    if (idle === null) this.send();
    else idle.push(this);
  }

  #receive(chunk: Buffer): void {
    const run = this.#run;
    if (run.isOver) return;
    const at = typeAt - this.#receivedBytes;
    if (at >= 0 && at < chunk.length && chunk[at] !== replyFrame[typeAt]) {
      this.#socket.destroy(); // an exception, which has a different length
      return;
    }
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes < replyFrame.length) return;
    this.#receivedBytes = 0;
    run.latenciesMs.push(performance.now() - this.#sentMs);
    this.#rest();
  }

  #broken(): void {
    const run = this.#run;
    if (run.isOver) return;
    run.errors++;
    this.#receivedBytes = 0;
    setTimeout(() => {
      if (!run.isOver) this.#socket = this.#dial();
    }, reconnectAfterMs);
  }
}
