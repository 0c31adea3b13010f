// Configuration keys that balancers share.
import * as v from "valibot";
import { integer, milliseconds, says, truth } from "../../core/schema.ts";

export const balancerKeys = () => ({
  enableProbation: says(
    "Addresses that discovery removes stay in use while they are healthy.",
    v.optional(truth(), false),
  ),
  panicThreshold: says(
    "When fewer percent of the endpoints than this are open, all are used alike; 0: never.",
    v.optional(integer(0, 100), 0),
  ),
});

export const maxEffort = () =>
  says(
    "Picks before an endpoint that is not open is taken all the same.",
    v.optional(integer(1, 1_000), 5),
  );

export const slowStart = () =>
  says(
    "A new endpoint gets its full share of calls only after so long.",
    v.optional(milliseconds(), 0),
  );
