// Configuration keys that balancers share.
import * as v from "valibot";
import { integer } from "../../core/schema.ts";

export const balancerKeys = () => ({
  /** Addresses that discovery removes stay in use while they are healthy. */
  enableProbation: v.optional(v.boolean("expected true or false"), false),
});

/** Picks before an endpoint that is not open is taken all the same. */
export const maxEffort = () => v.optional(integer(1, 1_000), 5);
