// Binds every name to one path, whatever it was bound to before.
//
//     transformers:
//     - kind: io.l5d.const
//       path: /#/io.l5d.fs/maintenance
//
// The path is looked up with the configured namers and no dtab.
import * as v from "valibot";
import { map } from "../../core/live.ts";
import { mapTree } from "../../core/names/nametree.ts";
import type { TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { join } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.const"),
  prefix: v.optional(path(), "/io.l5d.const"),
  path: path(),
});

export const constTransformer: TransformerPlugin = plugin({
  kind: "io.l5d.const",
  schema,
  create(config, { bind }: TransformerDeps) {
    const idPrefix = idPrefixOf(config.prefix);
    const transform = () =>
      map(bind(config.path), (tree) =>
        mapTree(tree, (bound) => ({ ...bound, id: join(idPrefix, bound.id) })),
      );
    return { idPrefix, isLeafwise: false, transform };
  },
});
