// Shares one running source among all concurrent users of the same key.
import type { Close } from "../core/clock.ts";
import { source } from "../core/live.ts";
import type { Live, State } from "../core/live.ts";

/** Lives by key, each kept while it is watched. */
export class SharedLives<T> {
  readonly #running = new Map<string, Live<T>>();

  /** The Live that runs for `key`, or a new one that `start` feeds once it is watched. */
  get(key: string, start: (set: (state: State<T>) => void) => Close): Live<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const live: Live<T> = source((set) => {
      this.#running.set(key, live);
      const stop = start(set);
      return () => {
        stop();
        if (this.#running.get(key) === live) this.#running.delete(key);
      };
    });
    return live;
  }
}
