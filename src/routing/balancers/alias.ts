// Draws an index by weight in constant time (Walker's alias method, built as Vose does).
import type { Random } from "../../core/clock.ts";

/** `weights` is not empty, each >= 0; all zero means equal shares. */
export function aliasTable(weights: readonly number[]): (random: Random) => number {
  const count = weights.length;
  const sum = weights.reduce((a, b) => a + b, 0);
  const keep = Float64Array.from(weights, (weight) => (sum > 0 ? (weight * count) / sum : 1));
  const alias = Int32Array.from(weights, (_, i) => i);
  const small: number[] = [];
  const large: number[] = [];
  keep.forEach((share, i) => (share < 1 ? small : large).push(i));
  for (;;) {
    const less = small.pop();
    if (less === undefined) break;
    const more = large.pop();
    if (more === undefined) {
      keep[less] = 1; // nothing is left to fill it up: a rounding error
      continue;
    }
    alias[less] = more;
    const rest = at(keep, more) - (1 - at(keep, less));
    keep[more] = rest;
    (rest < 1 ? small : large).push(more);
  }
  for (const rest of large) keep[rest] = 1;
  return (random) => {
    const place = random() * count;
    const index = Math.floor(place);
    return place - index < at(keep, index) ? index : at(alias, index);
  };
}

function at(numbers: Float64Array | Int32Array, index: number): number {
  return numbers[index] ?? 0;
}
