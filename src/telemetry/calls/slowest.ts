// The slowest of the last ten minutes.

const windowMs = 600_000;

interface Entry<T> {
  readonly item: T;
  readonly durationMs: number;
  readonly endedMs: number;
}

export class Slowest<T> {
  /** Faster ones are not among them: compare with this before anything else. Infinity: none ever is. */
  thresholdMs: number;
  /** From then on one of them is too old, which makes room; `Clock.nowMs`. */
  nextExpiryMs = Infinity;
  readonly #capacity: number;
  /** Fastest first. */
  #entries: Entry<T>[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.thresholdMs = capacity === 0 ? Infinity : -1;
  }

  isAmong(durationMs: number, nowMs: number): boolean {
    if (nowMs >= this.nextExpiryMs) this.#expire(nowMs);
    return durationMs > this.thresholdMs;
  }

  /** For one that `isAmong` them. */
  add(item: T, durationMs: number, endedMs: number): void {
    const at = this.#entries.findIndex((each) => each.durationMs > durationMs);
    this.#entries.splice(at < 0 ? this.#entries.length : at, 0, { item, durationMs, endedMs });
    if (this.#entries.length > this.#capacity) this.#entries.shift();
    this.#settle();
  }

  all(nowMs: number): readonly T[] {
    if (nowMs >= this.nextExpiryMs) this.#expire(nowMs);
    return this.#entries.map(({ item }) => item);
  }

  #expire(nowMs: number): void {
    this.#entries = this.#entries.filter(({ endedMs }) => endedMs + windowMs > nowMs);
    this.#settle();
  }

  #settle(): void {
    const isFull = this.#entries.length >= this.#capacity;
    this.thresholdMs = isFull ? (this.#entries[0]?.durationMs ?? Infinity) : -1;
    this.nextExpiryMs = Math.min(...this.#entries.map(({ endedMs }) => endedMs + windowMs));
  }
}
