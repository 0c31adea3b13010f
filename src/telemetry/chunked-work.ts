// Long work split into chunks, between which the event loop handles calls. The metrics of a router
// with thousands of services are a hundred thousand lines.
import { setImmediate as nextTurn } from "node:timers/promises";

/** A few tenths of a millisecond for the work of the metrics pages. */
const itemsPerChunk = 128;

/** Calls `run` for each item and yields to the event loop after every chunk. */
export async function inChunks<T>(items: Iterable<T>, run: (item: T) => void): Promise<void> {
  let left = itemsPerChunk;
  for (const item of items) {
    run(item);
    if (--left > 0) continue;
    left = itemsPerChunk;
    await nextTurn();
  }
}

const itemsPerRun = 1_024;

/** Sorts by `key`, ascending, and yields to the event loop on the way. */
export async function sortInChunks<T>(items: readonly T[], key: (item: T) => string): Promise<T[]> {
  const compare = (a: T, b: T) => (key(a) < key(b) ? -1 : 1);
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += itemsPerRun) {
    runs.push(items.slice(start, start + itemsPerRun).sort(compare));
    await nextTurn();
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(await merge(runs[i]!, runs[i + 1] ?? [], compare));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
): Promise<T[]> {
  const merged: T[] = [];
  let [fromA, fromB] = [0, 0];
  while (merged.length < a.length + b.length) {
    const isFromA = fromB >= b.length || (fromA < a.length && compare(a[fromA]!, b[fromB]!) < 0);
    merged.push(isFromA ? a[fromA++]! : b[fromB++]!);
    if (merged.length % itemsPerRun === 0) await nextTurn();
  }
  return merged;
}
