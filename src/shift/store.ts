// A store of dtabs as commands use it: read once, written with compare-and-set.
import type { Dtab } from "../core/names/dtab.ts";
import type { VersionedDtab, Written } from "../name-server/dtab-store.ts";

export interface DtabTarget {
  /** For people: `the name server http://127.0.0.1:4180`. */
  readonly where: string;
  /** These reject with a text for people. */
  list(): Promise<readonly string[]>;
  /** null: there is no such namespace. */
  get(namespace: string): Promise<VersionedDtab | null>;
  create(namespace: string, dtab: Dtab): Promise<Written>;
  update(namespace: string, dtab: Dtab, version: Uint8Array): Promise<Written>;
  put(namespace: string, dtab: Dtab): Promise<Written>;
  remove(namespace: string): Promise<Written>;
  /** Earlier versions, the oldest first; null: the store keeps none. */
  history(namespace: string): Promise<readonly VersionedDtab[] | null>;
  close(): void;
}

/** Attempts of a change that others' writes get in the way of. */
const maxAttempts = 10;

/**
 * Applies `change` to what is there, again when somebody else has written meanwhile. `change` returns a text to give up
 * with. Resolves with the new dtab or with that text; rejects when the store cannot be written.
 */
export async function changeDtab(
  target: DtabTarget,
  namespace: string,
  change: (current: Dtab | null) => Dtab | string,
): Promise<Dtab | string> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await target.get(namespace);
    const next = change(current?.dtab ?? null);
    if (typeof next === "string") return next;
    const written =
      current === null
        ? await target.create(namespace, next)
        : await target.update(namespace, next, current.version);
    if (written.kind === "done") return next;
    if (written.kind === "mismatch" || written.kind === "exists" || written.kind === "missing")
      continue;
    throw new Error(problemOf(written, target.where));
  }
  throw new Error(`${target.where}: somebody else writes ${namespace} all the time`);
}

/** What stood in the way of a write, for people. */
export function problemOf(written: Exclude<Written, { kind: "done" }>, where: string): string {
  switch (written.kind) {
    case "exists":
      return `${where} has that namespace already`;
    case "missing":
      return `${where} has no such namespace`;
    case "mismatch":
      return `${where}: somebody else has written since it was read`;
    case "failed":
      return `${where}: ${written.why.detail}`;
    default:
      return `${where}: ${written.detail}`;
  }
}
