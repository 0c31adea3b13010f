// Keeps names from leading to addresses that are closed to them, whoever said that they do.
import type { Address } from "../../core/address.ts";
import { failure } from "../../core/failure.ts";
import { optionalPartsOf } from "./optional-parts.ts";
import { constant, failed, flatMap, map, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { mapTree } from "../../core/names/nametree.ts";
import type { AddressSet, Bound, Interpreter } from "../../core/naming.ts";

/**
 * `refusal` says why an address is closed, or null. Other addresses of the same name stay; if there
 * are no others, looking the name up fails with that reason. Owns the interpreter.
 */
export function guardAddresses(
  interpreter: Interpreter,
  refusal: (address: Address) => string | null,
): Interpreter {
  // The same addresses in, the same out: an unchanged tree must not look as if it had changed.
  const guarded = new WeakMap<Live<AddressSet>, Live<AddressSet>>();
  const guard = (bound: Bound): Bound => {
    let addresses = guarded.get(bound.addresses);
    if (addresses === undefined) {
      addresses = guardedSet(bound.addresses, refusal);
      guarded.set(bound.addresses, addresses);
    }
    return { ...bound, addresses };
  };
  return {
    ...optionalPartsOf(interpreter),
    bind: (...name) => map(interpreter.bind(...name), (tree) => mapTree(tree, guard)),
    delegate: (...name) => interpreter.delegate(...name),
    close: () => interpreter.close(),
  };
}

function guardedSet(
  addresses: Live<AddressSet>,
  refusal: (address: Address) => string | null,
): Live<AddressSet> {
  return flatMap(addresses, (set): Live<AddressSet> => {
    if (set === "neg") return constant(ok(set));
    let why: string | null = null;
    const open = set.filter((address) => {
      const refused = refusal(address);
      why ??= refused;
      return refused === null;
    });
    if (why === null) return constant(ok(set));
    return constant(open.length > 0 ? ok(open) : failed(failure("unbound", why)));
  });
}
