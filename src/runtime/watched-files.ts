// Files that are read again when they change: certificates, keys, CAs, tokens.
import { readFileSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { Clock, Close } from "../core/clock.ts";
import type { Log } from "../core/log.ts";

/** How often files are looked at; also symbolic links that lead to other files by now. */
const lookIntervalMs = 5_000;

/** A certificate is a few kilobytes, a bundle of all public CAs 300. */
const maxFileBytes = 4 * 1024 * 1024;

export type ReadText = (path: string) => string;

/** What some files hold together. */
export class Watched<T> {
  readonly files: readonly string[];
  /** For people: `certificate`. */
  readonly what: string;
  value: T;
  /** Whether the files held something unusable when they were last read: `value` is older. */
  isBroken = false;
  readonly #load: (read: ReadText) => T;
  readonly #listeners = new Set<() => void>();
  /** Of the files when they were last read, or their absence. */
  #seen = "";
  #problem = "";

  /** Reads the files synchronously; throws with a text for people. */
  constructor(what: string, files: readonly string[], load: (read: ReadText) => T) {
    this.what = what;
    this.files = files;
    this.#load = load;
    const stats = files.map(statNow);
    this.value = load((path) => readFileSync(path, "utf8"));
    this.#seen = stats.map(signature).join(" ");
  }

  /** Why `isBroken`; null: it is not. */
  get problem(): string | null {
    return this.isBroken ? this.#problem : null;
  }

  watch(changed: () => void): Close {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** Reads the files if they look different. A broken set keeps the old value, and is logged once. */
  async refresh(log: Log): Promise<void> {
    try {
      const seen = (await Promise.all(this.files.map(statLater))).map(signature).join(" ");
      if (seen === this.#seen) return;
      const texts = new Map<string, string>();
      for (const file of this.files) texts.set(file, await readFile(file, "utf8"));
      this.value = this.#load((path) => texts.get(path) ?? "");
      this.#seen = seen;
      this.#problem = "";
      this.isBroken = false;
      log.info({ event: `${this.what} files reloaded`, files: this.files.join(", ") });
      for (const changed of this.#listeners) changed();
    } catch (error) {
      // Not remembered as seen: a writer may be in the middle of replacing one file after the other.
      this.isBroken = true;
      const problem = error instanceof Error ? error.message : String(error);
      if (problem === this.#problem) return;
      this.#problem = problem;
      const advice = "the previous ones stay in use; the files are read again until they are whole";
      log.warn({ event: `${this.what} files not usable`, problem, advice });
    }
  }
}

function statNow(path: string): Stats {
  try {
    return checkedSize(path, statSync(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function statLater(path: string): Promise<Stats> {
  try {
    return checkedSize(path, await stat(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function checkedSize(path: string, stats: Stats): Stats {
  if (stats.size > maxFileBytes) throw new Error(`it is larger than ${maxFileBytes} bytes`);
  return stats;
}

function unreadable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === "ENOENT" ? "there is no such file" : message;
  return new Error(`cannot read ${path}: ${why}`);
}

/** Differs after any change of a file, or of the link that leads to it. */
function signature({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

/** Looks at all files in turn. Owns its timer. */
export class FileWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sets: Watched<unknown>[] = [];
  #stop: Close = () => {};
  #isClosed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  add(set: Watched<unknown>): void {
    this.#sets.push(set);
    if (this.#sets.length === 1) this.#schedule();
  }

  /** Looks at all files now. */
  async look(): Promise<void> {
    for (const set of this.#sets) await set.refresh(this.#log);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #schedule(): void {
    this.#stop = this.#clock.after(lookIntervalMs, () => {
      void this.look().then(() => {
        if (!this.#isClosed) this.#schedule();
      });
    });
  }
}
