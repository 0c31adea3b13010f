// The time of the machine, for tests with real sockets and processes.
import type { Clock } from "../../src/core/clock.ts";

export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
