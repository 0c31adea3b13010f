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
