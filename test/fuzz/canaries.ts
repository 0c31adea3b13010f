// Well-behaved callers beside the hostile ones: each gets exactly its own response, and soon.
import { connect, type Socket } from "node:net";
import type { FuzzedProxy } from "./proxy.ts";
import type { Target } from "./targets.ts";

const pauseMs = 20;
/** Far above what a busy machine needs for one call. */
const patienceMs = 10_000;

export class Canaries {
  readonly #all: Canary[];

  constructor(proxy: FuzzedProxy, targets: readonly Target[], harmed: (what: string) => void) {
    this.#all = targets
      .filter(({ canary }) => canary !== null)
      .map((target) => new Canary(target, proxy.portOf(target.name), harmed));
  }

  get calls(): number {
    return this.#all.reduce((sum, { calls }) => sum + calls, 0);
  }

  /** Resolves when each has had a response since now. */
  async round(): Promise<void> {
    await Promise.all(this.#all.map((canary) => canary.round()));
  }

  close(): void {
    for (const canary of this.#all) canary.close();
  }
}

/** One connection, one call at a time. */
class Canary {
  calls = 0;
  readonly #target: Target;
  readonly #socket: Socket;
  readonly #harmed: (what: string) => void;
  #received = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #waiting: { afterCall: number; resolve: () => void }[] = [];
  #isClosed = false;

  constructor(target: Target, port: number, harmed: (what: string) => void) {
    this.#target = target;
    this.#harmed = harmed;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#fail("its connection was closed"));
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#call();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting = [];
  }

  round(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ afterCall: this.calls + 1, resolve }));
  }

  #call(): void {
    this.#timer = setTimeout(() => this.#fail(`no response in ${patienceMs} ms`), patienceMs);
    this.#socket.write(this.#target.canary?.call(this.calls) ?? "");
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const problem = this.#target.canary?.problem(this.#received, this.calls) ?? null;
    if (problem === null) return;
    if (problem !== "") return this.#fail(`the response to call ${this.calls} was ${problem}`);
    this.#received = Buffer.alloc(0);
    this.calls++;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#call(), pauseMs);
    const isDone = ({ afterCall }: { afterCall: number }) => this.calls > afterCall;
    for (const each of this.#waiting.filter(isDone)) each.resolve();
    this.#waiting = this.#waiting.filter((each) => !isDone(each));
  }

  #fail(what: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#harmed(`a well-behaved caller of ${this.#target.name}: ${what}`);
  }
}
