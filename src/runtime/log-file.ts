// A file to append lines to: buffered, rolled by size or age, never blocking its caller.
import { open, readdir, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import type { Clock, Close } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Counter } from "../core/stats.ts";
import { periodEndMs, periodStartMs, stampOf } from "./log-rotation.ts";
import type { RollPolicy } from "./log-rotation.ts";

export interface LogFileOptions {
  readonly path: string;
  readonly roll: RollPolicy;
  /** false: previous content is discarded when the file is first opened. */
  readonly append: boolean;
  /** Rotated files to keep; Infinity: all. */
  readonly keepCount: number;
  /** A line is written after this time at the latest. */
  readonly flushMs?: number;
  /** Flush early once this many characters are queued. */
  readonly flushChars?: number;
  /** Limit of queued characters: further lines are dropped and counted. */
  readonly maxWaitingChars?: number;
}

interface LogFileDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Lines dropped because the file was too slow or could not be written. */
  readonly lost: Counter;
}

/** Lines that are written to one file together. */
interface Batch {
  text: string;
  lines: number;
  /** Begin of the period that the lines belong to. */
  readonly periodMs: number;
}

/**
 * Owns the file. `write` never throws and never waits; a disk that is too slow, full or missing costs
 * lines, which `lost` counts and the process log reports once per spell.
 */
export class LogFile {
  readonly #options: Required<LogFileOptions>;
  readonly #deps: LogFileDeps;
  readonly #queue: Batch[] = [];
  #waitingChars = 0;
  #periodEndMs = -Infinity;
  #periodMs = -Infinity;
  #cancelFlush: Close | null = null;
  /** The write in progress: at most one at a time. */
  #writing: Promise<void> | null = null;
  #handle: FileHandle | null = null;
  #fileBytes = 0;
  #filePeriodMs = -Infinity;
  #isFirstOpening = true;
  /** Inode of the open file. */
  #inode = -1;
  #isClosed = false;
  /** Lines lost since the last line that was written. */
  #lostInSpell = 0;

  constructor(options: LogFileOptions, deps: LogFileDeps) {
    const defaults = { flushMs: 1000, flushChars: 65_536, maxWaitingChars: 8 * 2 ** 20 };
    const { roll, flushChars } = { ...defaults, ...options };
    // One write stays within the size of a file.
    const chars = roll.kind === "size" ? Math.min(flushChars, roll.maxBytes) : flushChars;
    this.#options = { ...defaults, ...options, flushChars: chars };
    this.#deps = deps;
  }

  /** Appends one line of ASCII, line feed included. */
  write(line: string): void {
    if (this.#isClosed || this.#waitingChars + line.length > this.#options.maxWaitingChars) {
      return this.#lose(1, "the file takes lines more slowly than they come");
    }
    const batch = this.#batch(line);
    batch.text += line;
    batch.lines++;
    this.#waitingChars += line.length;
    if (this.#waitingChars >= this.#options.flushChars) this.#startWriting();
    else
      this.#cancelFlush ??= this.#deps.clock.after(this.#options.flushMs, () => this.#flushDue());
  }

  /** Resolves when all lines so far were written, or lost. */
  async flush(): Promise<void> {
    this.#startWriting();
    await this.#writing;
  }

  /** Writes queued lines; later ones are lost. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelFlush?.();
    await this.flush();
    await this.#handle?.close().catch(() => {});
    this.#handle = null;
  }

  /** The last batch, or a new one when the last is full or its period has ended. */
  #batch(line: string): Batch {
    const wallMs = this.#deps.clock.wallMs();
    if (wallMs >= this.#periodEndMs) {
      this.#periodMs = periodStartMs(this.#options.roll, wallMs);
      this.#periodEndMs = periodEndMs(this.#options.roll, wallMs);
    }
    const last = this.#queue.at(-1);
    const isOpen = last !== undefined && last.periodMs === this.#periodMs;
    if (isOpen && last.text.length + line.length <= this.#options.flushChars) return last;
    const batch: Batch = { text: "", lines: 0, periodMs: this.#periodMs };
    this.#queue.push(batch);
    return batch;
  }

  #flushDue(): void {
    this.#cancelFlush = null;
    this.#startWriting();
  }

  #startWriting(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    if (this.#queue.length > 0) this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      try {
        const file = await this.#fileFor(batch);
        await file.appendFile(batch.text);
        this.#fileBytes += batch.text.length;
        this.#reportRecovery();
      } catch (error) {
        this.#lose(batch.lines, error instanceof Error ? error.message : String(error));
        await this.#closeFile();
      }
      this.#waitingChars -= batch.text.length;
    }
    this.#writing = null;
  }

  /**
   * The open file, rolled first when its period has ended or the batch would make it too long.
   * Reopened when another program (logrotate) has moved or removed it: no signal is needed.
   */
  async #fileFor(batch: Batch): Promise<FileHandle> {
    if (this.#handle !== null && (await this.#isMovedAway())) await this.#closeFile();
    const file = this.#handle ?? (await this.#open(batch));
    if (!this.#isFull(batch)) return file;
    await this.#closeFile();
    await this.#rollFile();
    return await this.#open(batch);
  }

  async #isMovedAway(): Promise<boolean> {
    const found = await stat(this.#options.path).catch(() => null);
    return found?.ino !== this.#inode;
  }

  #isFull(batch: Batch): boolean {
    const { roll } = this.#options;
    if (this.#fileBytes === 0) return false;
    if (roll.kind !== "size") return this.#filePeriodMs < batch.periodMs;
    return this.#fileBytes + batch.text.length > roll.maxBytes;
  }

  async #open(batch: Batch): Promise<FileHandle> {
    const isTruncated = this.#isFirstOpening && !this.#options.append;
    const handle = await open(this.#options.path, isTruncated ? "w" : "a");
    this.#handle = handle;
    this.#isFirstOpening = false;
    const { size, mtimeMs, ino } = await handle.stat();
    this.#inode = ino;
    this.#fileBytes = size;
    // Lines of an earlier run belong to the period in which the last one was written.
    const { roll } = this.#options;
    this.#filePeriodMs = size === 0 ? batch.periodMs : periodStartMs(roll, mtimeMs);
    return handle;
  }

  async #closeFile(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => {});
  }

  /** Gives the file the name of its time and removes those that are too many. */
  async #rollFile(): Promise<void> {
    const { roll, path: file, keepCount } = this.#options;
    const atMs = roll.kind === "size" ? this.#deps.clock.wallMs() : this.#filePeriodMs;
    await rename(file, await this.#freeName(stampOf(roll, atMs)));
    if (keepCount === Infinity) return;
    const ended = await this.#endedFiles();
    for (const name of ended.slice(0, Math.max(0, ended.length - keepCount))) {
      await unlink(path.join(path.dirname(file), name));
    }
  }

  /** `access-20240131.log`; `access-20240131.1.log` when there is one already. */
  async #freeName(stamp: string): Promise<string> {
    const { dir, name, ext } = path.parse(this.#options.path);
    for (let n = 0; ; n++) {
      const candidate = path.join(dir, `${name}-${stamp}${n === 0 ? "" : `.${n}`}${ext}`);
      const isTaken = await stat(candidate).then(
        () => true,
        () => false,
      );
      if (!isTaken) return candidate;
    }
  }

  /** The names of the files that ended, oldest first. */
  async #endedFiles(): Promise<string[]> {
    const { dir, name, ext } = path.parse(this.#options.path);
    const found: { file: string; stamp: string; n: number }[] = [];
    for (const file of await readdir(dir === "" ? "." : dir)) {
      if (!file.startsWith(`${name}-`) || !file.endsWith(ext)) continue;
      const middle = file.slice(name.length + 1, file.length - ext.length);
      const match = /^(\d{8}(?:-\d{2}(?:\d{4})?)?)(?:\.(\d+))?$/.exec(middle);
      if (match !== null) found.push({ file, stamp: match[1] ?? "", n: Number(match[2] ?? 0) });
    }
    found.sort((a, b) => (a.stamp === b.stamp ? a.n - b.n : a.stamp < b.stamp ? -1 : 1));
    return found.map(({ file }) => file);
  }

  #lose(lines: number, why: string): void {
    this.#deps.lost.value += lines;
    if (this.#lostInSpell === 0) {
      const event = "log-lines-lost";
      this.#deps.log.warn({ event, path: this.#options.path, why });
    }
    this.#lostInSpell += lines;
  }

  #reportRecovery(): void {
    if (this.#lostInSpell === 0) return;
    const event = "log-lines-written-again";
    this.#deps.log.info({ event, path: this.#options.path, lost: this.#lostInSpell });
    this.#lostInSpell = 0;
  }
}
