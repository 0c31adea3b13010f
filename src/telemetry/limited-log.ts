// A log in which no peer can write more than a few lines: what repeats is counted.
import type { Clock, Close } from "../core/clock.ts";
import type { Log, LogEvent } from "../core/log.ts";

/** Lines of one event that are written per interval. */
const maxLines = 20;
const intervalMs = 10_000;

type Level = "warn" | "error";

/** One event within its interval. */
interface Burst {
  lines: number;
  suppressed: number;
}

/**
 * Passes warnings and errors on, at most 20 of one event in 10 s. At the end of the interval one more
 * line has the number of those left out (`suppressed`). The names of events are the program's own:
 * their number is bounded. Owns a timer for each event within its interval.
 */
export class LimitedLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #bursts = new Map<string, Burst>();
  readonly #timers = new Set<Close>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  debug(event: LogEvent): void {
    this.#log.debug(event);
  }

  info(event: LogEvent): void {
    this.#log.info(event);
  }

  warn(event: LogEvent): void {
    if (this.#isWritten("warn", event)) this.#log.warn(event);
  }

  error(event: LogEvent): void {
    if (this.#isWritten("error", event)) this.#log.error(event);
  }

  /** Writes what has not been said yet. */
  close(): void {
    for (const stop of this.#timers) stop();
    this.#timers.clear();
    for (const key of Array.from(this.#bursts.keys())) this.#end(key);
  }

  #isWritten(level: Level, { event }: LogEvent): boolean {
    const key = `${level} ${event}`;
    const burst = this.#bursts.get(key) ?? this.#begin(key);
    if (++burst.lines <= maxLines) return true;
    burst.suppressed++;
    return false;
  }

  #begin(key: string): Burst {
    const burst = { lines: 0, suppressed: 0 };
    this.#bursts.set(key, burst);
    const stop = this.#clock.after(intervalMs, () => {
      this.#timers.delete(stop);
      this.#end(key);
    });
    this.#timers.add(stop);
    return burst;
  }

  #end(key: string): void {
    const { suppressed = 0 } = this.#bursts.get(key) ?? {};
    this.#bursts.delete(key);
    if (suppressed === 0) return;
    const level = key.startsWith("warn ") ? "warn" : "error";
    const event = key.slice(level.length + 1);
    const text = `and ${suppressed.toLocaleString("en-US")} more`;
    this.#log[level]({ event, suppressed, withinMs: intervalMs, text });
  }
}
