// `kind: io.l5d.successRateWindowed`: dead when too few calls succeeded over some seconds.
//
//   failureAccrual:
//     kind: io.l5d.successRateWindowed
//     successRate: 0.8
//     window: 30
//     backoff: { kind: jittered, minMs: 5000, maxMs: 300000 }
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, says } from "../../core/schema.ts";
import type { AccrualPlugin, AccrualPolicy } from "../accrual.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import { accrualKeys, deadTimes } from "./keys.ts";
import { SlidingCount } from "./sliding-count.ts";

/** Of so few calls no rate is worth a name. */
const minCalls = 5;

export const successRateWindowed: AccrualPlugin = plugin({
  kind: "io.l5d.successRateWindowed",
  schema: v.strictObject({
    kind: v.literal("io.l5d.successRateWindowed"),
    successRate: says("Below this share of successes it is dead.", decimal(0, 1)),
    window: says(
      "Seconds that count, the older ones less and less; before they are over nothing happens.",
      integer(1),
    ),
    ...accrualKeys(),
  }),
  create: ({ successRate: least, window, backoff, maxEjectedPercent, holdBack }, { random }) => ({
    maxEjectedPercent,
    holdBack,
    policy: (nowMs) => policy(least, window * 1_000, deadTimes(backoff, random), nowMs),
  }),
});

/** A moving average over time that begins at 1; between two calls it decays by e^(-time/window). */
function policy(
  least: number,
  windowMs: number,
  backoff: Backoff,
  startedMs: number,
): AccrualPolicy {
  const calls = new SlidingCount(windowMs, 5);
  let average = 1;
  let sinceMs = startedMs;
  let stampMs = startedMs;
  const count = (sample: 0 | 1, nowMs: number) => {
    const memory = Math.exp((stampMs - nowMs) / windowMs);
    average = average * memory + sample * (1 - memory);
    stampMs = nowMs;
    calls.add(nowMs, 1);
  };
  return {
    succeeded: (nowMs) => count(1, nowMs),
    failed: (nowMs) => {
      count(0, nowMs);
      return nowMs - sinceMs >= windowMs && average < least && calls.sum(nowMs) >= minCalls;
    },
    deadForMs: () => backoff.nextMs(),
    revived: (nowMs) => {
      average = 1;
      sinceMs = stampMs = nowMs;
      calls.clear();
      backoff.reset();
    },
  };
}
