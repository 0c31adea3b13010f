// Calls at a fixed rate, whatever becomes of the ones before: what callers see, one by one.
import { connect, type Socket } from "node:net";
import { quantile } from "../lib/numbers.ts";
import { protocols, type ProtocolName } from "./wire.ts";

export interface Seen {
  readonly calls: number;
  readonly failed: number;
  /** Without a response when the run had been over for `patienceMs`. */
  readonly hung: number;
  readonly p99Ms: number;
  /** What the first call that failed got, shortened; empty when none failed. */
  readonly failure: string;
}

const patienceMs = 5_000;

export interface RunningLoad {
  /** Counts only the calls from now on. */
  restart(): void;
  /** Ends the load, and waits for the calls in progress. */
  stop(): Promise<Seen>;
}

/** Runs until it is stopped. */
export function startLoad(name: ProtocolName, port: number, callsPerS: number): RunningLoad {
  const run: Run = {
    name,
    port,
    free: [],
    all: [],
    generation: 0,
    latenciesMs: [],
    failed: 0,
    open: 0,
    failure: "",
  };
  const startedMs = performance.now();
  let sent = 0;
  let counted = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * callsPerS) / 1_000;
    for (; sent < due; sent++, counted++) (run.free.pop() ?? new Connection(run)).send();
  }, 1);
  return {
    restart() {
      run.generation++;
      run.latenciesMs.length = run.failed = run.open = counted = 0;
    },
    async stop() {
      clearInterval(timer);
      const endMs = performance.now() + patienceMs;
      while (run.open > 0 && performance.now() < endMs) await pause(50);
      const sorted = Float64Array.from(run.latenciesMs).sort();
      const { failed, open: hung, failure } = run;
      const seen = { calls: counted, failed, hung, p99Ms: quantile(sorted, 0.99), failure };
      run.generation++;
      for (const connection of run.all) connection.close();
      return seen;
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Run {
  readonly name: ProtocolName;
  readonly port: number;
  /** Connections that can take a call now. */
  readonly free: Connection[];
  readonly all: Connection[];
  /** Calls of an earlier one are not counted. */
  generation: number;
  readonly latenciesMs: number[];
  failed: number;
  open: number;
  failure: string;
}

interface Call {
  readonly startedMs: number;
  readonly generation: number;
}

class Connection {
  readonly #run: Run;
  readonly #socket: Socket;
  readonly #calls = new Map<number, Call>();
  #nextTag = 0;
  #isClosed = false;

  constructor(run: Run) {
    this.#run = run;
    run.all.push(this);
    this.#socket = connect({ host: "127.0.0.1", port: run.port, noDelay: true });
    const read = protocols[run.name].reader((message) => {
      if (message.kind === "other" && message.response !== null)
        this.#socket.write(message.response);
      if (message.kind === "response") this.#ended(message.tag, message.problem);
    });
    this.#socket.on("data", read);
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.on("close", () => this.#broken());
  }

  send(): void {
    const { run, tag } = { run: this.#run, tag: this.#nextTag };
    const { callsAtATime, call } = protocols[run.name];
    if (callsAtATime > 1) this.#nextTag = (tag + 1) % callsAtATime;
    this.#calls.set(tag, { startedMs: performance.now(), generation: run.generation });
    run.open++;
    this.#socket.write(call(tag));
    if (callsAtATime > 1 && !run.free.includes(this)) run.free.push(this);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #ended(tag: number, problem: string | null): void {
    const call = this.#calls.get(tag);
    if (call === undefined) return;
    this.#calls.delete(tag);
    const run = this.#run;
    if (!this.#isClosed && !run.free.includes(this)) run.free.push(this);
    if (call.generation !== run.generation) return;
    run.open--;
    if (problem === null) {
      run.latenciesMs.push(performance.now() - call.startedMs);
      return;
    }
    run.failed++;
    if (run.failure === "") run.failure = problem.replaceAll(/\s+/g, " ").slice(-300);
  }

  #broken(): void {
    this.#isClosed = true;
    const at = this.#run.free.indexOf(this);
    if (at >= 0) this.#run.free.splice(at, 1);
    for (const tag of Array.from(this.#calls.keys())) this.#ended(tag, "the connection was closed");
  }
}
