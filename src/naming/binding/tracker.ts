// Watches the Lives that a computation reads, for as long as it keeps reading them.
import type { Close } from "../../core/clock.ts";
import { isConstant, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";

interface Watch {
  readonly live: Live<unknown>;
  readonly close: Close;
  /** The run that last read it. */
  run: number;
}

/**
 * Runs `compute` immediately and after every change of a Live that its last run read. What an
 * earlier run read and the last did not is dropped after the new Lives are watched, so that
 * what both share is not stopped and started again. Owns the watches; `close` ends them all.
 */
export class Tracker {
  readonly #compute: () => void;
  /** By owner and key. */
  readonly #watches = new Map<object, Map<unknown, Watch>>();
  #run = 0;
  #isRunning = false;
  #isStale = false;
  #isClosed = false;

  constructor(compute: () => void) {
    this.#compute = compute;
  }

  /** The state of the Live that `make` gives; made once per owner and key while it is read. */
  read<T>(owner: object, key: unknown, make: () => Live<T>): State<T> {
    const known = this.#watches.get(owner)?.get(key);
    if (known !== undefined) {
      known.run = this.#run;
      // What was kept under an owner and a key was made by the same `make`.
      return (known.live as Live<T>).state;
    }
    const live = make();
    if (this.#isClosed) return live.state;
    const close = live.watch(() => this.run());
    let ofOwner = this.#watches.get(owner);
    if (ofOwner === undefined) this.#watches.set(owner, (ofOwner = new Map()));
    ofOwner.set(key, { live, close, run: this.#run });
    return live.state;
  }

  /** Computes; again when something changed meanwhile. */
  run(): void {
    if (this.#isRunning || this.#isClosed) {
      this.#isStale = true;
      return;
    }
    this.#isRunning = true;
    do {
      this.#isStale = false;
      this.#run++;
      this.#compute();
      this.#sweep();
    } while (this.#isStale && !this.#isClosed);
    this.#isRunning = false;
  }

  /** Forgets what can never change: a next run makes it again. */
  dropConstants(): void {
    for (const watches of this.#watches.values()) {
      for (const [key, { live }] of watches) if (isConstant(live)) watches.delete(key);
    }
  }

  #sweep(): void {
    for (const [owner, watches] of this.#watches) {
      for (const [key, watch] of watches) {
        if (watch.run === this.#run) continue;
        watches.delete(key);
        watch.close();
      }
      if (watches.size === 0) this.#watches.delete(owner);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const watches of this.#watches.values()) {
      for (const watch of watches.values()) watch.close();
    }
    this.#watches.clear();
  }
}

/** A Live that is computed from others; `compute` reads them through the tracker it is given. */
export function computed<T>(
  compute: (tracker: Tracker) => State<T>,
  isSame: (a: T, b: T) => boolean,
): Live<T> {
  return source((set) => {
    let last: State<T> | null = null;
    const tracker: Tracker = new Tracker(() => {
      const state = compute(tracker);
      if (last !== null && isSameState(last, state, isSame)) return;
      last = state;
      set(state);
    });
    tracker.run();
    return () => tracker.close();
  });
}

function isSameState<T>(a: State<T>, b: State<T>, isSame: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  if (a.kind === "ok") return b.kind === "ok" && isSame(a.value, b.value);
  if (a.kind === "failed") {
    return b.kind === "failed" && a.why.detail === b.why.detail && a.isSoft === b.isSoft;
  }
  return b.kind === "pending" && a.isLate === b.isLate && a.why === b.why;
}
