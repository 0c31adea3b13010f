// Configuration keys that balancers share.
import * as v from "valibot";
import { integer, milliseconds } from "../../core/schema.ts";

export const balancerKeys = () => ({
  /** Addresses that discovery removes stay in use while they are healthy. */
  enableProbation: v.optional(v.boolean("expected true or false"), false),
  /** When fewer percent of the endpoints than this are open, all are used alike; 0: never. */
  panicThreshold: v.optional(integer(0, 100), 0),
});

/** Picks before an endpoint that is not open is taken all the same. */
export const maxEffort = () => v.optional(integer(1, 1_000), 5);

/** A new endpoint gets its full share of calls only after so long. */
export const slowStart = () => v.optional(milliseconds(), 0);
