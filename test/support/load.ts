// Callers that ask a proxy all the time, while something is changed behind it.
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { caller } from "./caller.ts";
import { until } from "./until.ts";

export interface Load {
  /** The body of the last answer of each caller. */
  readonly bodies: readonly string[];
  /** Answers so far. */
  readonly count: number;
  /** Ends it; every status that was not 200, with its body. */
  stop(): Promise<string[]>;
}

/** Callers that ask without pause, or with one; resolves when each has had an answer. */
export async function load(
  t: TestContext,
  port: number,
  host: string,
  { callers = 4, pauseMs = 0 }: { readonly callers?: number; readonly pauseMs?: number } = {},
): Promise<Load> {
  const bodies: string[] = [];
  const failures: string[] = [];
  let isOver = false;
  let count = 0;
  const running = Array.from({ length: callers }, async (_, id) => {
    const from = await caller(t, port);
    while (!isOver) {
      const { status, body } = await from.ask(host);
      count += 1;
      bodies[id] = body;
      if (status !== 200) failures.push(`${status} ${body}`);
      if (pauseMs > 0) await sleep(pauseMs);
    }
    from.close();
  });
  await until(
    () => bodies.length,
    (length) => length === callers,
    "all callers have an answer",
  );
  return {
    bodies,
    get count() {
      return count;
    },
    async stop() {
      isOver = true;
      await Promise.all(running);
      return failures;
    },
  };
}
