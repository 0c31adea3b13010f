// What a proxy's Prometheus page says of some clients: successes, failures, and the histogram of latencies.

/** Sums over all proxies and clients of one side, since the proxies started. */
export interface Totals {
  successes: number;
  failures: number;
  /** Calls up to so many milliseconds, by bound; Infinity is the last. */
  readonly buckets: Map<number, number>;
}

export function noTotals(): Totals {
  return { successes: 0, failures: 0, buckets: new Map() };
}

const line = /^rt:client:(success|failures|request_latency_ms_bucket)\{([^}]*)\} (\S+)$/;

export function addTotals(to: Totals, more: Totals): void {
  to.successes += more.successes;
  to.failures += more.failures;
  for (const [bound, count] of more.buckets) {
    to.buckets.set(bound, (to.buckets.get(bound) ?? 0) + count);
  }
}

/**
 * Adds the clients whose id is one of `ids` to `totals`. Series of single services are part of their client's. Throws with a text
 * for people when one is no count: nothing could be said of the calls.
 */
export function addPage(page: string, ids: ReadonlySet<string>, totals: Totals): void {
  for (const text of page.split("\n")) {
    if (!text.startsWith("rt:client:")) continue;
    const [, metric, labels = "", value = ""] = line.exec(text) ?? [];
    if (metric === undefined || /(?:^|, )service="/.test(labels)) continue;
    const [, client = ""] = /(?:^|, )client="((?:[^"\\]|\\.)*)"/.exec(labels) ?? [];
    if (!ids.has(`/${client.replaceAll(/\\(.)/g, "$1")}`)) continue;
    const number = Number(value);
    if (!Number.isFinite(number) || number < 0) throw new Error(`no count: ${text.slice(0, 200)}`);
    if (metric === "success") totals.successes += number;
    else if (metric === "failures") totals.failures += number;
    else {
      const [, bound = ""] = /(?:^|, )le="([^"]*)"/.exec(labels) ?? [];
      const key = bound === "+Inf" ? Infinity : Number(bound);
      totals.buckets.set(key, (totals.buckets.get(key) ?? 0) + number);
    }
  }
}

/** What came on top of `before`; a counter that fell was reset, and counts whole. */
export function since(before: Totals, now: Totals): Totals {
  const wasReset =
    now.successes < before.successes ||
    now.failures < before.failures ||
    (now.buckets.get(Infinity) ?? 0) < (before.buckets.get(Infinity) ?? 0);
  if (wasReset) return now;
  const buckets = new Map(
    Array.from(now.buckets, ([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)]),
  );
  return {
    successes: now.successes - before.successes,
    failures: now.failures - before.failures,
    buckets,
  };
}

/** Milliseconds, linear within a bucket as Prometheus' histogram_quantile; NaN without calls. */
export function percentileOf({ buckets }: Totals, p: number): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return NaN;
  const rank = (p / 100) * total;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of sorted) {
    if (count >= rank) {
      if (bound === Infinity) return lower;
      return lower + ((bound - lower) * (rank - below)) / Math.max(1, count - below);
    }
    lower = bound;
    below = count;
  }
  return lower;
}
