// Replaces what names are bound to with what one path is bound to; unbound names stay unbound.
//
//     transformers:
//     - kind: io.l5d.replace
//       path: /#/io.l5d.fs/next-hop
//
// The path is looked up with the configured namers and no dtab.
import * as v from "valibot";
import { ok } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { evaluate, mapTree, simplify } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, TransformerDeps, TransformerPlugin } from "../../core/naming.ts";
import { join } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { isSameTree } from "../binding/bound-tree.ts";
import { computed } from "../binding/tracker.ts";
import { idPrefixOf } from "./address-filter.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.replace"),
  prefix: v.optional(path(), "/io.l5d.replace"),
  path: path(),
});

export const replace: TransformerPlugin = plugin({
  kind: "io.l5d.replace",
  schema,
  create(config, { bind }: TransformerDeps) {
    const idPrefix = idPrefixOf(config.prefix);
    const transform = (live: Live<NameTree<Bound>>) =>
      computed((tracker): State<NameTree<Bound>> => {
        const state = tracker.read(live, "tree", () => live);
        if (state.kind !== "ok" || (evaluate(state.value) ?? []).length === 0) return state;
        const next = tracker.read(bind, config.path, () => bind(config.path));
        if (next.kind !== "ok") return next;
        const tree = mapTree(next.value, (bound) => ({ ...bound, id: join(idPrefix, bound.id) }));
        return ok(simplify(replaced(state.value, tree)));
      }, isSameTree);
    return { idPrefix, isLeafwise: true, transform };
  },
});

/** Every leaf of `tree` is `by`. */
function replaced(tree: NameTree<Bound>, by: NameTree<Bound>): NameTree<Bound> {
  switch (tree.kind) {
    case "leaf":
      return by;
    case "alt":
      return { kind: "alt", trees: tree.trees.map((each) => replaced(each, by)) };
    case "union":
      return {
        kind: "union",
        branches: tree.branches.map(({ weight, tree: each }) => {
          return { weight, tree: replaced(each, by) };
        }),
      };
    default:
      return tree;
  }
}
