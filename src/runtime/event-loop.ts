// One tick of the event loop: what is written in it is sent together at its end, and the time is looked
// up once while the loop delivers what it has read.
//
// A write wakes the reader at the other end, and on an idle processor that costs more than the write
// itself. While the loop delivers what it has read, small writes follow each other a few microseconds
// apart: each would find its reader asleep again. Written together, the first wakes it and the others
// find it awake.
import { performance } from "node:perf_hooks";

/** Has something to write at the end of the tick. */
export interface Flushing {
  flush(): void;
}

let waiting: Flushing[] = [];
let spare: Flushing[] = [];

/** Calls `flush` once, when everything read in this tick was handled. */
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
/** When this turn began to deliver what it has read. */
let turnBeganMs = 0;
/** Of the latest turns. */
let longestTurnMs = 0;
/** By this factor the longest is forgotten from turn to turn. */
const longestDecay = 0.95;
let turn = 0;
let isTurnSeen = false;
/** When the first connection with many messages was noticed in this turn; 0: there is none. */
let busySinceMs = 0;

const tick = {
  flush(): void {
    longestTurnMs *= longestDecay;
    if (isKnown) longestTurnMs = Math.max(longestTurnMs, performance.now() - turnBeganMs);
    isKnown = isTurnSeen = false;
    busySinceMs = 0;
    turn++;
  },
};

/** All connections together take no longer in one turn, unless each has only a few messages. */
const maxBusyMs = 4;

/** Differs from turn to turn of the event loop. */
export function turnNumber(): number {
  if (!isTurnSeen && !isKnown) flushAtTickEnd(tick);
  isTurnSeen = true;
  return turn;
}

/** Whether connections with many messages should go on in the next turn. Reads the time. */
export function isTurnLong(): boolean {
  turnNumber(); // so that the turn has an end
  const nowMs = performance.now();
  if (busySinceMs === 0) busySinceMs = nowMs;
  return nowMs - busySinceMs > maxBusyMs;
}

const resting: (() => void)[] = [];
let isWakeDue = false;

/** Calls `wake` in the next turn, or in a later one: whoever rests longest comes first. */
export function restUntilNextTurn(wake: () => void): void {
  resting.push(wake);
  if (!isWakeDue) setImmediate(wakeResting);
  isWakeDue = true;
}

function wakeResting(): void {
  isWakeDue = false;
  for (let left = resting.length; left > 0; left--) {
    resting.shift()?.();
    if (isTurnLong()) break; // the others come before those that rest from now on
  }
  if (resting.length > 0 && !isWakeDue) {
    isWakeDue = true;
    setImmediate(wakeResting);
  }
}

/** Bytes were read: until `readEnds` the time of this tick holds. */
export function readBegins(): void {
  isReading = true;
}

export function readEnds(): void {
  isReading = false;
}

/**
 * Milliseconds since the process started. A call reads the time eight times between two system calls,
 * which costs more than all its counters: within one tick the first reading holds.
 */
export function loopNowMs(): number {
  if (isReading && isKnown) return tickMs;
  // Kept between reads as well: time must not go backwards within a tick.
  tickMs = performance.now();
  if (isReading) {
    if (!isTurnSeen) flushAtTickEnd(tick);
    if (!isKnown) turnBeganMs = tickMs;
    isKnown = true;
  }
  return tickMs;
}

/** How long the latest turns took at most, from their first read to their end: what is read may be so old. */
export function recentTurnMs(): number {
  return longestTurnMs;
}
