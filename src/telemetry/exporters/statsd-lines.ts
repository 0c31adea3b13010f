// What changed since the last round, as lines of the StatsD protocol.
import type { WindowedHistogram } from "../histogram.ts";
import type { Metric } from "../metrics.ts";

/** Bounds of the groups in which samples are sent: each at most a fifth above the one before. */
const bounds = groupBounds();

interface Sent {
  /** Of a counter its value; of a histogram the number of samples up to each bound, and all. */
  readonly atMost: readonly number[];
  round: number;
}

/**
 * Counters become increments (`c`), gauges their value (`g`), and histograms timings (`ms`): the samples since
 * the last round in groups, each group one line that a sample rate of 1/n makes count n times.
 */
export class StatsdLines {
  readonly #prefix: string;
  readonly #sent = new Map<string, Sent>();
  #round = 0;

  constructor(prefix: string) {
    this.#prefix = prefix === "" ? "" : `${cleaned(prefix)}.`;
  }

  of(path: readonly string[], metric: Metric): readonly string[] {
    const name = this.#prefix + path.map(cleaned).join(".");
    if (metric.kind === "gauge") return gauge(name, metric.read());
    if (metric.kind === "counter") return this.#counter(name, metric.value);
    return this.#histogram(name, metric);
  }

  /** Forgets metrics that are gone: their scope was pruned. */
  endRound(): void {
    for (const [name, { round }] of this.#sent) if (round !== this.#round) this.#sent.delete(name);
    this.#round += 1;
  }

  #counter(name: string, value: number): string[] {
    const before = this.#swap(name, [value])[0] ?? 0;
    // A smaller value is a new counter under an old name.
    const increment = value >= before ? value - before : value;
    return increment === 0 ? [] : [`${name}:${increment}|c`];
  }

  #histogram(name: string, histogram: WindowedHistogram): string[] {
    const { atMost, count } = histogram.since(bounds);
    const now = [...atMost, count];
    const last = this.#swap(name, now);
    const before = (last.at(-1) ?? 0) <= count ? last : [];
    const lines: string[] = [];
    for (const [index, total] of now.entries()) {
      const below = index === 0 ? 0 : (now[index - 1] ?? 0);
      const belowBefore = index === 0 ? 0 : (before[index - 1] ?? 0);
      const added = total - below - ((before[index] ?? 0) - belowBefore);
      if (added <= 0) continue;
      const value = bounds[index] ?? bounds.at(-1) ?? 0;
      lines.push(added === 1 ? `${name}:${value}|ms` : `${name}:${value}|ms|@${1 / added}`);
    }
    return lines;
  }

  #swap(name: string, atMost: readonly number[]): readonly number[] {
    const before = this.#sent.get(name)?.atMost ?? [];
    this.#sent.set(name, { atMost, round: this.#round });
    return before;
  }
}

/** A negative number would be a change of the gauge, so it is set to zero first. */
function gauge(name: string, value: number): string[] {
  if (!Number.isFinite(value)) return [];
  return value < 0 ? [`${name}:0|g`, `${name}:${value}|g`] : [`${name}:${value}|g`];
}

/** As Linkerd: slashes become dots, and whatever StatsD could take for its own syntax an underscore. */
function cleaned(part: string): string {
  return part
    .replace(/^\/+/, "")
    .replaceAll("/", ".")
    .replace(/[^A-Za-z0-9._-]/g, "_");
}

function groupBounds(): readonly number[] {
  const found = [0, 1, 2, 3, 4, 5];
  for (let bound = 6; bound < 2 ** 32; bound = Math.ceil(bound * 1.2)) found.push(bound);
  return found;
}
