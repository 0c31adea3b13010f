// Metrics scopes that several users share by name: made for the first, pruned after the last.
import type { Counter, Stats } from "../../core/stats.ts";

/** Names beyond the cap share this one. No logical name has parentheses. */
const overflowName = "(other)";

interface Shared<T> {
  readonly value: T;
  readonly scope: Stats;
  users: number;
}

/** Owns the scopes below `parent`. */
export class SharedScopes<T> {
  readonly #parent: Stats;
  readonly #make: (scope: Stats) => T;
  readonly #maxNames: number;
  readonly #overflows: Counter | null;
  readonly #shared = new Map<string, Shared<T>>();

  /** `overflows` counts the users that were sent to the shared scope. */
  constructor(
    parent: Stats,
    make: (scope: Stats) => T,
    maxNames = Infinity,
    overflows: Counter | null = null,
  ) {
    this.#parent = parent;
    this.#make = make;
    this.#maxNames = maxNames;
    this.#overflows = overflows;
  }

  /** The name to use for a user: its own, or the shared one when there are too many. */
  nameFor(name: string): string {
    if (this.#shared.has(name)) return name;
    const isFull = this.#shared.size - (this.#shared.has(overflowName) ? 1 : 0) >= this.#maxNames;
    if (!isFull) return name;
    if (this.#overflows !== null) this.#overflows.value++;
    return overflowName;
  }

  /** Each `take` needs a `release` of the same name. */
  take(name: string): T {
    let shared = this.#shared.get(name);
    if (shared === undefined) {
      const scope = this.#parent.scope(name);
      shared = { value: this.#make(scope), scope, users: 0 };
      this.#shared.set(name, shared);
    }
    shared.users++;
    return shared.value;
  }

  release(name: string): void {
    const shared = this.#shared.get(name);
    if (shared === undefined || --shared.users > 0) return;
    this.#shared.delete(name);
    shared.scope.prune();
  }
}
