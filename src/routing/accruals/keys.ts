// Configuration keys that the kinds of accrual share.
import * as v from "valibot";
import type { Random } from "../../core/clock.ts";
import { integer, says } from "../../core/schema.ts";
import type { Backoff, BackoffConfig } from "../../core/pacing/backoff.ts";
import { backoffOf, backoffSchema, equalJittered } from "../../core/pacing/backoff.ts";

export const accrualKeys = () => ({
  backoff: says(
    "How long it is dead, each time longer; 5 s doubling to 300 s with jitter unless given.",
    v.optional(backoffSchema()),
  ),
  maxEjectedPercent: says(
    "Of a client's endpoints, at most this share is dead at a time; one always may be.",
    v.optional(integer(0, 100), 50),
  ),
  holdBack: says(
    "An endpoint in doubt, since it has failed a call, gets one call at a time, or none for a while.",
    v.optional(v.boolean(), true),
  ),
});

export function deadTimes(config: BackoffConfig | undefined, random: Random): Backoff {
  return config === undefined ? equalJittered(5_000, 300_000, random) : backoffOf(config, random);
}
