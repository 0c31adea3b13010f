// Where the process log goes: written in the background, bounded, and never in the way of calls.
import { openSync, write } from "node:fs";
import type { LogSink } from "../core/log.ts";

/** Lines that wait for a slow disk or reader, in characters; what comes on top is lost. */
const maxWaiting = 1024 * 1024;
/** How long to wait before writing again to a pipe whose reader is behind. */
const retryMs = 20;

/**
 * To a descriptor (2: standard error) or to the end of a file, which it opens and keeps open.
 * Throws when the file cannot be opened. Lines are written as they come; with `isText` as text for
 * people. A write that fails loses its lines and nothing else; the next line that gets through says
 * how many. (pino's own destination retries a full disk for ever, and the process never ends.)
 */
export function logTo(target: number | string, isText: boolean): LogSink {
  return new FileSink(typeof target === "number" ? target : openSync(target, "a"), isText);
}

class FileSink implements LogSink {
  readonly #fd: number;
  readonly #isText: boolean;
  #waiting: string[] = [];
  #waitingLength = 0;
  #isWriting = false;
  #lost = 0;
  #flushed: (() => void)[] = [];

  constructor(fd: number, isText: boolean) {
    this.#fd = fd;
    this.#isText = isText;
  }

  write(line: string): void {
    if (this.#waitingLength > maxWaiting) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (!this.#isWriting) this.#writeNext();
  }

  flush(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => void this.#flushed.push(resolve));
  }

  #writeNext(): void {
    const lines = this.#waiting;
    this.#isWriting = lines.length > 0;
    if (!this.#isWriting) {
      for (const resolve of this.#flushed.splice(0)) resolve();
      return;
    }
    this.#waiting = [];
    this.#waitingLength = 0;
    const text = this.#isText ? lines.map(textOf).join("") : lines.join("");
    this.#writeAll(Buffer.from(text), lines.length);
  }

  #writeAll(bytes: Buffer, lineCount: number): void {
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#writeAll(bytes, lineCount), retryMs);
        return;
      }
      if (error === null && written < bytes.length) {
        this.#writeAll(bytes.subarray(written), lineCount);
        return;
      }
      if (error !== null) this.#lost += lineCount;
      else this.#tellLost();
      this.#writeNext();
    });
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    const time = new Date().toISOString();
    const line = {
      level: "warn",
      time,
      logger: "root",
      event: "log lines lost",
      count: this.#lost,
    };
    this.#lost = 0;
    this.#waiting.push(`${JSON.stringify(line)}\n`);
  }
}

/** `{"level":"info","time":…,"logger":"http","event":"listening","port":4140}` for people. */
function textOf(line: string): string {
  const { level, time, logger, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${showField(value)}`);
  const head = [time, String(level).toUpperCase().padEnd(5), logger ?? "root", event];
  return `${[...head, ...shown].join(" ")}\n`;
}

function showField(value: unknown): string {
  if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  if (typeof value !== "object" || value === null) return String(value);
  if ("stack" in value && typeof value.stack === "string") return `\n  ${value.stack}`;
  return JSON.stringify(value);
}
