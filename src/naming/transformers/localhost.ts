// Keeps the addresses of this host: of any of its network interfaces.
//
//     transformers:
//     - kind: io.l5d.localhost
import { networkInterfaces } from "node:os";
import * as v from "valibot";
import type { TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { canonicalIp } from "../built-in/ip.ts";
import { addressTransformer, idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.localhost"),
  prefix: v.optional(path(), "/io.l5d.localhost"),
});

export const localhost: TransformerPlugin = plugin({
  kind: "io.l5d.localhost",
  schema,
  create: ({ prefix }, _deps: TransformerDeps) =>
    addressTransformer(idPrefixOf(prefix), (addresses) => {
      const own = ownAddresses(); // read at each update: interfaces come and go
      return addresses.filter(({ host }) => own.has(canonicalIp(host) ?? host));
    }),
});

function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return new Set(all.map(({ address }) => canonicalIp(address) ?? address));
}
