// Metrics that a test can read back by name.
import type { Counter, Histogram, Stats } from "../../../src/core/stats.ts";

/** Metrics by name: counters as numbers, histograms as lists, gauges read now. */
export function recorded() {
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, number[]>();
  const gauges = new Map<string, () => number>();
  const made: string[] = [];
  const stats: Stats = {
    counter(...name) {
      const key = name.join("/");
      made.push(key);
      const counter = counters.get(key) ?? { value: 0 };
      counters.set(key, counter);
      return counter;
    },
    histogram(...name): Histogram {
      const key = name.join("/");
      made.push(key);
      const samples = histograms.get(key) ?? [];
      histograms.set(key, samples);
      return { record: (value) => void samples.push(value) };
    },
    gauge: (read, ...name) => void gauges.set(name.join("/"), read),
    tally: (read, ...name) => void gauges.set(name.join("/"), read),
    scope: () => stats,
    rename() {},
    prune() {},
  };
  const all = (): Record<string, unknown> => ({
    ...Object.fromEntries([...counters].map(([name, { value }]) => [name, value])),
    ...Object.fromEntries(histograms),
    ...Object.fromEntries([...gauges].map(([name, read]) => [name, read()])),
  });
  return { stats, made, all };
}
