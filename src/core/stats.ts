// What the data path may know of metrics: look a metric up when building, touch a number per call.

export interface Counter {
  /** Read or add to it directly: `counter.value += 1` is the hot path. */
  value: number;
}

export interface Histogram {
  /** Records one sample: a whole number >= 0 in the unit that the metric's name carries. */
  record(value: number): void;
}

/**
 * A scope of the metrics tree. Names are Linkerd's (`rt`, `server`, `service`, `client`, ...); a
 * part may itself contain `/`, such as a client's id. Asking twice for one name gives one metric.
 */
export interface Stats {
  counter(...name: readonly string[]): Counter;
  histogram(...name: readonly string[]): Histogram;
  /** A number read when somebody looks. Replaces a gauge of the same name. */
  gauge(read: () => number, ...name: readonly string[]): void;
  /** A counter that is counted elsewhere, and read when somebody looks. Replaces one of the same name. */
  tally(read: () => number, ...name: readonly string[]): void;
  scope(...name: readonly string[]): Stats;
  /** Gives the last part of this scope's name another name: for what is known only later, a port. */
  rename(part: string): void;
  /** Removes this scope and everything below. What still records into it is not seen any more. */
  prune(): void;
}
