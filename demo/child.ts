// One child process: its last words, its end, and how it is asked to go.
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { ask } from "./http.ts";

const keptLines = 20;

export interface Ending {
  /** For people: `exit code 1`, `SIGKILL`. */
  readonly how: string;
  /** False when we asked it to go. */
  readonly isUnexpected: boolean;
}

export interface ChildOptions {
  /** For people: `rates-1`, `rates-1's sidecar`. */
  readonly title: string;
  /** The program; Node unless given. */
  readonly command?: string;
  readonly args: readonly string[];
  /** Takes all it prints. */
  readonly logFile: string;
  /** A service leaves when this channel closes, that is when the supervisor is gone. */
  readonly isTied: boolean;
}

/** Owns the process. Running until `ended` resolves, which it does once and never rejects. */
export class Child {
  readonly title: string;
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  #hasEnded = false;
  #isAskedToGo = false;

  constructor({ title, command, args, logFile, isTied }: ChildOptions) {
    this.title = title;
    this.#process = spawn(command ?? process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe", isTied ? "ipc" : "ignore"],
      // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which
      // then stops everything in order.
      detached: true,
    });
    const log = createWriteStream(logFile, { flags: "a" });
    log.on("error", () => {}); // the folder may be gone already: it is only a log
    this.#process.stdout?.on("data", (chunk: Buffer) => log.write(chunk));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#hear(text, log));
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#hasEnded = true;
        log.end();
        resolve({ how, isUnexpected: !this.#isAskedToGo });
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

  /** What it last wrote to stderr. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  /** Asks it to go, then makes it. Resolves when it has ended; `graceMs` is for calls in progress. */
  async stop(graceMs: number): Promise<void> {
    this.#isAskedToGo = true;
    this.#process.kill("SIGTERM");
    const impatience = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.ended;
    clearTimeout(impatience);
  }

  /** Ends it at once, as a crash would. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** null when `url` answers 200; else why that will not happen. */
  async untilReady(url: string, limitMs: number): Promise<string | null> {
    const startedMs = performance.now();
    let last = "no answer";
    while (performance.now() - startedMs < limitMs) {
      if (this.#hasEnded) return this.#obituary();
      try {
        const { status } = await ask(url, { timeoutMs: 1_000 });
        if (status === 200) return null;
        last = `status ${status}`;
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      await Promise.race([this.ended, pause(20)]);
    }
    return `${this.title} is not ready after ${limitMs / 1_000} s: ${url} gives ${last}`;
  }

  async #obituary(): Promise<string> {
    const { how } = await this.ended;
    return [`${this.title} ended (${how}) before it was ready`, ...this.lastLines].join("\n    ");
  }

  #hear(text: string, log: WriteStream): void {
    log.write(text);
    this.#lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
    this.#lines.splice(0, this.#lines.length - keptLines);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
