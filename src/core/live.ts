// The only observable: a value that its source keeps current while it is watched.
import type { Close } from "./clock.ts";
import type { Failure } from "./failure.ts";

export type State<T> =
  /** `isLate`: it has taken so long that an alternative is better, if there is one; `why`, for people. */
  | { readonly kind: "pending"; readonly isLate?: true; readonly why?: string }
  | { readonly kind: "ok"; readonly value: T }
  /** `isSoft`: an alternative is better, if there is one. */
  | { readonly kind: "failed"; readonly why: Failure; readonly isSoft?: true };

export interface Live<T> {
  /** Cheap; read it on the hot path. Current only while watched. */
  readonly state: State<T>;
  /**
   * Starts the source if this is the first watcher; calls back on every later change, never
   * during `watch` itself: read `state` after it. The last `Close` stops the source.
   */
  watch(changed: (state: State<T>) => void): Close;
}

export const pending: State<never> = { kind: "pending" };

/** It takes long, for the reason `why`. */
export function late(why: string): State<never> {
  return { kind: "pending", isLate: true, why };
}

export function ok<T>(value: T): State<T> {
  return { kind: "ok", value };
}

export function failed(why: Failure): State<never> {
  return { kind: "failed", why };
}

/** Fails unless there is an alternative. */
export function softlyFailed(why: Failure): State<never> {
  return { kind: "failed", why, isSoft: true };
}

/** Whether an alternative takes its place, if there is one. */
export function yields(state: State<unknown>): boolean {
  if (state.kind === "ok") return false;
  return state.kind === "pending" ? state.isLate === true : state.isSoft === true;
}

/** A Live that its owner sets. */
export interface Cell<T> extends Live<T> {
  set(state: State<T>): void;
}

/** A Live fed by a source that runs only while watched. `start` may call `set` before it returns. */
export function source<T>(start: (set: (state: State<T>) => void) => Close): Live<T> {
  return new Watched<T>(pending, start);
}

/** A Live held by hand; keeps its state whether or not it is watched. */
export function cell<T>(initial: State<T> = pending): Cell<T> {
  return new Watched<T>(initial, null);
}

/** A Live that never changes. */
export function constant<T>(state: State<T>): Live<T> {
  return { state, watch: neverChanges };
}

const neverChanges = (): Close => nothing;

/** Whether it was made by `constant`. */
export function isConstant(live: Live<unknown>): boolean {
  return live.watch === neverChanges;
}

/** Applies `f` to each good value; pending and failed pass through. */
export function map<A, B>(live: Live<A>, f: (value: A) => B): Live<B> {
  return source<B>((set) => {
    const onState = (state: State<A>) => set(state.kind === "ok" ? ok(f(state.value)) : state);
    const close = live.watch(onState);
    onState(live.state);
    return close;
  });
}

/** Follows the Live that `f` makes of each good value, and drops the previous one. */
export function flatMap<A, B>(live: Live<A>, f: (value: A) => Live<B>): Live<B> {
  return source<B>((set) => {
    let closeInner: Close = nothing;
    const onOuter = (state: State<A>) => {
      const before = closeInner;
      closeInner = nothing;
      if (state.kind === "ok") {
        const inner = f(state.value);
        closeInner = inner.watch(set);
        set(inner.state);
      } else {
        set(state);
      }
      before(); // after the new watch: what both share is not stopped and started again
    };
    const closeOuter = live.watch(onOuter);
    onOuter(live.state);
    return () => {
      closeOuter();
      closeInner();
    };
  });
}

const nothing: Close = () => {};

type Watcher<T> = (state: State<T>) => void;

class Watched<T> implements Cell<T> {
  state: State<T>;
  readonly #initial: State<T>;
  readonly #start: ((set: Watcher<T>) => Close) | null;
  readonly #watchers = new Set<{ readonly changed: Watcher<T> }>();
  #stop: Close | null = null;
  #isStarting = false;

  constructor(initial: State<T>, start: ((set: Watcher<T>) => Close) | null) {
    this.state = initial;
    this.#initial = initial;
    this.#start = start;
  }

  set(state: State<T>): void {
    this.state = state;
    if (this.#isStarting) return; // the first watcher reads `state` when `watch` returns
    for (const watcher of Array.from(this.#watchers)) {
      if (this.#watchers.has(watcher)) watcher.changed(state);
    }
  }

  watch(changed: Watcher<T>): Close {
    const watcher = { changed };
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#begin();
    return () => {
      if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return;
      this.#end();
    };
  }

  #begin(): void {
    if (this.#start === null) return;
    this.#isStarting = true;
    let isCurrent = true;
    try {
      const stop = this.#start((state) => {
        if (isCurrent) this.set(state); // a late callback of a stopped source changes nothing
      });
      this.#stop = () => {
        isCurrent = false;
        stop();
      };
    } finally {
      this.#isStarting = false;
    }
  }

  #end(): void {
    const stop = this.#stop;
    if (stop === null) return;
    this.#stop = null;
    stop();
    this.state = this.#initial; // from here on nothing keeps it current
  }
}
