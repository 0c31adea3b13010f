// A sum over a sliding window of time, in slices: old slices drop out as time passes.

/** Remembers between `windowMs` less one slice and `windowMs`. */
export class SlidingCount {
  readonly #sliceMs: number;
  readonly #slices: number[];
  /** The number of the newest slice, counted from time 0, and when it ends. */
  #newest = 0;
  #endMs: number;
  #sum = 0;

  constructor(windowMs: number, slices: number) {
    this.#sliceMs = windowMs / slices;
    this.#endMs = this.#sliceMs;
    this.#slices = Array.from({ length: slices }, () => 0);
  }

  add(nowMs: number, amount: number): void {
    this.#forget(nowMs);
    const at = this.#newest % this.#slices.length;
    this.#slices[at] = (this.#slices[at] ?? 0) + amount;
    this.#sum += amount;
  }

  sum(nowMs: number): number {
    this.#forget(nowMs);
    return this.#sum;
  }

  clear(): void {
    this.#slices.fill(0);
    this.#sum = 0;
  }

  #forget(nowMs: number): void {
    if (nowMs < this.#endMs) return;
    const newest = Math.floor(nowMs / this.#sliceMs);
    if (newest - this.#newest >= this.#slices.length) {
      this.clear();
      this.#newest = newest;
    }
    while (this.#newest < newest) {
      this.#newest++;
      const at = this.#newest % this.#slices.length;
      this.#sum -= this.#slices[at] ?? 0;
      this.#slices[at] = 0;
    }
    this.#endMs = (newest + 1) * this.#sliceMs;
  }
}
