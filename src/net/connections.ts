// The connections of one listener: known while they are open, drained and ended together.
import type { Clock } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";

/** A caller's connection, as far as its listener has to do with it. */
export interface Drainable {
  /** No more calls: closed now when none is in progress, else after the answers that are owed. */
  drain(): void;
  /** Answers at once, with `why`, what still waits for an answer; one that owes none is destroyed. */
  abort(why: Failure): void;
  destroy(): void;
}

/** How long callers may take to read that their calls were given up. */
const abortFlushMs = 500;

/** Owns nothing: connections come and go by themselves, and tell. */
export class Connections {
  readonly #clock: Clock;
  readonly #open = new Set<Drainable>();
  #whenEmpty: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  opened(connection: Drainable): void {
    this.#open.add(connection);
  }

  /** false: it was said before. */
  closed(connection: Drainable): boolean {
    if (!this.#open.delete(connection)) return false;
    if (this.#open.size > 0) return true;
    for (const tell of this.#whenEmpty.splice(0)) tell();
    return true;
  }

  /** Resolves when all are closed, which those that are not after `graceMs` are made to. */
  async close(graceMs: number): Promise<void> {
    for (const connection of Array.from(this.#open)) connection.drain();
    if (graceMs > 0) await this.#emptyWithin(graceMs);
    const why = failure("cancelled", "the proxy is shutting down and waits no longer for calls");
    for (const connection of Array.from(this.#open)) connection.abort(why);
    await this.#emptyWithin(abortFlushMs);
    for (const connection of Array.from(this.#open)) connection.destroy();
    await this.#emptyWithin(Infinity);
  }

  #emptyWithin(limitMs: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = limitMs === Infinity ? () => {} : this.#clock.after(limitMs, resolve);
      this.#whenEmpty.push(() => {
        stop();
        resolve();
      });
    });
  }
}
