// `kind: io.l5d.consecutiveFailures`: dead after so many failures in a row. The default, with 5.
//
//   failureAccrual:
//     kind: io.l5d.consecutiveFailures
//     failures: 5
//     backoff: { kind: jittered, minMs: 5000, maxMs: 300000 }
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { integer } from "../../core/schema.ts";
import type { AccrualPlugin, AccrualPolicy } from "../accrual.ts";
import type { Backoff } from "../backoff.ts";
import { backoffOf, backoffSchema, equalJittered } from "../backoff.ts";

export const consecutiveFailures: AccrualPlugin = plugin({
  kind: "io.l5d.consecutiveFailures",
  schema: v.strictObject({
    kind: v.literal("io.l5d.consecutiveFailures"),
    failures: v.optional(integer(1), 5),
    /** How long it is dead, each time longer; 5 s doubling to 300 s with jitter unless given. */
    backoff: v.optional(backoffSchema()),
  }),
  create: ({ failures, backoff }, { random }) => {
    const makeBackoff = (): Backoff =>
      backoff === undefined ? equalJittered(5_000, 300_000, random) : backoffOf(backoff, random);
    return () => policy(failures, makeBackoff());
  },
});

function policy(failures: number, backoff: Backoff): AccrualPolicy {
  let inARow = 0;
  return {
    succeeded: () => (inARow = 0),
    // The count stays where it is: a failed probe is one more, and dead again at once.
    failed: () => (++inARow >= failures ? backoff.nextMs() : null),
    revived: () => {
      inARow = 0;
      backoff.reset();
    },
  };
}
