// The end of the event loop's turn: what was written in it leaves then, all at once.
//
// A write wakes whoever waits at the other end, and on an idle processor that costs more than the
// write. While the loop hands out what it has read, one small write follows the other a few
// microseconds apart: each would find its reader asleep again. Written together, the first wakes it
// and the others find it awake.

/** Has something to write at the end of the turn. */
export interface Flushing {
  flush(): void;
}

let waiting: Flushing[] = [];
let spare: Flushing[] = [];

/** Calls `flush` once, when all has been handled that was read in this turn. */
export function flushAtTurnEnd(one: Flushing): void {
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
