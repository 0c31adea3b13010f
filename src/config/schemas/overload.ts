// Keys for overload protection and fault injection. All of them are off by default.
import * as v from "valibot";
import { decimal, integer, milliseconds, says, truth } from "../../core/schema.ts";

export const rateLimit = () =>
  v.pipe(
    v.strictObject({
      perSec: says("Calls per second, in the long run.", decimal(0.001, 1e9)),
      burst: says(
        "Calls that may arrive together after a quiet period. Default: the calls of one second.",
        v.optional(integer(1)),
      ),
    }),
    v.transform(({ perSec, burst }) => ({ perSec, burst: burst ?? Math.max(1, perSec) })),
  );

export const nackAdmission = () =>
  v.strictObject({
    windowMs: says(
      "The window of responses that count, about this long.",
      v.optional(integer(1), 120_000),
    ),
    threshold: says(
      "Calls are held back when a larger share than this is refused.",
      v.optional(decimal(0, 0.99), 0.5),
    ),
  });

export const hedge = () =>
  v.strictObject({
    percentile: says(
      "A call that takes longer than this percentile of recent calls is sent again.",
      v.optional(decimal(1, 100), 95),
    ),
    maxExtraLoadPercent: says(
      "The maximum share of calls that are sent again, in percent.",
      v.optional(decimal(0, 100), 5),
    ),
  });

export const faults = () =>
  v.strictObject({
    enabled: says(
      "Whether faults are injected from the start; POST /faults.json changes it at run time.",
      v.optional(truth(), false),
    ),
    delayMs: says("The delay of a delayed call.", v.optional(milliseconds(), 1_000)),
    delayPercent: says(
      "The share of calls that are delayed, in percent.",
      v.optional(decimal(0, 100), 0),
    ),
    abortPercent: says(
      "The share of calls that are aborted, in percent.",
      v.optional(decimal(0, 100), 0),
    ),
  });

/** Limits of the whole process. */
export const limits = () =>
  v.strictObject({
    maxConnections: says(
      "The maximum number of connections of callers, on all servers; further ones are closed immediately. Default: no limit.",
      v.optional(integer(1)),
    ),
    maxBufferedMB: says(
      "What peers may make the process hold: incomplete messages, calls in progress, unread responses. Calls beyond it are refused. Default: a quarter of the memory that the process may use.",
      v.optional(integer(1)),
    ),
    shedAboveLagMs: says(
      "New requests are refused while the event loop lags by more than this. Default: never.",
      v.optional(integer(20)), // timers tick every 10 ms
    ),
  });
