// Medians, quantiles and the formatting of figures.

/** `sorted` is ascending, `q` in 0..1; NaN for an empty list. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1));
  return sorted[at] ?? Number.NaN;
}

/** The middle value; for an even count, the mean of the middle two. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** `12,345`, `0.27`, `27.1`: measurements are precise to about three digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The median, followed by the lowest and highest when there are several. */
export function spread(values: readonly number[]): string {
  if (values.length < 2 || values.some(Number.isNaN)) return figure(median(values));
  return `${figure(median(values))} (${figure(Math.min(...values))}-${figure(Math.max(...values))})`;
}

export const bytesPerMib = 1024 * 1024;
