// Where a name server is: the addresses that its `dst` is bound to, one of them at a time.
import type { Close } from "../../core/clock.ts";
import { showAddress } from "../../core/address.ts";
import type { Address } from "../../core/address.ts";
import { constant, flatMap, ok } from "../../core/live.ts";
import { emptyDtab } from "../../core/names/dtab.ts";
import { evaluate } from "../../core/names/nametree.ts";
import type { Path } from "../../core/names/path.ts";
import type { AddressSet, InterpreterDeps } from "../../core/naming.ts";
import { localInterpreter } from "../interpreters/default.ts";

/** Resolved by the namers of the file, and followed while it is open. */
export class Located {
  readonly #dst: Path;
  readonly #addresses: () => readonly Address[];
  readonly #close: Close;
  #turn = 0;
  #problem = "it is not resolved yet";

  constructor(dst: Path, deps: Pick<InterpreterDeps, "namers" | "hosts">) {
    this.#dst = dst;
    const tree = localInterpreter(deps).bind(emptyDtab, dst);
    const live = flatMap(tree, (found) => {
      const [bound] = evaluate(found) ?? [];
      return bound?.addresses ?? constant<AddressSet>(ok("neg"));
    });
    this.#close = live.watch(() => {});
    this.#addresses = () => {
      const { state } = live;
      if (state.kind === "failed") this.#problem = state.why.detail;
      if (state.kind !== "ok") return [];
      this.#problem = "it has no addresses";
      return state.value === "neg" ? [] : state.value;
    };
  }

  /** The address to use now; null: none is known, see `problem`. */
  get current(): Address | null {
    const all = this.#addresses();
    return all.length === 0 ? null : (all[this.#turn % all.length] ?? null);
  }

  get problem(): string {
    return `${this.#dst}: ${this.#problem}`;
  }

  /** The address in use has failed: the next one, unless somebody has moved on already. */
  failed(address: Address): void {
    const { current } = this;
    if (current !== null && showAddress(current) === showAddress(address)) this.#turn += 1;
  }

  get where(): string {
    const { current } = this;
    return current === null ? this.#dst : `${this.#dst} (${showAddress(current)})`;
  }

  close(): void {
    this.#close();
  }
}
