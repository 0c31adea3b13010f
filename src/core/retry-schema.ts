// What the configuration may say of waiting and trying again, shared by all that does either.
import * as v from "valibot";
import { decimal, integer, milliseconds, says } from "./schema.ts";

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

/**
 * How often calls may be sent again: `percentCanRetry` is a share of the calls (0.2: one in five),
 * `minRetriesPerSec` is allowed however few calls there are, and both count for `ttlSecs`.
 */
export const budgetSchema = () =>
  v.strictObject({
    ttlSecs: v.pipe(
      v.optional(integer(1, 60), 10),
      v.description("How long a call or a retry counts, in seconds."),
    ),
    minRetriesPerSec: v.pipe(
      v.optional(integer(0), 10),
      v.description("Retries allowed however few calls there are."),
    ),
    percentCanRetry: v.pipe(
      v.optional(decimal(0, 1000), 0.2),
      v.description("Share of the calls that may be sent again; 0.2 is one in five."),
    ),
  });

export type BudgetConfig = v.InferOutput<ReturnType<typeof budgetSchema>>;
