// The names of each namespace: its dtab from the store, the namers of the file.
import { emptyDtab } from "../core/names/dtab.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { constant, flatMap, ok } from "../core/live.ts";
import type { Live } from "../core/live.ts";
import type { NameTree } from "../core/names/nametree.ts";
import { drop, pathLiteral, segmentsOf, startsWith } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";
import type { AddressSet, Bound, Delegation, Interpreter } from "../core/naming.ts";
import { computed } from "../naming/binding/tracker.ts";
import { SharedLives } from "../naming/shared-lives.ts";
import type { DtabStore } from "./dtab-store.ts";

/** Watched together by all who ask for the same; nothing is kept once nobody watches. */
export class Namespaces {
  readonly store: DtabStore;
  readonly #interpreter: Interpreter;
  readonly #trees = new SharedLives<NameTree<Bound>>();

  /** Owns neither. */
  constructor(store: DtabStore, interpreter: Interpreter) {
    this.store = store;
    this.#interpreter = interpreter;
  }

  /** As in Linkerd, a namespace that does not exist has an empty dtab. */
  dtab(namespace: string): Live<Dtab> {
    const observed = this.store.observe(namespace);
    return computed((tracker) => {
      const state = tracker.read(observed, "dtab", () => observed);
      return state.kind === "ok" ? ok(state.value?.dtab ?? emptyDtab) : state;
    }, Object.is);
  }

  /** `local` comes from a caller: its entries win, and what they lead to has a budget. */
  bind(namespace: string, path: Path, local: Dtab, localText: string): Live<NameTree<Bound>> {
    return this.#trees.get(`${namespace} ${path} ${localText}`, (set) => {
      const live = flatMap(this.dtab(namespace), (base) =>
        this.#interpreter.bind(base, path, local),
      );
      const close = live.watch(set);
      set(live.state);
      return close;
    });
  }

  /** The addresses of a bound id, whatever the dtab says of it. */
  addresses(id: Path): Live<AddressSet> {
    const tree = this.#trees.get(id, (set) => {
      const live = this.#interpreter.bind(emptyDtab, withoutTransformers(id));
      const close = live.watch(set);
      set(live.state);
      return close;
    });
    return flatMap(tree, (found) => {
      if (found.kind === "leaf") return found.value.addresses;
      return noAddresses;
    });
  }

  /** null: without a namespace, only the dtab of the caller. */
  delegate(namespace: string | null, path: Path, local: Dtab): Live<Delegation> {
    if (namespace === null) return this.#interpreter.delegate(emptyDtab, path, { local });
    return flatMap(this.dtab(namespace), (base) =>
      this.#interpreter.delegate(base, path, { local }),
    );
  }
}

/**
 * Without `/%/...` in front, which its namer's transformers put there, and put there again. The rest
 * begins with `/#` or `/$`.
 */
function withoutTransformers(id: Path): Path {
  if (!startsWith(id, transformed)) return id;
  const start = segmentsOf(id).findIndex((segment) => segment === "#" || segment === "$");
  return start < 0 ? id : drop(id, start);
}

const transformed = pathLiteral("/%");
const noAddresses = constant<AddressSet>(ok("neg"));
