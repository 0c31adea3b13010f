// How much counters rose lately: the counters themselves only grow.
import type { MetricsNode } from "../../telemetry/metrics.ts";

/** Marks are kept every so many milliseconds, for a minute. */
const stepMs = 5_000;
const marks = 13;

/** The value of one counter, marked every 5 s. */
class Window {
  /** A counter that appears has risen from 0. */
  readonly #values: number[] = [0];
  #step = Number.NaN;

  /** Marks the value if it is time. */
  mark(value: number, nowMs: number): void {
    const step = Math.floor(nowMs / stepMs);
    if (step === this.#step) return;
    this.#step = step;
    this.#values.push(value);
    if (this.#values.length > marks) this.#values.shift();
  }

  /** By how much it rose within the last `steps` times 5 s, or since it was first marked. */
  rise(value: number, steps: number): number {
    return value - (this.#values.at(-1 - steps) ?? this.#values[0] ?? value);
  }
}

/** Of one scope of the metrics tree. */
export class ScopeWindows {
  readonly #windows = new Map<CounterPath, Window>();

  /** Reads the counter at `path` below `node`; its rises. */
  read(node: MetricsNode, path: CounterPath, nowMs: number): Rises {
    const value = counterAt(node, path);
    let window = this.#windows.get(path);
    if (window === undefined) {
      if (value === 0) return nothing; // as most are, for good
      this.#windows.set(path, (window = new Window()));
    }
    window.mark(value, nowMs);
    return { inMinute: window.rise(value, marks - 1), lately: window.rise(value, 3) };
  }
}

export interface Rises {
  readonly inMinute: number;
  /** Within the last 15 to 20 s. */
  readonly lately: number;
}

const nothing: Rises = { inMinute: 0, lately: 0 };

/** The names from a scope down to a counter. One object for each: it is a key, too. */
export type CounterPath = readonly string[];

/** 0: there is no such counter. */
export function counterAt(node: MetricsNode, path: CounterPath): number {
  let at: MetricsNode | undefined = node;
  for (const part of path) {
    at = at.children.get(part);
    if (at === undefined) return 0;
  }
  return at.metric?.kind === "counter" ? at.metric.value : 0;
}
