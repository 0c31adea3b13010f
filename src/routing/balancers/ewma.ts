// `kind: ewma`: of two random endpoints the one with the lower latency times calls in progress.
//
//   loadBalancer:
//     kind: ewma
//     maxEffort: 5
//     decayTimeMs: 10000
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { integer, says } from "../../core/schema.ts";
import type { BalancerPlugin } from "./balancer.ts";
import { balancerKeys, maxEffort, slowStart } from "./keys.ts";
import { TwoChoices } from "./two-choices.ts";

export const ewma: BalancerPlugin = plugin({
  kind: "ewma",
  schema: v.strictObject({
    kind: v.literal("ewma"),
    ...balancerKeys(),
    maxEffort: maxEffort(),
    slowStartMs: slowStart(),
    decayTimeMs: says(
      "How long a slow response is remembered: the time in which it decays to 37 %.",
      v.optional(integer(1), 10_000),
    ),
  }),
  create: (config, { random }) => ({ ...config, distributor: () => new TwoChoices(random) }),
});
