// One child process: its last log lines, its end, and how it is stopped.
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { sendRequest } from "./http.ts";

const keptLines = 20;

export interface Ending {
  /** For people: `exit code 1`, `SIGKILL`. */
  readonly how: string;
  /** False when the supervisor stopped it. */
  readonly isUnexpected: boolean;
}

export interface ChildOptions {
  /** For people: `rates-1`, `rates-1's sidecar`. */
  readonly title: string;
  /** The program; Node unless given. */
  readonly command?: string;
  readonly args: readonly string[];
  /** Receives all output of the process. */
  readonly logFile: string;
  /** Ties the process to the supervisor: a service exits when the supervisor's channel closes. */
  readonly isTied: boolean;
}

/** Owns the process, which runs until `ended` resolves. `ended` never rejects. */
export class Child {
  readonly title: string;
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  #hasEnded = false;
  #isStopping = false;

  constructor({ title, command, args, logFile, isTied }: ChildOptions) {
    this.title = title;
    this.#process = spawn(command ?? process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe", isTied ? "ipc" : "ignore"],
      // A separate process group, so that Ctrl-C in the terminal reaches only the supervisor, which
      // then stops everything in order.
      detached: true,
    });
    const log = createWriteStream(logFile, { flags: "a" });
    log.on("error", () => {}); // the folder may already be removed, and the log is not essential
    this.#process.stdout?.on("data", (chunk: Buffer) => log.write(chunk));
    this.#process.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.#readLog(text, log));
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#hasEnded = true;
        log.end();
        resolve({ how, isUnexpected: !this.#isStopping });
      };
      this.#process.once("error", (error) => end(error.message));
      this.#process.once("close", (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The last lines it wrote to stderr that report a problem. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  /** Sends SIGTERM and, after `graceMs` for calls in progress, SIGKILL. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#process.kill("SIGTERM");
    const killTimer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.ended;
    clearTimeout(killTimer);
  }

  /** Ends it immediately, like a crash; that it ends is then expected. */
  kill(): void {
    this.#isStopping = true;
    this.#process.kill("SIGKILL");
  }

  /** null once `url` returns 200; otherwise the reason why it does not. */
  async untilReady(url: string, limitMs: number): Promise<string | null> {
    const startedMs = performance.now();
    let last = "no response";
    while (performance.now() - startedMs < limitMs) {
      if (this.#hasEnded) return this.#earlyEnd();
      try {
        const { status } = await sendRequest(url, { timeoutMs: 1_000 });
        if (status === 200) return null;
        last = `status ${status}`;
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      await Promise.race([this.ended, pause(20)]);
    }
    return `${this.title} is not ready after ${limitMs / 1_000} s: ${url} gives ${last}`;
  }

  async #earlyEnd(): Promise<string> {
    const { how } = await this.ended;
    return [`${this.title} ended (${how}) before it was ready`, ...this.lastLines].join("\n    ");
  }

  #readLog(text: string, log: WriteStream): void {
    log.write(text);
    this.#lines.push(...text.split("\n").filter(isProblem));
    this.#lines.splice(0, this.#lines.length - keptLines);
  }
}

/** Sidecars log one JSON object per line; most of them report that everything is fine. */
function isProblem(line: string): boolean {
  return line.trim() !== "" && !/^\{"level":"(debug|info)"/.test(line);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
