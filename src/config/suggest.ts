// "did you mean": the known word that is nearest to an unknown one.

/** The nearest of `known`; null when no candidate is a plausible match. */
export function nearest(word: string, known: readonly string[]): string | null {
  const plain = folded(word);
  if (plain === "" || plain.length > 64) return null;
  let best: string | null = null;
  let bestDistance = Math.min(4, Math.floor(plain.length / 3) + 1);
  for (const candidate of known) {
    const distance = editDistance(plain, folded(candidate), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  // `consul` for `io.l5d.consul`
  return best ?? known.find((name) => folded(name).split(".").at(-1) === plain) ?? null;
}

/** Makes `maxSize`, `max_size` and `Max-Size` equal. */
function folded(word: string): string {
  return word.toLowerCase().replace(/[_\s-]/g, "");
}

/** Counts insertions, deletions, changes and swaps of neighbours, up to `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) distance = Math.min(distance, at(before, j - 2) + 1);
      row.push(distance);
    }
    [before, last] = [last, row];
  }
  return Math.min(limit, at(last, b.length));
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
