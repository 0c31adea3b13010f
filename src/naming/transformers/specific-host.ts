// Keeps the addresses of one host. A host name is looked up again every 5 s.
//
//     transformers:
//     - kind: io.l5d.specificHost
//       host: 10.0.0.7
import * as v from "valibot";
import type { TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { canonicalIp } from "../built-in/ip.ts";
import { addressTransformer, idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.specificHost"),
  prefix: v.optional(path(), "/io.l5d.specificHost"),
  host: v.pipe(
    v.string("expected an IP address or a host name"),
    v.regex(/^[0-9A-Za-z_.:%-]+$/, "expected an IP address or a host name"),
  ),
});

export const specificHost: TransformerPlugin = plugin({
  kind: "io.l5d.specificHost",
  schema,
  create: ({ prefix, host: wanted }, { hosts }: TransformerDeps) => {
    const own = hosts.resolve(wanted);
    return addressTransformer(
      idPrefixOf(prefix),
      (addresses, ips) => addresses.filter(({ host }) => ips.includes(canonicalIp(host) ?? host)),
      own,
    );
  },
});
