// Keeps dtabs in the memory of the process: they are gone when it ends.
//
//     storage:
//       kind: io.l5d.inMemory
//       namespaces:              # what is there at the start
//         default: /svc => /#/io.l5d.fs ;
import * as v from "valibot";
import { cell, ok } from "../../core/live.ts";
import type { Cell, Live, State } from "../../core/live.ts";
import { dtab as dtabText } from "../../core/schema.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { plugin } from "../../core/plugin.ts";
import { firstVersion, isSameVersion, nextVersion } from "../counted-version.ts";
import { SharedLives } from "../../naming/shared-lives.ts";
import { done, namespaceProblem } from "../dtab-store.ts";
import type {
  DtabStore,
  StorageDeps,
  StoragePlugin,
  VersionedDtab,
  Written,
} from "../dtab-store.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.inMemory"),
  namespaces: v.optional(v.record(v.string(), dtabText()), {}),
});

export const inMemory: StoragePlugin = plugin({
  kind: "io.l5d.inMemory",
  schema,
  create: ({ namespaces }, _deps: StorageDeps): DtabStore =>
    new MemoryStore(
      new Map(
        Object.entries(namespaces).map(([name, dtab]) => [name, { dtab, version: firstVersion() }]),
      ),
    ),
});

/** More than people make. */
const maxNamespaces = 10_000;

/** The whole state of a store as Lives; a storage that keeps it on disk builds on it. */
export class MemoryStore implements DtabStore {
  readonly #current = new Map<string, VersionedDtab>();
  readonly #observed = new SharedLives<VersionedDtab | null>();
  /** Of the namespaces that are watched, whether they exist or not. */
  readonly #setters = new Map<string, (state: State<VersionedDtab | null>) => void>();
  readonly #list: Cell<readonly string[]> = cell(ok([]));

  constructor(initial: ReadonlyMap<string, VersionedDtab> = new Map()) {
    for (const [name, value] of initial) this.#current.set(name, value);
    this.#list.set(ok([...this.#current.keys()].sort()));
  }

  list(): Live<readonly string[]> {
    return this.#list;
  }

  observe(namespace: string): Live<VersionedDtab | null> {
    return this.#observed.get(namespace, (set) => {
      this.#setters.set(namespace, set);
      set(ok(this.get(namespace)));
      return () => this.#setters.delete(namespace);
    });
  }

  /** What is there now; null: nothing. */
  get(namespace: string): VersionedDtab | null {
    return this.#current.get(namespace) ?? null;
  }

  /** null: it does not exist any more. */
  set(namespace: string, value: VersionedDtab | null): void {
    const hasNewName = this.#current.has(namespace) === (value === null);
    if (value === null) this.#current.delete(namespace);
    else this.#current.set(namespace, value);
    this.#setters.get(namespace)?.(ok(value));
    if (hasNewName) this.#list.set(ok([...this.#current.keys()].sort()));
  }

  create(namespace: string, dtab: Dtab): Promise<Written> {
    if (this.get(namespace) !== null) return result({ kind: "exists" });
    return this.#write(namespace, dtab, null);
  }

  update(namespace: string, dtab: Dtab, version: Uint8Array): Promise<Written> {
    const current = this.get(namespace);
    if (current === null) return result({ kind: "missing" });
    if (!isSameVersion(current.version, version)) return result({ kind: "mismatch" });
    return this.#write(namespace, dtab, current);
  }

  put(namespace: string, dtab: Dtab): Promise<Written> {
    return this.#write(namespace, dtab, this.get(namespace));
  }

  remove(namespace: string): Promise<Written> {
    if (this.get(namespace) === null) return result({ kind: "missing" });
    this.set(namespace, null);
    return result(done);
  }

  close(): void {}

  #write(namespace: string, dtab: Dtab, current: VersionedDtab | null): Promise<Written> {
    const problem = namespaceProblem(namespace) ?? this.roomProblem(current);
    if (problem !== null) return result({ kind: "invalid", detail: problem });
    const version = current === null ? firstVersion() : nextVersion(current.version);
    this.set(namespace, { dtab, version });
    return result(done);
  }

  /** Why there is no room for a write; null: there is. */
  roomProblem(current: VersionedDtab | null): string | null {
    if (current !== null || this.#current.size < maxNamespaces) return null;
    return `there are ${maxNamespaces} namespaces already, the limit`;
  }
}

function result(written: Written): Promise<Written> {
  return Promise.resolve(written);
}
