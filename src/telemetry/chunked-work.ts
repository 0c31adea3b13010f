// Long work done piece by piece: calls go on in between. A page of metrics has a hundred thousand
// lines where a router has thousands of services.
import { setImmediate as nextTurn } from "node:timers/promises";

/** Some tenths of a millisecond of what is done here. */
const itemsPerSlice = 128;

/** Runs `run` for each item, and lets the event loop turn after every few of them. */
export async function inSlices<T>(items: Iterable<T>, run: (item: T) => void): Promise<void> {
  let left = itemsPerSlice;
  for (const item of items) {
    run(item);
    if (--left > 0) continue;
    left = itemsPerSlice;
    await nextTurn();
  }
}
