// The time of the turn: while the event loop hands out what it has read, it is looked up once.
import { performance } from "node:perf_hooks";
import { flushAtTurnEnd } from "./loop-tick.ts";

let isReading = false;
let isKnown = false;
let turnMs = 0;

const turn = {
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
export function momentMs(): number {
  if (isReading && isKnown) return turnMs;
  // Kept between reads as well: what comes next in this turn must not be told an earlier time.
  turnMs = performance.now();
  if (isReading) {
    isKnown = true;
    flushAtTurnEnd(turn);
  }
  return turnMs;
}
