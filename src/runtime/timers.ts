// The clock of the process: coarse timers that share one system timer.
import type { Clock, Close } from "../core/clock.ts";
import { loopNowMs } from "./event-loop.ts";

/** Timers fire up to this much late, and all that are due within it fire together. */
const tickMs = 10;

/** Limit of ticks without a ring in the heap, beside those that have one. */
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

/** What the wheel needs of the system; replaced in tests. */
export interface Ticker {
  nowMs(): number;
  /** Calls back once, asynchronously; the result cancels. */
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

  /** Ticks in the heap, including those whose timers were all cancelled; for tests. */
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
   * Drops ticks whose timers were all cancelled: a time limit of a day on calls of a millisecond would
   * leave one tick per call in the heap for a day. A sorted array is a heap.
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
    // Only the head is left: the tick stays in the heap and is skipped when due.
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

/** A step of the system's time by more than this is adopted. */
const clockStepMs = 50;
/** A step of the system's time is noticed within this time. */
const sampleIntervalMs = 10;

/**
 * Runs in step with `nowMs`, so that a deadline on one scale is always the same moment on the other;
 * separate readings of the system's time would differ by up to a millisecond.
 */
function wallTime(nowMs: () => number): () => number {
  let offsetMs = Date.now() - nowMs();
  let nextSampleMs = 0;
  return () => {
    const monotonicMs = nowMs();
    if (monotonicMs < nextSampleMs) return offsetMs + monotonicMs;
    nextSampleMs = monotonicMs + sampleIntervalMs;
    const systemMs = Date.now();
    if (Math.abs(systemMs - monotonicMs - offsetMs) > clockStepMs)
      offsetMs = systemMs - monotonicMs;
    return offsetMs + monotonicMs;
  };
}

/** The process's own time. Its timers do not keep the process alive. */
export function systemClock(): Clock {
  const wheel = new TimerWheel({
    nowMs: loopNowMs,
    sleep(delayMs, wake) {
      // A delay above 2^31 - 1 ms would fire immediately; the wheel sleeps again if it wakes early.
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
