// How fast a total grew in the last minute, from totals that come at any times.
const marks = 7;
const slotMs = 10_000;

export interface Growth {
  /** 0: too little was seen to say. */
  readonly overMs: number;
  readonly requests: number;
  readonly failures: number;
}

/** Remembers the first totals of each ten seconds, so that a difference is exact for the time it spans. */
export class LastMinute {
  /** Time, requests, failures of each mark. */
  readonly #marks = new Float64Array(marks * 3);
  #slot = -1;
  #atMs = 0;
  #requests = 0;
  #failures = 0;

  add(wallMs: number, requests: number, failures: number): void {
    this.#atMs = wallMs;
    this.#requests += requests;
    this.#failures += failures;
    const slot = Math.floor(wallMs / slotMs);
    if (slot === this.#slot) return;
    this.#slot = slot;
    this.#marks.set([wallMs, this.#requests, this.#failures], (slot % marks) * 3);
  }

  growth(wallMs: number): Growth {
    const oldestMs = wallMs - 60_000;
    if (this.#atMs < oldestMs) return { overMs: 60_000, requests: 0, failures: 0 };
    let from = -1;
    for (let at = 0; at < this.#marks.length; at += 3) {
      const ms = this.#marks[at]!;
      if (ms >= oldestMs && (from === -1 || ms < this.#marks[from]!)) from = at;
    }
    if (from === -1) return { overMs: 0, requests: 0, failures: 0 };
    return {
      overMs: this.#atMs - this.#marks[from]!,
      requests: this.#requests - this.#marks[from + 1]!,
      failures: this.#failures - this.#marks[from + 2]!,
    };
  }
}
