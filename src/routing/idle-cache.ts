// A bounded map of costly things: those unused for a while are closed.
import type { Clock, Close } from "../core/clock.ts";
import type { Counter, Stats } from "../core/stats.ts";

/** What a cache keeps. The cache alone writes `lastUse`. */
export interface Cached {
  /** Calls in progress: while there are any, it is not closed. */
  readonly pending: number;
  /** The cache's count of uses at the last one. */
  lastUse: number;
  close(): void;
}

export interface IdleCacheOptions {
  readonly capacity: number;
  readonly idleTtlMs: number;
  readonly clock: Clock;
  /** Such as `bindcache/path`. */
  readonly stats: Stats;
}

/**
 * Counts uses instead of reading the clock: the order of use is what eviction needs, and a sweep
 * every `idleTtlMs` closes what was not used since the sweep before, hence after one to two times
 * `idleTtlMs`. Owns its values and one timer.
 */
export class IdleCache<V extends Cached> {
  readonly #values = new Map<string, V>();
  readonly #options: IdleCacheOptions;
  readonly #misses: Counter;
  readonly #evicts: Counter;
  readonly #oneshots: Counter;
  readonly #expires: Counter;
  #uses = 0;
  #usesAtSweep = 0;
  #closeTimer: Close | null = null;

  constructor(options: IdleCacheOptions) {
    this.#options = options;
    this.#misses = options.stats.counter("misses");
    this.#evicts = options.stats.counter("evicts");
    this.#oneshots = options.stats.counter("oneshots");
    this.#expires = options.stats.counter("expires");
  }

  get size(): number {
    return this.#values.size;
  }

  values(): Iterable<V> {
    return this.#values.values();
  }

  /** The value, which counts as a use. */
  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) value.lastUse = ++this.#uses;
    return value;
  }

  /** Says that a value was used until now: at the end of a call. */
  touch(value: V): void {
    value.lastUse = ++this.#uses;
  }

  /**
   * Makes the value of a key that is not there. When the cache is full the one idle for longest
   * goes; when none is idle the new one is made as a one-shot: it is not kept, and closes itself
   * once its calls have ended.
   */
  add(key: string, make: (isOneShot: boolean) => V): V {
    this.#misses.value++;
    if (this.#values.size >= this.#options.capacity && !this.#evict()) {
      this.#oneshots.value++;
      return make(true);
    }
    const value = make(false);
    this.#values.set(key, value);
    value.lastUse = ++this.#uses;
    this.#closeTimer ??= this.#sweepLater();
    return value;
  }

  /** Closes everything, busy or not, by `end`. */
  clear(end: (value: V) => void): void {
    this.#closeTimer?.();
    this.#closeTimer = null;
    for (const value of this.#values.values()) end(value);
    this.#values.clear();
  }

  #evict(): boolean {
    let oldestKey: string | null = null;
    let oldest: V | null = null;
    for (const [key, value] of this.#values) {
      if (value.pending > 0) continue;
      if (oldest !== null && oldest.lastUse <= value.lastUse) continue;
      oldest = value;
      oldestKey = key;
    }
    if (oldest === null || oldestKey === null) return false;
    this.#values.delete(oldestKey);
    this.#evicts.value++;
    oldest.close();
    return true;
  }

  #sweepLater(): Close {
    return this.#options.clock.after(this.#options.idleTtlMs, () => {
      this.#sweep();
      this.#closeTimer = this.#values.size === 0 ? null : this.#sweepLater();
    });
  }

  #sweep(): void {
    const lastSweep = this.#usesAtSweep;
    this.#usesAtSweep = this.#uses;
    for (const [key, value] of this.#values) {
      if (value.pending > 0) this.touch(value);
      else if (value.lastUse <= lastSweep) {
        this.#values.delete(key);
        this.#expires.value++;
        value.close();
      }
    }
  }
}
