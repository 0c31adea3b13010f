// The text of a file, read again whenever it may have changed.
import { readFile, stat } from "node:fs";
import { basename, dirname } from "node:path";
import type { Stats as FileStats } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import { SharedLives } from "../shared-lives.ts";
import { FolderWatches } from "./watch-folder.ts";

export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly problem: string };

type EntryKind = "file" | "folder" | "missing";

/** Reads files; shares one read among all who watch the same file. Owns the folder watches. */
export class Files {
  readonly #folders: FolderWatches;
  readonly #kinds = new SharedLives<EntryKind>();
  readonly #texts = new SharedLives<FileText>();

  constructor(clock: Clock, log: Log) {
    this.#folders = new FolderWatches(clock, log);
  }

  /** What a path is, symbolic links followed; set only when it changes. Never failed. */
  kind(path: string): Live<EntryKind> {
    return this.#kinds.get(path, (set) => {
      let last: EntryKind | null = null;
      return rereading(this.#folders, path, (done) => {
        stat(path, (error, found) => {
          const kind = error === null ? kindOf(found) : "missing";
          if (!done() || kind === last) return;
          last = kind;
          set(ok(kind));
        });
      });
    });
  }

  /** The text of a file of at most `maxBytes`; set only when it changes. Never failed. */
  text(path: string, maxBytes: number): Live<FileText> {
    return this.#texts.get(path, (set) => {
      let last: FileText | null = null;
      return rereading(this.#folders, path, (done) => {
        readUpTo(path, maxBytes, (read) => {
          if (!done() || (last !== null && isSame(last, read))) return;
          last = read;
          set(ok(read));
        });
      });
    });
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

/**
 * Calls `read` now and after each change of `path`; a change that comes while it is being read
 * makes it read once more. `done` ends the read; it returns false when the result is stale.
 */
function rereading(
  folders: FolderWatches,
  path: string,
  read: (done: () => boolean) => void,
): () => void {
  let isClosed = false;
  let isReading = false;
  let isStale = false;
  const start = () => {
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
    });
  };
  const name = basename(path);
  const close = folders.watch(dirname(path), (changed) => {
    // A link may lead through another entry of the folder (as in Kubernetes' mounts): any change counts.
    if (changed === null || changed === name || changed.startsWith("..")) start();
  });
  start();
  return () => {
    isClosed = true;
    close();
  };
}

function readUpTo(path: string, maxBytes: number, done: (text: FileText) => void): void {
  const failed = (error: NodeJS.ErrnoException) => {
    const isMissing = error.code === "ENOENT" || error.code === "ENOTDIR";
    done(isMissing ? { kind: "missing" } : unreadable(error.message));
  };
  // Asked before it is read: neither a pipe nor a huge file may hold the process up.
  stat(path, (noStat, found) => {
    if (noStat !== null) return failed(noStat);
    if (!found.isFile()) return done(unreadable(`${path} is not a file`));
    if (found.size > maxBytes) {
      const limit = `${Math.floor(maxBytes / 1_000)} KB`;
      return done(unreadable(`${path} has ${found.size} bytes; at most ${limit} are read`));
    }
    readFile(path, "utf8", (error, text) => {
      if (error === null) done({ kind: "text", text });
      else failed(error);
    });
  });
}

function unreadable(problem: string): FileText {
  return { kind: "unreadable", problem };
}
