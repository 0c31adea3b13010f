// `kind: io.l5d.successRate`: dead when too few of the latest calls succeeded.
//
//   failureAccrual:
//     kind: io.l5d.successRate
//     successRate: 0.9
//     requests: 100
//     backoff: { kind: jittered, minMs: 5000, maxMs: 300000 }
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, says } from "../../core/schema.ts";
import type { AccrualPlugin, AccrualPolicy } from "../accrual.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import { accrualKeys, deadTimes } from "./keys.ts";

export const successRate: AccrualPlugin = plugin({
  kind: "io.l5d.successRate",
  schema: v.strictObject({
    kind: v.literal("io.l5d.successRate"),
    successRate: says("Below this share of successes it is dead.", decimal(0, 1)),
    requests: says(
      "Calls that count, the older ones less and less; before as many were made nothing happens.",
      integer(1),
    ),
    ...accrualKeys(),
  }),
  create: ({ successRate: least, requests, backoff, maxEjectedPercent, holdBack }, { random }) => ({
    maxEjectedPercent,
    holdBack,
    policy: () => policy(least, requests, deadTimes(backoff, random)),
  }),
});

/**
 * A moving average in which a call weighs e^(-1/requests) of the next. It begins at 1: begun with
 * the first sample, as it often is, one early failure would hang over the next 2 * requests calls.
 */
function policy(least: number, requests: number, backoff: Backoff): AccrualPolicy {
  const memory = Math.exp(-1 / requests);
  let average = 1;
  let calls = 0;
  const count = (sample: 0 | 1) => {
    calls++;
    average = average * memory + sample * (1 - memory);
  };
  return {
    succeeded: () => count(1),
    failed: () => {
      count(0);
      return calls >= requests && average < least;
    },
    deadForMs: () => backoff.nextMs(),
    revived: () => {
      average = 1;
      calls = 0;
      backoff.reset();
    },
  };
}
