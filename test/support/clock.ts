// A clock that a test moves by hand.
import type { Clock } from "../../src/core/clock.ts";

export interface SimulatedClock extends Clock {
  /** Moves the time on, running what becomes due in the order it becomes due, at its own time. */
  advance(ms: number): void;
  /** What is still waiting: 0 when everything that was scheduled ran or was closed. */
  readonly waiting: number;
}

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Starts at 0 monotonic, and at 2024-01-01T00:00:00Z for people unless told otherwise. */
export function simulatedClock(startWallMs = Date.UTC(2024, 0, 1)): SimulatedClock {
  let nowMs = 0;
  const timers = new Set<Timer>();
  const nextDue = (byMs: number): Timer | null => {
    let next: Timer | null = null;
    for (const timer of timers) {
      // A set keeps the order of insertion: of two due together the older runs first.
      if (timer.dueMs <= byMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  };
  return {
    nowMs: () => nowMs,
    wallMs: () => startWallMs + nowMs,
    get waiting() {
      return timers.size;
    },
    after(delayMs, run) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let timer = nextDue(untilMs); timer !== null; timer = nextDue(untilMs)) {
        timers.delete(timer);
        nowMs = Math.max(nowMs, timer.dueMs);
        timer.run();
      }
      nowMs = untilMs;
    },
  };
}
