// Usage reports of Linkerd 1 to its authors. Accepted, with a warning, and never sent.
//
//     telemetry:
//     - kind: io.l5d.usage
//       orgId: my-org
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { lenient } from "../../core/schema.ts";
import type { Telemeter } from "../telemeter.ts";

const neverSent = (value: unknown) => ({
  readAs: value,
  warning: "has no effect: usage is never reported to anyone",
});

export const usage = plugin({
  kind: "io.l5d.usage",
  schema: lenient(
    neverSent,
    v.strictObject({
      kind: v.literal("io.l5d.usage"),
      orgId: v.optional(v.string()),
      dryRun: v.optional(v.boolean()),
      enabled: v.optional(v.boolean()),
    }),
  ),
  create: (): Telemeter => ({ pages: [], close: () => Promise.resolve() }),
});
