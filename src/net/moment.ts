// The time of the read that is being worked on: it is looked up once, however often it is asked for.

import { performance } from "node:perf_hooks";

let isReading = false;
let isKnown = false;
let readMs = 0;

/** Bytes were read, and everything until `readEnds` belongs to one moment. */
export function readBegins(): void {
  isReading = true;
  isKnown = false;
}

export function readEnds(): void {
  isReading = false;
}

/**
 * Milliseconds since the process started. A call asks eight times between two system calls, which
 * costs more than all its counters: within a read the first answer holds.
 */
export function momentMs(): number {
  if (!isReading) return performance.now();
  if (isKnown) return readMs;
  isKnown = true;
  readMs = performance.now();
  return readMs;
}
