// An interpreter whose names a name server binds.
import type { Clock } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import { failed, map, ok, source } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { concat, emptyDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { mapTree } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Path } from "../../core/names/path.ts";
import type { AddressSet, Bound, Delegation, Interpreter } from "../../core/naming.ts";
import { Kept } from "./kept.ts";
import type { RemoteBound, RemoteNames } from "./remote.ts";

/** Names and addresses that are remembered though nobody uses them. */
const maxKept = 2_000;

/** Owns `remote`. */
export function remoteInterpreter(
  remote: RemoteNames,
  namespace: string,
  clock: Clock,
): Interpreter {
  const trees = new KeptByKey<NameTree<RemoteBound>>();
  const addresses = new KeptByKey<AddressSet>();
  const where = () => remote.where;

  const addressesOf = (id: Path): Live<AddressSet> => {
    const what = `the addresses of ${id}`;
    const make = () =>
      new Kept<AddressSet>({ clock, what, where }, (to) => remote.addresses(id, to));
    return addresses.get(id, make).live;
  };
  const treeOf = (dtab: Dtab, path: Path): Live<NameTree<Bound>> => {
    const make = () =>
      new Kept<NameTree<RemoteBound>>({ clock, what: path, where }, (to) =>
        remote.bind(dtab, path, to),
      );
    const { live } = trees.get(`${path} ${showDtab(dtab)}`, make);
    return map(live, (tree) =>
      mapTree(tree, ({ id, residual }): Bound => ({ id, residual, addresses: addressesOf(id) })),
    );
  };

  return {
    stateName: namespace,
    explain: (path) =>
      `${path}: resolved by the name server ${remote.where}, namespace ${namespace}; ask it:\n  ${remote.howToAsk(path)}`,
    bind: (dtab, path, local = emptyDtab) => treeOf(concat(dtab, local), path),
    delegate: (dtab, path, { local = emptyDtab } = {}) =>
      source<Delegation>((set) => {
        const left = new AbortController();
        remote.delegate(concat(dtab, local), path, left.signal).then(
          (delegation) => set(ok(delegation)),
          (error: unknown) => {
            const detail = `the name server ${remote.where} could not be asked how ${path} resolves: ${(error as Error).message}`;
            if (!left.signal.aborted) set(failed(failure("unresolved", detail, "safe")));
          },
        );
        return () => left.abort();
      }),
    watchState: () => ({
      nameServer: remote.where,
      namespace,
      names: trees.reports(),
      addresses: addresses.reports(),
    }),
    close: () => remote.close(),
  };
}

/** Those that were watched last are kept for what they know. */
class KeptByKey<T> {
  readonly #all = new Map<string, Kept<T>>();

  get(key: string, make: () => Kept<T>): Kept<T> {
    const known = this.#all.get(key);
    if (known !== undefined) return known;
    if (this.#all.size >= maxKept) this.#forgetOldest();
    const made = make();
    this.#all.set(key, made);
    return made;
  }

  reports(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(Array.from(this.#all, ([key, { report }]) => [key, report]));
  }

  #forgetOldest(): void {
    for (const [key, { isWatched }] of this.#all) {
      if (isWatched) continue;
      this.#all.delete(key);
      return;
    }
  }
}
