import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as v from "valibot";
import { cell, constant, ok } from "../../src/core/live.ts";
import type { Live } from "../../src/core/live.ts";
import { leaf, mapTree, neg, showTree } from "../../src/core/names/nametree.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import type { AddressSet, Bound, TransformerPlugin } from "../../src/core/naming.ts";
import { pathLiteral, root } from "../../src/core/names/path.ts";
import { constTransformer } from "../../src/naming/transformers/const.ts";
import { localhost } from "../../src/naming/transformers/localhost.ts";
import { canonicalIp } from "../../src/naming/built-in/ip.ts";
import { port } from "../../src/naming/transformers/port.ts";
import { replace } from "../../src/naming/transformers/replace.ts";
import { specificHost } from "../../src/naming/transformers/specific-host.ts";

function bound(id: string, addresses: Live<AddressSet> = constant(ok([]))): NameTree<Bound> {
  return leaf({ id: pathLiteral(id), residual: root, addresses });
}

function addresses(...texts: readonly string[]): AddressSet {
  return texts.map((text) => {
    const at = text.lastIndexOf(":");
    return { host: text.slice(0, at), port: Number(text.slice(at + 1)), weight: 1 };
  });
}

function transformer(plugin: TransformerPlugin, config: object, target = neg as NameTree<Bound>) {
  const checked = v.parse(plugin.schema, { kind: plugin.kind, ...config });
  const resolve = (host: string) => hostNames.get(host) ?? constant(ok([canonicalIp(host) ?? ""]));
  const hosts = { resolve };
  return plugin.create(checked, { hosts, bind: () => constant(ok(target)) });
}

/** Host names and their IP addresses; all others stand for themselves. */
const hostNames = new Map<string, Live<readonly string[]>>();

function ids(t: TestContext, live: Live<NameTree<Bound>>): string {
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok");
  return showTree(mapTree(live.state.value, ({ id }) => id));
}

/** The addresses of the one leaf that a transformer makes of one. */
function left(t: TestContext, plugin: TransformerPlugin, config: object, set: AddressSet) {
  const live = transformer(plugin, config).transform(
    constant(ok(bound("/#/a", constant(ok(set))))),
  );
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok" && live.state.value.kind === "leaf");
  const changed = live.state.value.value.addresses;
  t.after(changed.watch(() => {}));
  assert.ok(changed.state.kind === "ok");
  const { value } = changed.state;
  return value === "neg" ? "neg" : value.map((each) => `${each.host}:${each.port}`);
}

test("localhost keeps the addresses of this host's interfaces", (t) => {
  const own = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const set = addresses("127.0.0.1:1", "192.0.2.77:2", ...own.map(({ address }) => `${address}:3`));
  const kept = left(t, localhost, {}, set);
  assert.ok(kept !== "neg" && !kept.includes("192.0.2.77:2"));
  for (const { address } of own) assert.ok(kept.includes(`${address}:3`), address);
  assert.equal(transformer(localhost, {}).idPrefix, "/%/io.l5d.localhost");
});

test("specificHost keeps one host's addresses; none left is a negative set", (t) => {
  const set = addresses("10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:3");
  assert.deepEqual(left(t, specificHost, { host: "10.1" }, set), ["10.0.0.1:1", "10.0.0.1:3"]);
  assert.equal(left(t, specificHost, { host: "10.0.0.3" }, set), "neg");
  assert.deepEqual(left(t, specificHost, { host: "0:0::1" }, addresses("::1:1")), ["::1:1"]);
  assert.equal(transformer(specificHost, { host: "::1" }).idPrefix, "/%/io.l5d.specificHost");
  assert.ok(
    !v.safeParse(specificHost.schema, { kind: "io.l5d.specificHost", host: "a b" }).success,
  );
});

test("specificHost follows the addresses of a host name", (t) => {
  const node = cell<readonly string[]>(ok(["10.0.0.1"]));
  hostNames.set("node-7", node);
  t.after(() => hostNames.delete("node-7"));
  const set = constant(ok(addresses("10.0.0.1:1", "10.0.0.2:2")));
  const live = transformer(specificHost, { host: "node-7" }).transform(
    constant(ok(bound("/#/a", set))),
  );
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok" && live.state.value.kind === "leaf");
  const kept = live.state.value.value.addresses;
  t.after(kept.watch(() => {}));
  assert.deepEqual(kept.state, ok([{ host: "10.0.0.1", port: 1, weight: 1 }]));
  node.set(ok(["10.0.0.2"]));
  assert.deepEqual(kept.state, ok([{ host: "10.0.0.2", port: 2, weight: 1 }]));
  node.set(ok([])); // the name is gone
  assert.deepEqual(kept.state, ok("neg"));
});

test("port replaces the port of each host once", (t) => {
  const set = addresses("10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:3");
  assert.deepEqual(left(t, port, { port: 4141 }, set), ["10.0.0.1:4141", "10.0.0.2:4141"]);
});

test("the id says what was done, also under a prefix of one's own", (t) => {
  const tree = constant(ok(bound("/#/a")));
  const own = transformer(port, { port: 4141 });
  assert.equal(ids(t, own.transform(tree)), "/%/io.l5d.port/4141/#/a");
  const named = transformer(port, { port: 4141, prefix: "/mesh" });
  assert.equal(ids(t, named.transform(tree)), "/%/mesh/4141/#/a");
});

test("addresses that did not change are the same Live after a change of the tree", (t) => {
  const set = constant<AddressSet>(ok(addresses("10.0.0.1:1")));
  const tree = cell(ok(bound("/#/a", set)));
  const live = transformer(port, { port: 2 }).transform(tree);
  t.after(live.watch(() => {}));
  const addressesNow = () => {
    assert.ok(live.state.kind === "ok" && live.state.value.kind === "leaf");
    return live.state.value.value.addresses;
  };
  const before = addressesNow();
  tree.set(ok(bound("/#/a", set)));
  assert.equal(addressesNow(), before);
});

test("const binds everything to its path", (t) => {
  const constantly = transformer(constTransformer, { path: "/#/b" }, bound("/#/b"));
  assert.equal(ids(t, constantly.transform(constant(ok(bound("/#/a"))))), "/%/io.l5d.const/#/b");
  assert.equal(ids(t, constantly.transform(constant(ok(neg)))), "/%/io.l5d.const/#/b");
});

test("replace replaces what is bound; what is not bound stays so", (t) => {
  const replacing = transformer(replace, { path: "/#/b" }, bound("/#/b"));
  const union: NameTree<Bound> = {
    kind: "union",
    branches: [
      { weight: 9, tree: bound("/#/a") },
      { weight: 1, tree: { kind: "empty" } },
    ],
  };
  const made = "9.00*/%/io.l5d.replace/#/b & $";
  assert.equal(ids(t, replacing.transform(constant(ok(union)))), made);
  assert.equal(ids(t, replacing.transform(constant(ok(neg)))), "~");
});
