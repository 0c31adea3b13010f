// The clock of the process: coarse shared timers, one system timer for all of them.
import type { Clock, Close } from "../core/clock.ts";
import { loopNowMs } from "./event-loop.ts";

/** Timers run up to this much late, and all that fall due within it run together. */
const tickMs = 10;

/** So many ticks without a ring may be in the heap beside those that have one. */
const maxStaleTicks = 1_024;

/** A timer in its tick's ring. Unlinked when `next` is null. */
class Entry {
  next: Entry | null = null;
  previous: Entry | null = null;
  run: (() => void) | null;
  constructor(run: (() => void) | null) {
    this.run = run;
  }
}

/** What the wheel needs of the system; given in tests. */
export interface Ticker {
  nowMs(): number;
  /** Calls back once, later than now; the result cancels. */
  sleep(delayMs: number, wake: () => void): Close;
}

/**
 * Timers in rings, one ring a tick. Starting and cancelling one is a few pointers; the system timer
 * is set for the earliest ring only, so an idle process sleeps.
 */
export class TimerWheel {
  readonly #ticker: Ticker;
  readonly #rings = new Map<number, Entry>();
  /** Ticks that have, or had, a ring: a binary heap, earliest first. */
  #heap: number[] = [];
  #armedTick = Infinity;
  #disarm: Close = () => {};

  constructor(ticker: Ticker) {
    this.#ticker = ticker;
  }

  /** Rings with a live timer; for tests and leak checks. */
  get size(): number {
    return this.#rings.size;
  }

  /** Ticks in the heap, those included whose timers were all cancelled; for tests. */
  get ticks(): number {
    return this.#heap.length;
  }

  after(delayMs: number, run: () => void): Close {
    if (delayMs === Infinity) return () => {};
    const tick = Math.ceil((this.#ticker.nowMs() + Math.max(0, delayMs)) / tickMs);
    const entry = new Entry(run);
    this.#link(entry, tick);
    if (tick < this.#armedTick) this.#arm(tick);
    return () => {
      entry.run = null;
      this.#unlink(entry, tick);
    };
  }

  #link(entry: Entry, tick: number): void {
    let ring = this.#rings.get(tick);
    if (ring === undefined) {
      ring = new Entry(null); // the ring's own head, which never runs
      ring.next = ring.previous = ring;
      this.#rings.set(tick, ring);
      if (this.#heap.length > 2 * this.#rings.size + maxStaleTicks) this.#dropStaleTicks();
      else push(this.#heap, tick);
    }
    const last = ring.previous as Entry;
    entry.previous = last;
    entry.next = ring;
    last.next = ring.previous = entry;
  }

  /**
   * A limit of a day on calls of a millisecond leaves a tick behind with each call, and their time
   * would come in a day only. What is in order is a heap.
   */
  #dropStaleTicks(): void {
    this.#heap = Array.from(this.#rings.keys()).sort((a, b) => a - b);
  }

  #unlink(entry: Entry, tick: number): void {
    const { next, previous } = entry;
    if (next === null || previous === null) return;
    previous.next = next;
    next.previous = previous;
    entry.next = entry.previous = null;
    // Only its head is left: the tick stays in the heap and is skipped when its time comes.
    if (next === previous && next.run === null && this.#rings.get(tick) === next) {
      this.#rings.delete(tick);
    }
  }

  #arm(tick: number): void {
    this.#disarm();
    this.#armedTick = tick;
    const delayMs = Math.max(1, Math.ceil(tick * tickMs - this.#ticker.nowMs()));
    this.#disarm = this.#ticker.sleep(delayMs, () => this.#wake());
  }

  #wake(): void {
    this.#armedTick = Infinity;
    const nowTick = Math.floor(this.#ticker.nowMs() / tickMs);
    for (let tick = this.#heap[0]; tick !== undefined; tick = this.#heap[0]) {
      const ring = this.#rings.get(tick);
      if (ring !== undefined && tick > nowTick) break;
      pop(this.#heap);
      if (ring !== undefined) this.#runAll(ring, tick);
    }
    const tick = this.#heap[0];
    if (tick !== undefined && tick < this.#armedTick) this.#arm(tick);
  }

  #runAll(ring: Entry, tick: number): void {
    for (let entry = ring.next; entry !== null && entry !== ring; entry = ring.next) {
      const { run } = entry;
      entry.run = null;
      this.#unlink(entry, tick);
      run?.();
    }
    if (this.#rings.get(tick) === ring) this.#rings.delete(tick);
  }
}

function push(heap: number[], value: number): void {
  let at = heap.push(value) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as number;
    if (above <= value) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = value;
}

function pop(heap: number[]): void {
  const last = heap.pop() as number;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= last) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = last;
}

/** The system's time is taken over when it was set by more than this. */
const clockStepMs = 50;
/** That it was set is seen so much later at most. */
const sampleIntervalMs = 10;

/**
 * Runs along with `nowMs`, so that a deadline given on one scale is the same moment on the other
 * whenever it is asked; each reading of the system's own time would be up to a millisecond off.
 */
function wallTime(nowMs: () => number): () => number {
  let offsetMs = Date.now() - nowMs();
  let lookAgainMs = 0;
  return () => {
    const ourMs = nowMs();
    if (ourMs < lookAgainMs) return offsetMs + ourMs;
    lookAgainMs = ourMs + sampleIntervalMs;
    const systemMs = Date.now();
    if (Math.abs(systemMs - ourMs - offsetMs) > clockStepMs) offsetMs = systemMs - ourMs;
    return offsetMs + ourMs;
  };
}

/** The process's own time. Its timers do not keep the process alive. */
export function systemClock(): Clock {
  const wheel = new TimerWheel({
    nowMs: loopNowMs,
    sleep(delayMs, wake) {
      // Longer than 2^31 - 1 ms would fire at once; the wheel sleeps again if it is too early.
      const timer = setTimeout(wake, Math.min(delayMs, 2 ** 31 - 1));
      timer.unref();
      return () => clearTimeout(timer);
    },
  });
  return {
    nowMs: loopNowMs,
    wallMs: wallTime(loopNowMs),
    after: (delayMs, run) => wheel.after(delayMs, run),
  };
}
