// The common part of transformers that work on addresses.
import { constant, flatMap, map, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { mapTree } from "../../core/names/nametree.ts";
import type { AddressSet, Bound, Transformer } from "../../core/naming.ts";
import { join } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Address } from "../../core/address.ts";

/**
 * Changes the addresses of each bound name; a set that becomes empty is negative. `change` also gets the
 * IP addresses of `ips`, and is applied again when these change.
 */
export function addressTransformer(
  idPrefix: Path,
  change: (addresses: readonly Address[], ips: readonly string[]) => readonly Address[],
  ips: Live<readonly string[]> = constant(ok([])),
): Transformer {
  // The same Live in, the same Live out: an unchanged tree must compare equal.
  const changed = new WeakMap<Live<AddressSet>, Live<AddressSet>>();
  const changedSet = (set: AddressSet, known: readonly string[]): AddressSet => {
    const left = set === "neg" ? [] : change(set, known);
    return left.length === 0 ? "neg" : left;
  };
  const transformed = (bound: Bound): Bound => {
    let addresses = changed.get(bound.addresses);
    if (addresses === undefined) {
      addresses = flatMap(ips, (known) => map(bound.addresses, (set) => changedSet(set, known)));
      changed.set(bound.addresses, addresses);
    }
    return { ...bound, id: join(idPrefix, bound.id), addresses };
  };
  return {
    idPrefix,
    isLeafwise: true,
    transform: (tree) => map(tree, (value) => mapTree(value, transformed)),
  };
}

/** `/%` and the transformer's prefix, the id's beginning. */
export function idPrefixOf(prefix: Path): Path {
  return join("/%" as Path, prefix);
}
