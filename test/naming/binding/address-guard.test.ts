import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyDtab } from "../../../src/core/names/dtab.ts";
import type { Address } from "../../../src/core/address.ts";
import { cell, constant, ok } from "../../../src/core/live.ts";
import { leaf } from "../../../src/core/names/nametree.ts";
import type { AddressSet, Interpreter } from "../../../src/core/naming.ts";
import { pathLiteral, root } from "../../../src/core/names/path.ts";
import { guardAddresses } from "../../../src/naming/binding/address-guard.ts";

const id = pathLiteral("/#/fs/users");
const at = (port: number): Address => ({ host: "10.0.0.1", port, weight: 1 });
const closed = 9990;

/** The guarded addresses of a name whose addresses are `set`. */
function guarded() {
  const addresses = cell<AddressSet>(ok([]));
  const interpreter: Interpreter = {
    bind: () => constant(ok(leaf({ id, residual: root, addresses }))),
    delegate: () => assert.fail("not used"),
    close() {},
  };
  const guard = guardAddresses(interpreter, ({ port }) =>
    port === closed ? `port ${port} is closed` : null,
  );
  const tree = guard.bind(emptyDtab, id);
  const unwatchTree = tree.watch(() => {});
  const state = tree.state.kind === "ok" ? tree.state.value : assert.fail("not bound");
  const live = state.kind === "leaf" ? state.value.addresses : assert.fail("not a leaf");
  const unwatch = live.watch(() => {});
  return { addresses, live, guard, close: () => (unwatch(), unwatchTree()) };
}

test("open addresses pass, and the set itself when all of it is open", () => {
  const { addresses, live, close } = guarded();
  const set = [at(1), at(2)];
  addresses.set(ok(set));
  assert.ok(live.state.kind === "ok" && live.state.value === set);
  addresses.set(ok("neg"));
  assert.deepEqual(live.state, ok("neg"));
  close();
});

test("a closed address is left out of its set", () => {
  const { addresses, live, close } = guarded();
  addresses.set(ok([at(1), at(closed), at(2)]));
  assert.deepEqual(live.state, ok([at(1), at(2)]));
  close();
});

test("a set of closed addresses alone fails with the reason, until discovery has others", () => {
  const { addresses, live, close } = guarded();
  addresses.set(ok([at(closed)]));
  assert.ok(live.state.kind === "failed");
  assert.equal(live.state.why.detail, "port 9990 is closed");
  addresses.set(ok([at(1)]));
  assert.deepEqual(live.state, ok([at(1)]));
  close();
});

test("the same addresses are guarded by the same Live, so that clusters see no change", () => {
  const { guard, live, close } = guarded();
  const again = guard.bind(emptyDtab, id);
  const unwatch = again.watch(() => {});
  const tree = again.state.kind === "ok" ? again.state.value : assert.fail("not bound");
  assert.ok(tree.kind === "leaf" && tree.value.addresses === live);
  unwatch();
  close();
});
