// Keeps the addresses of one host.
//
//     transformers:
//     - kind: io.l5d.specificHost
//       host: 10.0.0.7
import * as v from "valibot";
import type { TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { canonicalIp } from "../built-in/ip.ts";
import { ipAddress } from "../schema.ts";
import { addressTransformer, idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.specificHost"),
  prefix: v.optional(path(), "/io.l5d.specificHost"),
  host: ipAddress(),
});

export const specificHost: TransformerPlugin = plugin({
  kind: "io.l5d.specificHost",
  schema,
  create: ({ prefix, host: wanted }, _deps: TransformerDeps) =>
    addressTransformer(idPrefixOf(prefix), (addresses) =>
      addresses.filter(({ host }) => (canonicalIp(host) ?? host) === wanted),
    ),
});
