// `kind: none`: endpoints stay in the rotation, however they fail.
//
//   failureAccrual:
//     kind: none
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import type { AccrualPlugin } from "../accrual.ts";

export const none: AccrualPlugin = plugin({
  kind: "none",
  schema: v.strictObject({ kind: v.literal("none") }),
  create: () => null,
});
