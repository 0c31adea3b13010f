// The namespaces in a folder: kept in memory, written through to files, and read again when these change.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import type { Live } from "../../core/live.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { Files } from "../../naming/fs/files.ts";
import type { FileText } from "../../naming/fs/files.ts";
import { FolderWatches } from "../../naming/fs/watch-folder.ts";
import { countOf, isSameVersion, versionOf } from "../counted-version.ts";
import { done, namespacePattern, namespaceProblem } from "../dtab-store.ts";
import type { DtabStore, StorageDeps, VersionedDtab, Written } from "../dtab-store.ts";
import { readText, removeFile, replaceFile, textOf } from "./dtab-file.ts";
import { History } from "./history.ts";
import { MemoryStore } from "./in-memory.ts";

const maxFileBytes = 10_000_000;
const ending = ".dtab";

export class FileStore implements DtabStore {
  readonly #folder: string;
  readonly #deps: StorageDeps;
  readonly #memory: MemoryStore;
  readonly #history: History;
  readonly #disk: Files;
  readonly #folders: FolderWatches;
  /** The files that are watched, by namespace. */
  readonly #watched = new Map<string, Close>();
  /** What is wrong with a file, by namespace; the last good dtab counts meanwhile. */
  readonly #problems = new Map<string, string>();
  /** The last version of what was removed here, by namespace: its file may still be read after that. */
  readonly #removed = new Map<string, bigint>();
  /** Writes one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** Throws with a text for people when the folder cannot be used. */
  constructor(folder: string, maxVersions: number, deps: StorageDeps) {
    this.#folder = folder;
    this.#deps = deps;
    this.#history = new History(folder, maxVersions);
    this.#memory = new MemoryStore(this.#readAll());
    this.#disk = new Files(deps.clock, deps.log);
    this.#folders = new FolderWatches(deps.clock, deps.log);
    this.#folders.watch(folder, (name) => {
      if (name === null || name.endsWith(ending)) this.#watchFiles();
    });
    this.#watchFiles();
    deps.stats.gauge(() => this.#problems.size, "bad_files");
  }

  list(): Live<readonly string[]> {
    return this.#memory.list();
  }

  observe(namespace: string): Live<VersionedDtab | null> {
    return this.#memory.observe(namespace);
  }

  create(namespace: string, dtab: Dtab): Promise<Written> {
    return this.#inTurn(namespace, (current) =>
      current === null ? this.#write(namespace, dtab, current) : { kind: "exists" },
    );
  }

  update(namespace: string, dtab: Dtab, version: Uint8Array): Promise<Written> {
    return this.#inTurn(namespace, (current) => {
      if (current === null) return { kind: "missing" };
      if (!isSameVersion(current.version, version)) return { kind: "mismatch" };
      return this.#write(namespace, dtab, current);
    });
  }

  put(namespace: string, dtab: Dtab): Promise<Written> {
    return this.#inTurn(namespace, (current) => this.#write(namespace, dtab, current));
  }

  remove(namespace: string): Promise<Written> {
    return this.#inTurn(namespace, async (current) => {
      if (current === null) return { kind: "missing" };
      await this.#history.keep(namespace, current);
      await removeFile(this.#pathOf(namespace));
      this.#removed.set(namespace, countOf(current.version));
      this.#memory.set(namespace, null);
      return done;
    });
  }

  history(namespace: string): Promise<readonly VersionedDtab[]> {
    if (namespaceProblem(namespace) !== null) return Promise.resolve([]);
    return this.#history.read(namespace);
  }

  watchState(): Readonly<Record<string, unknown>> {
    return { rootDir: this.#folder, problems: Object.fromEntries(this.#problems) };
  }

  close(): void {
    for (const close of this.#watched.values()) close();
    this.#watched.clear();
    this.#disk.close();
    this.#folders.close();
  }

  #pathOf(namespace: string): string {
    return join(this.#folder, `${namespace}${ending}`);
  }

  #inTurn(
    namespace: string,
    write: (current: VersionedDtab | null) => Promise<Written> | Written,
  ): Promise<Written> {
    const turn = this.#last.then(async (): Promise<Written> => {
      const problem = namespaceProblem(namespace);
      if (problem !== null) return { kind: "invalid", detail: problem };
      try {
        return await write(this.#memory.get(namespace));
      } catch (error) {
        const detail = `the namespace ${namespace} was not written to ${this.#folder}: ${(error as Error).message}`;
        this.#deps.log.error({ event: "dtab not written", namespace, problem: detail });
        return { kind: "failed", why: failure("unresolved", detail) };
      }
    });
    this.#last = turn;
    return turn;
  }

  async #write(namespace: string, dtab: Dtab, current: VersionedDtab | null): Promise<Written> {
    const problem = this.#memory.roomProblem(current);
    if (problem !== null) return { kind: "invalid", detail: problem };
    if (current !== null) await this.#history.keep(namespace, current);
    const before = current === null ? this.#history.latest(namespace) : countOf(current.version);
    const value = { dtab, version: versionOf(before + 1n) };
    await replaceFile(this.#pathOf(namespace), textOf(value));
    this.#problems.delete(namespace);
    this.#memory.set(namespace, value);
    return done;
  }

  #readAll(): Map<string, VersionedDtab> {
    const found = new Map<string, VersionedDtab>();
    try {
      mkdirSync(this.#folder, { recursive: true });
      for (const namespace of this.#names()) {
        const read = readText(readFileSync(this.#pathOf(namespace), "utf8"));
        if (read.ok) found.set(namespace, read.value);
        else this.#note(namespace, read.error);
      }
    } catch (error) {
      throw new Error(
        `the storage io.l5d.fs cannot use ${this.#folder}: ${(error as Error).message}`,
        { cause: error },
      );
    }
    return found;
  }

  #names(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length))
      .filter((name) => namespacePattern.test(name));
  }

  /** A file that went is still watched: it may be written again. */
  #watchFiles(): void {
    let names: string[];
    try {
      names = this.#names();
    } catch {
      return; // the folder is away: only a file that is gone from a folder that is there was removed
    }
    for (const namespace of names) {
      if (this.#watched.has(namespace)) continue;
      const text = this.#disk.text(this.#pathOf(namespace), maxFileBytes);
      const changed = () => {
        if (text.state.kind === "ok") this.#take(namespace, text.state.value);
      };
      this.#watched.set(namespace, text.watch(changed));
      changed();
    }
  }

  #take(namespace: string, read: FileText): void {
    if (read.kind === "unreadable") {
      this.#problems.set(namespace, read.problem);
    } else if (read.kind === "missing") {
      if (this.#isFolderThere()) this.#inMemory(namespace, null);
    } else {
      const parsed = readText(read.text);
      if (parsed.ok) this.#inMemory(namespace, parsed.value);
      else this.#note(namespace, parsed.error);
    }
  }

  /** After the writes that are under way, which may have made the file that was read. */
  #inMemory(namespace: string, read: VersionedDtab | null): void {
    this.#last = this.#last.then(() => {
      const current = this.#memory.get(namespace);
      this.#problems.delete(namespace);
      const isSame =
        read === null || current === null
          ? read === current || (read !== null && this.#wasRemoved(namespace, read))
          : isSameVersion(read.version, current.version) ||
            // read before it was written here
            (read.version.length === 8 && countOf(read.version) < countOf(current.version));
      if (isSame) return;
      this.#memory.set(namespace, read);
      this.#deps.log.info({ event: "dtab read", namespace, entries: read?.dtab.length ?? null });
    });
  }

  #wasRemoved(namespace: string, { version }: VersionedDtab): boolean {
    return version.length === 8 && countOf(version) <= (this.#removed.get(namespace) ?? 0n);
  }

  #isFolderThere(): boolean {
    try {
      readdirSync(this.#folder);
      return true;
    } catch {
      return false;
    }
  }

  #note(namespace: string, error: { line: number; column: number; message: string }): void {
    const problem = `${this.#pathOf(namespace)}:${error.line}:${error.column}: ${error.message}`;
    this.#problems.set(namespace, problem);
    const kept = this.#memory?.get(namespace)?.dtab.length ?? null;
    this.#deps.log.warn({ event: "bad dtab", namespace, problem, kept });
  }
}
