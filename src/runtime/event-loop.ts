// One tick of the event loop: what was written in it leaves together at its end, and while the loop hands out
// what it has read, the time is looked up once.
//
// A write wakes whoever waits at the other end, and on an idle processor that costs more than the
// write. While the loop hands out what it has read, one small write follows the other a few
// microseconds apart: each would find its reader asleep again. Written together, the first wakes it
// and the others find it awake.
import { performance } from "node:perf_hooks";

/** Has something to write at the end of the turn. */
export interface Flushing {
  flush(): void;
}

let waiting: Flushing[] = [];
let spare: Flushing[] = [];

/** Calls `flush` once, when all has been handled that was read in this turn. */
export function flushAtTickEnd(one: Flushing): void {
  if (waiting.length === 0) setImmediate(flushAll);
  waiting.push(one);
}

function flushAll(): void {
  const all = waiting;
  waiting = spare;
  for (let i = 0; i < all.length; i++) all[i]?.flush();
  all.length = 0;
  spare = all;
}

let isReading = false;
let isKnown = false;
let tickMs = 0;

const tick = {
  flush(): void {
    isKnown = false;
  },
};

/** Bytes were read: until `readEnds` all belongs to the moment of this turn. */
export function readBegins(): void {
  isReading = true;
}

export function readEnds(): void {
  isReading = false;
}

/**
 * Milliseconds since the process started. A call asks eight times between two system calls, which
 * costs more than all its counters: for what is read in one turn the first answer holds.
 */
export function loopNowMs(): number {
  if (isReading && isKnown) return tickMs;
  // Kept between reads as well: what comes next in this turn must not be told an earlier time.
  tickMs = performance.now();
  if (isReading) {
    isKnown = true;
    flushAtTickEnd(tick);
  }
  return tickMs;
}
