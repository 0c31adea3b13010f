// How long to wait before the next attempt: constant, or growing with jitter.
import type { Random } from "../core/clock.ts";
import type { BackoffConfig } from "../core/retry-schema.ts";

export { backoffSchema } from "../core/retry-schema.ts";
export type { BackoffConfig } from "../core/retry-schema.ts";

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
