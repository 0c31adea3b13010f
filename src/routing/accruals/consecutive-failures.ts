// `kind: io.l5d.consecutiveFailures`: dead after so many failures in a row. The default, with 5.
//
//   failureAccrual:
//     kind: io.l5d.consecutiveFailures
//     failures: 5
//     backoff: { kind: jittered, minMs: 5000, maxMs: 300000 }
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { integer, says } from "../../core/schema.ts";
import type { AccrualPlugin, AccrualPolicy } from "../accrual.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import { accrualKeys, deadTimes } from "./keys.ts";

export const consecutiveFailures: AccrualPlugin = plugin({
  kind: "io.l5d.consecutiveFailures",
  schema: v.strictObject({
    kind: v.literal("io.l5d.consecutiveFailures"),
    failures: says("So many in a row, and it is dead.", v.optional(integer(1), 5)),
    ...accrualKeys(),
  }),
  create: ({ failures, backoff, maxEjectedPercent, holdBack }, { random }) => ({
    maxEjectedPercent,
    holdBack,
    policy: () => policy(failures, deadTimes(backoff, random)),
  }),
});

function policy(failures: number, backoff: Backoff): AccrualPolicy {
  let inARow = 0;
  return {
    succeeded: () => (inARow = 0),
    // The count stays where it is: a failed probe is one more failure, and the endpoint is dead again immediately.
    failed: () => ++inARow >= failures,
    deadForMs: () => backoff.nextMs(),
    revived: () => {
      inARow = 0;
      backoff.reset();
    },
  };
}
