// Keys against overload, and for trying out what goes wrong: all of them off unless given.
import * as v from "valibot";
import { decimal, integer, milliseconds, says } from "../../core/schema.ts";

export const rateLimit = () =>
  v.pipe(
    v.strictObject({
      perSec: says("Calls a second, in the long run.", decimal(0.001, 1e9)),
      burst: says(
        "Calls that may come at once after a quiet time; one second's unless given.",
        v.optional(integer(1)),
      ),
    }),
    v.transform(({ perSec, burst }) => ({ perSec, burst: burst ?? Math.max(1, perSec) })),
  );

export const nackAdmission = () =>
  v.strictObject({
    windowMs: says("Answers of about so long count.", v.optional(integer(1), 120_000)),
    threshold: says(
      "With a larger share of refusals calls are held back.",
      v.optional(decimal(0, 0.99), 0.5),
    ),
  });

export const hedge = () =>
  v.strictObject({
    percentile: says(
      "A call that takes longer than this percentile of the latest is sent again.",
      v.optional(decimal(1, 100), 95),
    ),
    maxExtraLoadPercent: says(
      "At most so many percent of the calls.",
      v.optional(decimal(0, 100), 5),
    ),
  });

export const faults = () =>
  v.strictObject({
    enabled: says(
      "On from the start; POST /faults.json switches it.",
      v.optional(v.boolean(), false),
    ),
    delayMs: says("A call that is made slow waits so long.", v.optional(milliseconds(), 1_000)),
    delayPercent: says("Of the calls, so many are made slow.", v.optional(decimal(0, 100), 0)),
    abortPercent: says("So many are broken off.", v.optional(decimal(0, 100), 0)),
  });

/** Of the whole process. */
export const limits = () =>
  v.strictObject({
    maxConnections: says(
      "Connections of callers, on all servers; one more is closed at once. Unlimited unless given.",
      v.optional(integer(1)),
    ),
    maxBufferedMB: says(
      "With more megabytes in buffers new requests are refused. Unlimited unless given.",
      v.optional(integer(1)),
    ),
    shedAboveLagMs: says(
      "When the event loop runs later than this, new requests are refused. Never unless given.",
      v.optional(integer(20)), // timers tick every 10 ms
    ),
  });
