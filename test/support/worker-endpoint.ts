// An HTTP endpoint that works on some calls at a time, and lets the others wait in order.
import type { TestContext } from "node:test";
import type { Random } from "../../src/core/clock.ts";
import { service } from "./service.ts";
import { erlang4 } from "./simulator.ts";

export interface WorkerEndpoint {
  readonly port: number;
  /** Calls so far. */
  readonly count: number;
  /** How long a call would wait that came now. */
  waitMs(): number;
}

interface Crew {
  readonly workers: number;
  /** Of one call; they vary by half of it. */
  readonly meanMs: number;
  readonly random: Random;
}

/**
 * Answers each call with its target. It finishes what its caller has given up: it cannot know. When
 * a call is done is worked out as it comes, so that timers which are late do not make it slower.
 */
export async function workerEndpoint(
  t: TestContext,
  { workers, meanMs, random }: Crew,
): Promise<WorkerEndpoint> {
  const freeAtMs = Array.from({ length: workers }, () => 0);
  const next = () => freeAtMs.indexOf(Math.min(...freeAtMs));
  const served = await service(t, (request, response) => {
    const nowMs = performance.now();
    const worker = next();
    const doneMs = Math.max(nowMs, freeAtMs[worker]!) + erlang4(meanMs, random);
    freeAtMs[worker] = doneMs;
    // A long queue is left behind at the test's end.
    setTimeout(() => response.end(request.url), doneMs - nowMs).unref();
  });
  return {
    port: served.port,
    get count() {
      return served.count;
    },
    waitMs: () => Math.max(0, freeAtMs[next()]! - performance.now()),
  };
}
