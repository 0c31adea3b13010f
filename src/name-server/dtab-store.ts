// Where a name server keeps its dtabs: one for each namespace, each with a version.
import type { Clock, Random } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { Live } from "../core/live.ts";
import type { Log } from "../core/log.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { HostResolver } from "../core/naming.ts";
import type { Plugin } from "../core/plugin.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { Stats } from "../core/stats.ts";

export interface VersionedDtab {
  readonly dtab: Dtab;
  /** Opaque bytes, which change with every write. */
  readonly version: Uint8Array;
}

/** How a write ended. `detail` is for people: what was asked, and what stood in the way. */
export type Written =
  | { readonly kind: "done" }
  /** `create`: the namespace is there already. */
  | { readonly kind: "exists" }
  /** `update`, `remove`: there is no such namespace. */
  | { readonly kind: "missing" }
  /** `update`: somebody else has written since that version. */
  | { readonly kind: "mismatch" }
  /** The storage does not permit it. */
  | { readonly kind: "forbidden"; readonly detail: string }
  /** The name of the namespace, or the size of the dtab, is not possible in this storage. */
  | { readonly kind: "invalid"; readonly detail: string }
  | { readonly kind: "failed"; readonly why: Failure };

export const done: Written = { kind: "done" };

/** Every method may be called for any namespace, whether it exists or not. */
export interface DtabStore {
  /** The namespaces that exist, in alphabetical order. */
  list(): Live<readonly string[]>;
  /**
   * null: there is no such namespace. A text that is not a dtab keeps the last good one, and what was
   * known stays known while the storage is away; failed only before the first answer.
   */
  observe(namespace: string): Live<VersionedDtab | null>;
  create(namespace: string, dtab: Dtab): Promise<Written>;
  /** Compare and set: writes only if the version is still the given one. */
  update(namespace: string, dtab: Dtab, version: Uint8Array): Promise<Written>;
  /** Writes whatever is there, or is not there. */
  put(namespace: string, dtab: Dtab): Promise<Written>;
  remove(namespace: string): Promise<Written>;
  /** Earlier versions that are kept, the oldest first; absent: none are. Rejects when they cannot be read. */
  history?(namespace: string): Promise<readonly VersionedDtab[]>;
  /** For `/storage/<name>.json`: plain JSON; absent when there is nothing to show. */
  watchState?(): Readonly<Record<string, unknown>>;
  close(): void;
}

export interface StorageDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `dtabstore`. */
  readonly stats: Stats;
  readonly hosts: HostResolver;
}

/** Throws with a text for people when the storage cannot be opened. */
export type StoragePlugin = Plugin<GenericSchema, StorageDeps, DtabStore>;

/** As the storages of Linkerd's name server: everything that can stand in a URL or a key unescaped. */
export const namespacePattern = /^[A-Za-z0-9_-]+$/;
const maxNamespaceLength = 253;

/** Why a namespace cannot have this name; null: it can. */
export function namespaceProblem(name: string): string | null {
  if (name.length <= maxNamespaceLength && namespacePattern.test(name)) return null;
  return `a namespace has 1 to ${maxNamespaceLength} letters, digits, _ and -, not ${JSON.stringify(name.slice(0, 100))}`;
}
