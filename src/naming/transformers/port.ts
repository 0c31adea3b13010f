// Replaces the port of every address: to reach the proxy that runs beside each service.
//
//     transformers:
//     - kind: io.l5d.port
//       port: 4141
//
// Ids begin with `/%/io.l5d.port/4141`.
import * as v from "valibot";
import type { TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { append } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import type { Address } from "../../core/address.ts";
import { integer, path } from "../../core/schema.ts";
import { addressTransformer, idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.port"),
  prefix: v.optional(path(), "/io.l5d.port"),
  port: integer(1, 65_535),
});

export const port: TransformerPlugin = plugin({
  kind: "io.l5d.port",
  schema,
  create: (config, _deps: TransformerDeps) =>
    addressTransformer(append(idPrefixOf(config.prefix), String(config.port)), (addresses) =>
      onPort(addresses, config.port),
    ),
});

/** Several services of one host become one address. */
function onPort(addresses: readonly Address[], number: number): readonly Address[] {
  const byHost = new Map<string, Address>();
  for (const address of addresses) {
    if (!byHost.has(address.host)) byHost.set(address.host, { ...address, port: number });
  }
  return [...byHost.values()];
}
