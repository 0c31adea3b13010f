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
  readonly #windows = new Map<string, Window>();

  /** Reads the counter at `path` below `node`; the rise within a minute and within 15 s. */
  read(node: MetricsNode, path: string, nowMs: number): { inMinute: number; lately: number } {
    const value = counterAt(node, path);
    if (value === null) return nothing;
    let window = this.#windows.get(path);
    if (window === undefined) this.#windows.set(path, (window = new Window()));
    window.mark(value, nowMs);
    return { inMinute: window.rise(value, marks - 1), lately: window.rise(value, 3) };
  }
}

const nothing = { inMinute: 0, lately: 0 };

/** null: there is no such counter. */
export function counterAt(node: MetricsNode, path: string): number | null {
  let at: MetricsNode | undefined = node;
  for (const part of path.split("/")) at = at?.children.get(part);
  const metric = at?.metric;
  return metric?.kind === "counter" ? metric.value : null;
}
