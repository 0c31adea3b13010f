// One scope of calls, followed: its counters at the last two samples, and its series.
import type { Metric, MetricsNode } from "../metrics.ts";
import { type Series, samplesKept } from "./series.ts";

/** The counters of a scope at one moment. */
export interface Counts {
  readonly atMs: number;
  readonly calls: number;
  readonly successes: number;
  readonly failures: number;
  readonly retries: number;
}

/** Samples of the last minute. */
const minute = 12;

export class Track {
  readonly node: MetricsNode;
  /** null: nothing to keep yet, or no room. */
  series: Series | null = null;
  /** The last sample in which there was a call. */
  #activeSample: number;
  #before: Counts;
  #last: Counts;

  constructor(node: MetricsNode, sample: number, nowMs: number) {
    this.node = node;
    this.#activeSample = sample - samplesKept;
    // A scope is made by its first call, so it has counted from zero since the sample before.
    this.#before = this.#last = { atMs: nowMs, calls: 0, successes: 0, failures: 0, retries: 0 };
  }

  /** Whether a call was made within the time that is kept. */
  isActive(sample: number): boolean {
    return sample - this.#activeSample < samplesKept;
  }

  /** Moves on to the next sample; returns whether the scope had calls in the last one. */
  move(nowMs: number): { readonly from: Counts; readonly to: Counts } {
    const to = countsOf(this.node, nowMs);
    this.#before = this.#last;
    this.#last = to;
    return { from: this.#before, to };
  }

  take(sample: number, { from, to }: { readonly from: Counts; readonly to: Counts }): void {
    if (to.calls !== from.calls) this.#activeSample = sample;
    if (this.series === null) return;
    const seconds = (to.atMs - from.atMs) / 1_000;
    const per = (count: number) => (seconds > 0 ? count / seconds : 0);
    const latency = latencyOf(this.node)?.recent();
    const at = (index: number) =>
      latency === undefined || latency.count === 0
        ? Number.NaN
        : (latency.atPercentile[index] ?? Number.NaN);
    this.series.write(sample, [
      per(to.calls - from.calls),
      per(to.successes - from.successes),
      per(to.failures - from.failures),
      per(to.retries - from.retries),
      valueOf(this.node, "pending"),
      at(0),
      at(2),
      at(3),
    ]);
  }

  /** Calls a second over the last five to ten seconds. */
  callsPerSecond(nowMs: number): number {
    const now = countsOf(this.node, nowMs);
    const seconds = (now.atMs - this.#before.atMs) / 1_000;
    return seconds > 0 ? (now.calls - this.#before.calls) / seconds : 0;
  }

  /** Of the last minute; null: no call ended in it. */
  successRate(sample: number, nowMs: number): number | null {
    const now = countsOf(this.node, nowMs);
    let successes = now.successes - this.#last.successes;
    let failures = now.failures - this.#last.failures;
    if (this.series !== null) {
      const sum = (values: readonly number[]) =>
        values.reduce((total, value) => total + (value >= 0 ? value * sampleSeconds : 0), 0);
      successes += sum(this.series.since(sample - minute, sample, "successes"));
      failures += sum(this.series.since(sample - minute, sample, "failures"));
    }
    return successes + failures > 0.01 ? successes / (successes + failures) : null;
  }
}

export const samplePeriodMs = 5_000;
const sampleSeconds = samplePeriodMs / 1_000;

export function countsOf(node: MetricsNode, atMs: number): Counts {
  const retries = node.children.get("retries");
  return {
    atMs,
    calls: valueOf(node, "requests"),
    successes: valueOf(node, "success"),
    failures: valueOf(node, "failures"),
    retries: retries === undefined ? 0 : valueOf(retries, "total") + valueOf(retries, "requeues"),
  };
}

/** A counter or gauge below `node`; 0 if there is none. */
export function valueOf(node: MetricsNode, name: string): number {
  const metric = node.children.get(name)?.metric;
  return metric === undefined || metric === null ? 0 : numberOf(metric);
}

function numberOf(metric: Metric): number {
  if (metric.kind === "histogram") return 0;
  return metric.kind === "counter" ? metric.value : metric.read();
}

export function latencyOf(node: MetricsNode) {
  const metric = node.children.get("request_latency_ms")?.metric;
  return metric?.kind === "histogram" ? metric : null;
}
