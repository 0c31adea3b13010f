// `kind: p2c`: of two random endpoints the one with fewer calls in progress. The default.
//
//   loadBalancer:
//     kind: p2c
//     maxEffort: 5
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import type { BalancerPlugin } from "./balancer.ts";
import { balancerKeys, maxEffort, slowStart } from "./keys.ts";
import { TwoChoices } from "./two-choices.ts";

export const p2c: BalancerPlugin = plugin({
  kind: "p2c",
  schema: v.strictObject({
    kind: v.literal("p2c"),
    ...balancerKeys(),
    maxEffort: maxEffort(),
    slowStartMs: slowStart(),
  }),
  create: (config, { random }) => ({
    ...config,
    decayTimeMs: null,
    distributor: () => new TwoChoices(random),
  }),
});
