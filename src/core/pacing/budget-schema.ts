// What the configuration may say of how often calls are sent again.
import * as v from "valibot";
import { decimal, integer } from "../schema.ts";

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
