// Reports changes in a folder: the system's notices, and a slow check in any case.
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { FSWatcher } from "node:fs";
import type { Clock, Close } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";

/** Called with the name in the folder that may have changed, or null for any of them. */
type FolderChange = (name: string | null) => void;

/** A file is often written in steps; it is read once nothing has happened for this long. */
const quietMs = 10;
/** But not later than this after the first notice, however many follow. */
const longestMs = 100;
/** Notices get lost on some file systems (network mounts, some containers). */
const lookMs = 10_000;

/** Watches folders, each once however many watchers it has. A folder need not exist yet. */
export class FolderWatches {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #folders = new Map<string, Folder>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `changed` is never called before this returns. */
  watch(path: string, changed: FolderChange): Close {
    let folder = this.#folders.get(path);
    if (folder === undefined) {
      folder = new Folder(path, this.#clock, this.#log);
      this.#folders.set(path, folder);
    }
    const watched = folder;
    const watcher = { changed };
    watched.watchers.add(watcher);
    return () => {
      if (!watched.watchers.delete(watcher) || watched.watchers.size > 0) return;
      watched.close();
      this.#folders.delete(path);
    };
  }

  /** The folders that are watched now. */
  get paths(): readonly string[] {
    return [...this.#folders.keys()];
  }

  close(): void {
    for (const folder of this.#folders.values()) folder.close();
    this.#folders.clear();
  }
}

class Folder {
  readonly watchers = new Set<{ readonly changed: FolderChange }>();
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #notices: FSWatcher | null = null;
  #isDeafKnown = false;
  /** Names in notices not passed on yet; null stands for any name. */
  readonly #named = new Set<string | null>();
  #cancelQuiet: Close | null = null;
  #noticedMs = 0;
  #cancelLook: Close;

  constructor(path: string, clock: Clock, log: Log) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#listen();
    this.#cancelLook = clock.after(lookMs, () => this.#look());
  }

  #listen(): void {
    try {
      this.#notices = watch(this.#path, { persistent: false }, (_, name) => this.#notice(name));
      this.#notices.on("error", () => this.#deafen());
    } catch (error) {
      this.#notices = null;
      this.#onDeaf(error);
      this.#listenAbove();
    }
  }

  /** Watches the nearest existing folder above, to notice when the next one on the way is created. */
  #listenAbove(): void {
    let next = this.#path;
    for (let above = dirname(next); above !== next; next = above, above = dirname(next)) {
      const awaited = basename(next);
      try {
        this.#notices = watch(above, { persistent: false }, (_, name) => {
          if (name === null || name === awaited) this.#retry();
        });
        this.#notices.on("error", () => this.#deafen());
        return;
      } catch {
        // it does not exist either
      }
    }
  }

  #retry(): void {
    this.#deafen();
    this.#listen();
    this.#notice(null);
  }

  /** Only the slow check is left: logged once, unless the folder merely does not exist (yet). */
  #onDeaf(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (this.#isDeafKnown || code === "ENOENT" || code === "ENOTDIR") return;
    this.#isDeafKnown = true;
    const event = "changes of a folder are noticed late";
    this.#log.warn({ event, folder: this.#path, problem: message, everyMs: lookMs });
  }

  #deafen(): void {
    this.#notices?.close();
    this.#notices = null;
  }

  #notice(name: string | null): void {
    if (this.#named.size === 0) this.#noticedMs = this.#clock.nowMs();
    this.#named.add(name);
    this.#cancelQuiet?.();
    const leftMs = this.#noticedMs + longestMs - this.#clock.nowMs();
    this.#cancelQuiet = this.#clock.after(Math.min(quietMs, leftMs), () => this.#pass());
  }

  #pass(): void {
    this.#cancelQuiet = null;
    const names = this.#named.has(null) ? [null] : [...this.#named];
    this.#named.clear();
    for (const name of names) this.#notifyWatchers(name);
  }

  #notifyWatchers(name: string | null): void {
    for (const watcher of Array.from(this.watchers)) {
      if (this.watchers.has(watcher)) watcher.changed(name);
    }
  }

  #look(): void {
    // A folder that was moved away and recreated is a different one to the system: watch it again.
    this.#deafen();
    this.#listen();
    this.#cancelLook = this.#clock.after(lookMs, () => this.#look());
    this.#notifyWatchers(null);
  }

  close(): void {
    this.#cancelLook();
    this.#cancelQuiet?.();
    this.#deafen();
    this.watchers.clear();
  }
}
