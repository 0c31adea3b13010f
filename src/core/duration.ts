// Durations as people write them.

/** `10 s`, `500 ms`. */
export function showDuration(ms: number): string {
  return ms >= 1_000 && ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
