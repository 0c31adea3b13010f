// A file to append lines or records to: buffered, rolled by size or age, never blocking its caller.
import { open, readdir, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import type { Clock, Close } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Counter } from "../core/stats.ts";
import type { LogBatch, LogContent } from "./log-content.ts";
import { periodEndMs, periodStartMs, secondStampOf, stampOf } from "./log-rotation.ts";
import type { RollPolicy } from "./log-rotation.ts";

export interface LogFileOptions {
  readonly path: string;
  readonly roll: RollPolicy;
  /** false: previous content is discarded when the file is first opened. */
  readonly append: boolean;
  /** Rotated files to keep; Infinity: all. */
  readonly keepCount: number;
  /** An item is written after this time at the latest. */
  readonly flushMs?: number;
  /** Flush early once this many bytes are queued. */
  readonly flushBytes?: number;
  /** Limit of queued bytes: further items are dropped and counted. */
  readonly maxWaitingBytes?: number;
}

interface LogFileDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Items dropped because the file was too slow or could not be written. */
  readonly lost: Counter;
}

/** Items that are written to one file together. */
interface Batch<Item> {
  readonly content: LogBatch<Item>;
  items: number;
  /** Begin of the period that the items belong to. */
  readonly periodMs: number;
}

/**
 * Owns the file. `write` never throws and never waits; a disk that is too slow, full or missing costs
 * items, which `lost` counts and the process log reports once per spell.
 */
export class LogFile<Item extends { readonly length: number }> {
  readonly #options: Required<LogFileOptions>;
  readonly #content: LogContent<Item>;
  readonly #deps: LogFileDeps;
  readonly #queue: Batch<Item>[] = [];
  #waitingBytes = 0;
  #periodEndMs = -Infinity;
  #periodMs = -Infinity;
  #cancelFlush: Close | null = null;
  /** The write in progress: at most one at a time. */
  #writing: Promise<void> | null = null;
  #handle: FileHandle | null = null;
  #fileBytes = 0;
  /** Size of a file that has no items yet. */
  #emptyBytes = 0;
  #filePeriodMs = -Infinity;
  #isFirstOpening = true;
  /** Inode of the open file. */
  #inode = -1;
  #isClosed = false;
  /** Items lost since the last one that was written. */
  #lostInSpell = 0;

  constructor(options: LogFileOptions, content: LogContent<Item>, deps: LogFileDeps) {
    const defaults = { flushMs: 1000, flushBytes: 65_536, maxWaitingBytes: 8 * 2 ** 20 };
    const { roll, flushBytes } = { ...defaults, ...options };
    // One write stays within the size of a file.
    const bytes = roll.kind === "size" ? Math.min(flushBytes, roll.maxBytes) : flushBytes;
    this.#options = { ...defaults, ...options, flushBytes: bytes };
    this.#content = content;
    this.#deps = deps;
  }

  write(item: Item): void {
    if (this.#isClosed || this.#waitingBytes + item.length > this.#options.maxWaitingBytes) {
      return this.#lose(1, "the file takes lines more slowly than they come");
    }
    const batch = this.#batch(item);
    batch.content.add(item);
    batch.items++;
    this.#waitingBytes += item.length;
    if (this.#waitingBytes >= this.#options.flushBytes) this.#startWriting();
    else
      this.#cancelFlush ??= this.#deps.clock.after(this.#options.flushMs, () => this.#flushDue());
  }

  /** Resolves when all items so far were written, or lost. */
  async flush(): Promise<void> {
    this.#startWriting();
    await this.#writing;
  }

  /** Writes what is queued; later items are lost. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelFlush?.();
    await this.flush();
    await this.#handle?.close().catch(() => {});
    this.#handle = null;
  }

  /** The last batch, or a new one when the last is full or its period has ended. */
  #batch(item: Item): Batch<Item> {
    const wallMs = this.#deps.clock.wallMs();
    if (wallMs >= this.#periodEndMs) {
      this.#periodMs = periodStartMs(this.#options.roll, wallMs);
      this.#periodEndMs = periodEndMs(this.#options.roll, wallMs);
    }
    const last = this.#queue.at(-1);
    const isOpen = last !== undefined && last.periodMs === this.#periodMs;
    if (isOpen && last.content.length + item.length <= this.#options.flushBytes) return last;
    const batch = { content: this.#content.batch(), items: 0, periodMs: this.#periodMs };
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
      const { length } = batch.content;
      try {
        const data = await batch.content.encode();
        const file = await this.#fileFor(batch.periodMs, data.length);
        await this.#append(file, data);
        this.#reportRecovery();
      } catch (error) {
        this.#lose(batch.items, error instanceof Error ? error.message : String(error));
        await this.#closeFile();
      }
      this.#waitingBytes -= length;
    }
    this.#writing = null;
  }

  /** In one write, so that a crash leaves whole batches but for the last. */
  async #append(file: FileHandle, data: string | Uint8Array): Promise<void> {
    const { batchEnd } = this.#content;
    const isWhole = batchEnd === null || typeof data === "string";
    const bytes = isWhole ? data : Buffer.concat([data, batchEnd]);
    await file.appendFile(bytes);
    this.#fileBytes += bytes.length;
  }

  /**
   * The open file, rolled first when its period has ended or the batch would make it too long.
   * Reopened when another program (logrotate) has moved or removed it: no signal is needed.
   */
  async #fileFor(periodMs: number, bytes: number): Promise<FileHandle> {
    if (this.#handle !== null && (await this.#isMovedAway())) await this.#closeFile();
    const file = this.#handle ?? (await this.#open(periodMs));
    if (!this.#isFull(periodMs, bytes)) return file;
    await this.#closeFile();
    await this.#rollFile();
    return await this.#open(periodMs);
  }

  /** Or cut by a program that copies it first: a file of records must then begin again. */
  async #isMovedAway(): Promise<boolean> {
    const found = await stat(this.#options.path).catch(() => null);
    if (found?.ino !== this.#inode) return true;
    return found.isFile() && found.size < this.#fileBytes; // the size of a pipe is 0
  }

  #isFull(periodMs: number, bytes: number): boolean {
    const { roll } = this.#options;
    if (this.#fileBytes === this.#emptyBytes) return false;
    if (roll.kind !== "size") return this.#filePeriodMs < periodMs;
    return this.#fileBytes + bytes > roll.maxBytes;
  }

  async #open(periodMs: number): Promise<FileHandle> {
    const handle = await open(this.#options.path, await this.#openingFlags());
    this.#handle = handle;
    this.#isFirstOpening = false;
    const { size, mtimeMs, ino } = await handle.stat();
    this.#inode = ino;
    // Items of an earlier run belong to the period in which the last one was written.
    this.#filePeriodMs = size === 0 ? periodMs : periodStartMs(this.#options.roll, mtimeMs);
    const begun = await this.#content.begin(handle, size);
    if (begun === null) return await this.#openAnother(periodMs);
    this.#fileBytes = begun;
    if (size === 0) this.#emptyBytes = begun;
    return handle;
  }

  /** What a file holds is read before it is continued. A pipe or a terminal is only written to. */
  async #openingFlags(): Promise<string> {
    const found = await stat(this.#options.path).catch(() => null);
    const flag = this.#isFirstOpening && !this.#options.append ? "w" : "a";
    return found === null || found.isFile() ? `${flag}+` : flag;
  }

  /** Whatever is in the file is kept, under another name. */
  async #openAnother(periodMs: number): Promise<FileHandle> {
    await this.#closeFile();
    const { path: file } = this.#options;
    const stamp = secondStampOf(this.#deps.clock.wallMs());
    // Not the name of a rotated file, since those are deleted one day.
    const moved = await freeName((n) => `${file}.${stamp}${n === 0 ? "" : `.${n}`}`);
    await rename(file, moved);
    const event = "log-file-begins-again";
    const why = "the file holds something else, which is kept under another name";
    this.#deps.log.warn({ event, path: file, moved, why });
    return await this.#open(periodMs);
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
    await rename(file, await this.#nameOf(stampOf(roll, atMs)));
    if (keepCount === Infinity) return;
    const ended = await this.#endedFiles();
    for (const old of ended.slice(0, Math.max(0, ended.length - keepCount))) {
      await unlink(path.join(path.dirname(file), old));
    }
  }

  /** `access-20240131.log`; `access-20240131.1.log` when there is one already. */
  #nameOf(stamp: string): Promise<string> {
    const { dir, name, ext } = path.parse(this.#options.path);
    return freeName((n) => path.join(dir, `${name}-${stamp}${n === 0 ? "" : `.${n}`}${ext}`));
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

  #lose(items: number, why: string): void {
    this.#deps.lost.value += items;
    if (this.#lostInSpell === 0) {
      const event = "log-lines-lost";
      this.#deps.log.warn({ event, path: this.#options.path, why });
    }
    this.#lostInSpell += items;
  }

  #reportRecovery(): void {
    if (this.#lostInSpell === 0) return;
    const event = "log-lines-written-again";
    this.#deps.log.info({ event, path: this.#options.path, lost: this.#lostInSpell });
    this.#lostInSpell = 0;
  }
}

/** The first candidate that no file has. */
async function freeName(candidateOf: (n: number) => string): Promise<string> {
  for (let n = 0; ; n++) {
    const candidate = candidateOf(n);
    const isTaken = await stat(candidate).then(
      () => true,
      () => false,
    );
    if (!isTaken) return candidate;
  }
}
