// `kind: io.l5d.unified`: dead after failures in a row, or when too few of a window succeeded.
//
//   failureAccrual:
//     kind: io.l5d.unified
//     failures: 7
//     successRate: 0.8
//     windowMs: 10000
//     minRequests: 20
//     backoff: { kind: jittered, minMs: 1000, maxMs: 60000 }
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, says } from "../../core/schema.ts";
import type { AccrualPlugin, AccrualPolicy } from "../accrual.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import { accrualKeys, deadTimes } from "./keys.ts";
import { SlidingCount } from "./sliding-count.ts";

export const unified: AccrualPlugin = plugin({
  kind: "io.l5d.unified",
  schema: v.strictObject({
    kind: v.literal("io.l5d.unified"),
    failures: says("Failures in a row; 0: they do not count.", v.optional(integer(0), 7)),
    successRate: says(
      "Below this share of successes within the window it is dead; 0: that does not count.",
      v.optional(decimal(0, 1), 0.8),
    ),
    windowMs: says("Calls of about so long count.", v.optional(integer(10), 10_000)),
    minRequests: says(
      "With fewer calls within the window there is no rate.",
      v.optional(integer(1), 20),
    ),
    ...accrualKeys(),
  }),
  create: ({ backoff, ...limits }, { random }) => ({
    maxEjectedPercent: limits.maxEjectedPercent,
    holdBack: limits.holdBack,
    policy: () => policy(limits, deadTimes(backoff, random)),
  }),
});

interface Limits {
  readonly failures: number;
  readonly successRate: number;
  readonly windowMs: number;
  readonly minRequests: number;
}

/** What refuses calls politely lowers the rate, and does not count as failing in a row. */
function policy(limits: Limits, backoff: Backoff): AccrualPolicy {
  const { failures, successRate, windowMs, minRequests } = limits;
  const all = new SlidingCount(windowMs, 10);
  const good = new SlidingCount(windowMs, 10);
  let inARow = 0;
  const isBelowRate = (nowMs: number) => {
    const calls = all.sum(nowMs);
    return calls >= minRequests && good.sum(nowMs) < successRate * calls;
  };
  return {
    succeeded: (nowMs) => {
      inARow = 0;
      all.add(nowMs, 1);
      good.add(nowMs, 1);
    },
    failed: (nowMs) => {
      inARow++;
      all.add(nowMs, 1);
      return (failures > 0 && inARow >= failures) || isBelowRate(nowMs);
    },
    pushedBack: (nowMs) => {
      all.add(nowMs, 1);
      return isBelowRate(nowMs);
    },
    deadForMs: () => backoff.nextMs(),
    revived: () => {
      inARow = 0;
      all.clear();
      good.clear();
      backoff.reset();
    },
  };
}
