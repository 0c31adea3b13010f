// An endpoint that works on some calls at a time, by a simulated clock, and calls that arrive by chance.
import type { Random } from "../../src/core/clock.ts";
import type { Pending, Reply, Service } from "../../src/core/service.ts";
import type { SimulatedClock } from "./clock.ts";
import type { TestCall, TestResponse } from "./routing.ts";
import { erlang4 } from "./simulator.ts";

export interface Workers {
  readonly service: Service<TestCall, TestResponse>;
  /** Calls that came, and those that were worked on to the end. */
  readonly seen: { count: number; done: number };
}

/** `count` calls at a time, each about `meanMs`; the others wait in order, without end. */
export function workers(
  clock: SimulatedClock,
  random: Random,
  { count = 8, meanMs = 10 }: { readonly count?: number; readonly meanMs?: number } = {},
): Workers {
  const waiting: Reply<TestResponse>[] = [];
  const seen = { count: 0, done: 0 };
  let busy = 0;
  const work = (): void => {
    while (busy < count) {
      const reply = waiting.shift();
      if (reply === undefined) return;
      busy++;
      clock.after(erlang4(meanMs, random), () => {
        busy--;
        seen.done++;
        reply.start(200);
        reply.end(null);
        work();
      });
    }
  };
  const service = (_: TestCall, reply: Reply<TestResponse>): Pending => {
    seen.count++;
    waiting.push(reply);
    work();
    return { cancel: () => {} };
  };
  return { service, seen };
}

/** Runs `begin` so many times a second for so long, at random moments. */
export function arrivals(
  clock: SimulatedClock,
  random: Random,
  perSecond: number,
  seconds: number,
  begin: () => void,
): void {
  const endMs = clock.nowMs() + seconds * 1_000;
  const next = (): void => {
    const waitMs = (-1_000 / perSecond) * Math.log(1 - random());
    if (clock.nowMs() + waitMs >= endMs) return;
    clock.after(waitMs, () => {
      begin();
      next();
    });
  };
  next();
  clock.advance(seconds * 1_000);
}
