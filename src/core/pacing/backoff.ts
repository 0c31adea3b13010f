// How long to wait before the next attempt: constant, or growing with jitter.
import * as v from "valibot";
import type { Random } from "../clock.ts";
import { milliseconds, says } from "../schema.ts";

/** `backoff: {kind: constant, ms}` or `{kind: jittered, minMs, maxMs}`. */
export const backoffSchema = () =>
  v.variant("kind", [
    v.strictObject({
      kind: v.literal("constant"),
      ms: says("Waits so long each time.", v.optional(milliseconds(), 0)),
    }),
    v.pipe(
      v.strictObject({
        kind: v.literal("jittered"),
        minMs: says("Waits so long at first.", milliseconds()),
        maxMs: says("Twice as long each time, at most this.", milliseconds()),
      }),
      v.check(
        ({ minMs, maxMs }) => minMs >= 1 && maxMs >= minMs,
        "expected minMs >= 1 and maxMs >= minMs",
      ),
    ),
  ]);

export type BackoffConfig = v.InferOutput<ReturnType<typeof backoffSchema>>;

/** A sequence of waits. One is made for each thing that waits, since it remembers where it is. */
export interface Backoff {
  nextMs(): number;
  /** Begins again with the shortest wait. */
  reset(): void;
}

export function backoffOf(config: BackoffConfig, random: Random): Backoff {
  return config.kind === "constant"
    ? constant(config.ms)
    : decorrelated(config.minMs, config.maxMs, random);
}

function constant(ms: number): Backoff {
  return { nextMs: () => ms, reset: () => {} };
}

/** Each wait is between the last one and three times the last one: never shorter, at most `maxMs`. */
export function decorrelated(minMs: number, maxMs: number, random: Random): Backoff {
  let lastMs = 0;
  return {
    nextMs: () => {
      lastMs = lastMs === 0 ? minMs : lastMs + random() * (Math.min(maxMs, 3 * lastMs) - lastMs);
      return lastMs;
    },
    reset: () => (lastMs = 0),
  };
}

/** `minMs`, then between `half` and twice `half` with `half` doubling from `minMs`, then `maxMs`. */
export function equalJittered(minMs: number, maxMs: number, random: Random): Backoff {
  let halfMs = 0; // 0: nothing waited yet
  return {
    nextMs: () => {
      if (halfMs === 0) {
        halfMs = minMs;
        return Math.min(minMs, maxMs);
      }
      const waitMs = halfMs + random() * halfMs;
      if (waitMs >= maxMs) return maxMs;
      halfMs *= 2;
      return waitMs;
    },
    reset: () => (halfMs = 0),
  };
}

export interface BackoffRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before attempt `attempt` (from 1): doubles from `minMs` up to `maxMs`, less a
 * random part of up to `jitter` (0 to 1), so that clients which failed together do not come back
 * together.
 */
export function doublingMs(
  attempt: number,
  { minMs, maxMs }: BackoffRange,
  jitter: number,
  random: Random,
): number {
  const fullMs = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return fullMs * (1 - random() * jitter);
}
