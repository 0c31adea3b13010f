// A load generator: keep-alive connections over raw sockets, each of which sends its next request when
// the previous response is complete (a closed loop). Every latency is stored, so quantiles are exact.
// Used where wrk is not installed; it needs about twice as much processor time as wrk.
import { connect, type Socket } from "node:net";
import { quantile } from "./numbers.ts";

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Host values, used in rotation by all connections together. */
  readonly hosts: readonly string[];
  /** Calls per second, evenly spaced; when absent, each connection runs a closed loop. */
  readonly ratePerS?: number;
  /** Over TLS, whose certificate is not checked; wrk only. */
  readonly isSecure?: boolean;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses other than 200, and connections that failed or broke. */
  readonly errors: number;
}

/** The state that all connections of a run share. */
interface Run {
  readonly port: number;
  readonly requests: readonly string[];
  next: number;
  latencies: Float64Array;
  responses: number;
  errors: number;
  isOver: boolean;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const run: Run = {
    port: options.port,
    requests: options.hosts.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    next: 0,
    latencies: new Float64Array(1 << 16),
    responses: 0,
    errors: 0,
    isOver: false,
  };
  const startedMs = performance.now();
  const connections = Array.from({ length: options.connections }, () => new Connection(run));
  await new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000));
  run.isOver = true;
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const connection of connections) connection.close();
  const sorted = run.latencies.subarray(0, run.responses).toSorted();
  return {
    requests: run.responses,
    seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    errors: run.errors,
  };
}

function record(run: Run, latencyMs: number): void {
  if (run.responses === run.latencies.length) {
    const wider = new Float64Array(run.latencies.length * 2);
    wider.set(run.latencies);
    run.latencies = wider;
  }
  run.latencies[run.responses++] = latencyMs;
}

const reconnectAfterMs = 10;

/** One caller. It reconnects when its connection breaks, which counts as an error. */
class Connection {
  readonly #run: Run;
  #socket: Socket;
  #sentMs = 0;
  readonly #response = new ResponseReader();

  constructor(run: Run) {
    this.#run = run;
    this.#socket = this.#dial();
  }

  close(): void {
    this.#socket.destroy();
  }

  #dial(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.#run.port, noDelay: true });
    socket.on("connect", () => this.#send());
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#broken());
    return socket;
  }

  #send(): void {
    const run = this.#run;
    this.#sentMs = performance.now();
    this.#socket.write(run.requests[run.next] ?? "", "latin1");
    run.next = (run.next + 1) % run.requests.length;
  }

  #receive(chunk: Buffer): void {
    const status = this.#response.read(chunk);
    if (status === null) return;
    if (this.#run.isOver) return;
    if (status !== 200) this.#run.errors++;
    record(this.#run, performance.now() - this.#sentMs);
    this.#send();
  }

  #broken(): void {
    if (this.#run.isOver) return;
    this.#run.errors++;
    this.#response.reset();
    setTimeout(() => {
      if (!this.#run.isOver) this.#socket = this.#dial();
    }, reconnectAfterMs);
  }
}

const lastChunk = "\r\n0\r\n\r\n";

/** Finds the end of a response, by its Content-Length or its last chunk. */
export class ResponseReader {
  #text = "";

  /** The status when `chunk` completes the response; null when more is to come. */
  read(chunk: Buffer): number | null {
    const text = this.#text + chunk.toString("latin1");
    const status = completeStatus(text);
    this.#text = status === null ? text : "";
    return status;
  }

  reset(): void {
    this.#text = "";
  }
}

function completeStatus(text: string): number | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const status = Number(text.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  if (length !== null && length.index < end) {
    return text.length >= end + 4 + Number(length[1]) ? status : null;
  }
  const isChunked = /\r\ntransfer-encoding: *chunked/i.test(text.slice(0, end));
  return !isChunked || text.endsWith(lastChunk) ? status : null;
}
