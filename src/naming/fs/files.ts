// The text of a file, read again whenever it may have changed.
import { readFile, stat } from "node:fs";
import { basename, dirname } from "node:path";
import type { Stats as FileStats } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import { SharedLives } from "../shared-lives.ts";
import { Settling } from "./settling.ts";
import { FolderWatches } from "./watch-folder.ts";

export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly problem: string };

type EntryKind = "file" | "folder" | "missing";

/** How long something that was there has to be gone. */
const goneMs = 100;

/** Reads files; shares one read among all who watch the same file. Owns the folder watches. */
export class Files {
  readonly #clock: Clock;
  readonly #folders: FolderWatches;
  readonly #kinds = new SharedLives<EntryKind>();
  readonly #texts = new SharedLives<FileText>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#folders = new FolderWatches(clock, log);
  }

  /**
   * What a path is, symbolic links followed; set only when it changes. Never failed. Some writers take
   * the old file away before they put the new one there: it is missing when it stays so for a moment.
   */
  kind(path: string): Live<EntryKind> {
    return this.#kinds.get(path, (set) => {
      let last: EntryKind | null = null;
      let goneAtMs: number | null = null;
      return this.#rereading(path, (done, again) => {
        stat(path, (error, found) => {
          const kind = error === null ? kindOf(found) : "missing";
          if (!done()) return;
          if (kind !== "missing" || last === null) goneAtMs = null;
          else goneAtMs ??= this.#clock.nowMs();
          const leftMs = goneAtMs === null ? 0 : goneAtMs + goneMs - this.#clock.nowMs();
          if (kind === last) return;
          if (leftMs > 0) return again(leftMs);
          last = kind;
          set(ok(kind));
        });
      });
    });
  }

  /**
   * The text of a file of at most `maxBytes`, once it is whole (see `Settling`); set only when it
   * changes. Never failed.
   */
  text(path: string, maxBytes: number): Live<FileText> {
    return this.#texts.get(path, (set) => {
      let last: FileText | null = null;
      const settling = new Settling(this.#clock);
      return this.#rereading(path, (done, again) => {
        readUpTo(path, maxBytes, (read, file) => {
          if (!done() || (last !== null && isSame(last, read))) return;
          const waitMs =
            read.kind === "text" && file !== null ? settling.waitMs(file, read.text) : 0;
          if (waitMs > 0) return again(waitMs);
          last = read;
          set(ok(read));
        });
      });
    });
  }

  /**
   * Calls `read` now and after each change of `path`; a change that comes while it is being read
   * makes it read once more. `done` ends the read; it returns false when the result is stale. `again`
   * reads after so many milliseconds though nothing changes.
   */
  #rereading(
    path: string,
    read: (done: () => boolean, again: (ms: number) => void) => void,
  ): () => void {
    let isClosed = false;
    let isReading = false;
    let isStale = false;
    let cancelAgain = () => {};
    const again = (ms: number) => {
      cancelAgain = this.#clock.after(ms, start);
    };
    const start = () => {
      cancelAgain();
      if (isReading) {
        isStale = true;
        return;
      }
      isReading = true;
      isStale = false;
      read(() => {
        isReading = false;
        if (isClosed) return false;
        if (!isStale) return true;
        start(); // the file changed while it was read
        return false;
      }, again);
    };
    const name = basename(path);
    const close = this.#folders.watch(dirname(path), (changed) => {
      // A link may lead through another entry of the folder (as in Kubernetes' mounts): any change counts.
      if (changed === null || changed === name || changed.startsWith("..")) start();
    });
    start();
    return () => {
      isClosed = true;
      cancelAgain();
      close();
    };
  }

  /** The folders that are watched now. */
  get folders(): readonly string[] {
    return this.#folders.paths;
  }

  close(): void {
    this.#folders.close();
  }
}

function kindOf(found: FileStats): EntryKind {
  if (found.isDirectory()) return "folder";
  return found.isFile() ? "file" : "missing";
}

function isSame(a: FileText, b: FileText): boolean {
  if (a.kind === "text") return b.kind === "text" && a.text === b.text;
  if (a.kind === "unreadable") return b.kind === "unreadable" && a.problem === b.problem;
  return b.kind === "missing";
}

/** `file` is the file after it was read; null: there is no text. */
function readUpTo(
  path: string,
  maxBytes: number,
  done: (text: FileText, file: FileStats | null) => void,
): void {
  const failed = (error: NodeJS.ErrnoException) => {
    const isMissing = error.code === "ENOENT" || error.code === "ENOTDIR";
    done(isMissing ? { kind: "missing" } : unreadable(error.message), null);
  };
  // Asked before it is read: neither a pipe nor a huge file may hold the process up.
  stat(path, (noStat, found) => {
    if (noStat !== null) return failed(noStat);
    if (!found.isFile()) return done(unreadable(`${path} is not a file`), null);
    if (found.size > maxBytes) {
      const limit = `${Math.floor(maxBytes / 1_000)} KB`;
      return done(unreadable(`${path} has ${found.size} bytes; at most ${limit} are read`), null);
    }
    readFile(path, "utf8", (error, text) => {
      if (error !== null) return failed(error);
      stat(path, (gone, after) => {
        if (gone !== null) return failed(gone);
        done({ kind: "text", text }, after);
      });
    });
  });
}

function unreadable(problem: string): FileText {
  return { kind: "unreadable", problem };
}
