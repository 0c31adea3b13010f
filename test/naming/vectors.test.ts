// The cases of test/vectors/dtab.json that need namers: bind and delegate.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { concat } from "../../src/core/names/dtab.ts";
import { failure } from "../../src/core/failure.ts";
import { constant, failed, ok, pending } from "../../src/core/live.ts";
import type { Live, State } from "../../src/core/live.ts";
import { empty, evaluate, fail, leaf, neg } from "../../src/core/names/nametree.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import type { AddressSet, Bound, Delegation, MountedNamer } from "../../src/core/naming.ts";
import { join, parsePath, pathLiteral, startsWith, without } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import { delegationToJson } from "../../src/naming/binding/delegation.ts";
import { dtabInterpreter } from "../../src/naming/binding/binder.ts";
import { canonicalIp } from "../../src/naming/built-in/ip.ts";
import { inOrder } from "../../src/naming/binding/lookup.ts";
import { utilityNamer } from "../../src/naming/built-in/built-in.ts";
import { dtabLiteral, fakeHosts } from "../support/naming.ts";
import { toNotation, vectors } from "../support/vectors.ts";
import type { VectorCase } from "../support/vectors.ts";

/** What the tables' own namer says to a path. */
type Replica =
  | readonly string[]
  | "neg"
  | "empty"
  | "fail"
  | "pending"
  | { readonly failed: string }
  | { readonly rewrite: string }
  | { readonly addr: "neg" };

const hash = pathLiteral("/#");

function replicaNamer(replicas: Readonly<Record<string, Replica>>): MountedNamer {
  const known = Object.entries(replicas)
    .map(([text, replica]) => ({ id: pathLiteral(text), replica }))
    .sort((a, b) => b.id.length - a.id.length); // the longest match
  return {
    id: hash,
    namer: {
      lookup(name) {
        const path = join(hash, name);
        const found = known.find(({ id }) => startsWith(path, id));
        if (found === undefined) return constant(ok(neg));
        return constant(stateOf(found.replica, found.id, without(path, found.id)));
      },
      close() {},
    },
  };
}

function stateOf(replica: Replica, id: Path, residual: Path): State<NameTree<Bound | Path>> {
  if (replica === "neg") return ok(neg);
  if (replica === "empty") return ok(empty);
  if (replica === "fail") return ok(fail);
  if (replica === "pending") return pending;
  if ("failed" in replica) return failed(failure("unresolved", `Exception: ${replica.failed}`));
  if ("rewrite" in replica) return ok(leaf(join(pathLiteral(replica.rewrite), residual)));
  const set: AddressSet = "addr" in replica ? "neg" : replica.map(addressOf);
  return ok(leaf({ id, residual, addresses: constant(ok(set)) }));
}

function addressOf(text: string) {
  const [host = "", port = ""] = text.split(":");
  return { host, port: Number(port), weight: 1 };
}

/** The tables write hosts as they were given, and this host as nothing. */
function normalised(address: string): string {
  const [host = "", port = ""] = address.split(":");
  return `${host === "" ? "127.0.0.1" : (canonicalIp(host) ?? host)}:${port}`;
}

function watched<T>(t: TestContext, live: Live<T>): State<T> {
  t.after(live.watch(() => {}));
  return live.state;
}

function setup(vector: VectorCase) {
  const replicas = vector["replicas"] as Readonly<Record<string, Replica>>;
  const dtab = dtabLiteral(String(vector["dtab"]));
  const local = dtabLiteral(String(vector["local"] ?? ""));
  const parsed = parsePath(String(vector["path"]));
  assert.ok(parsed.ok);
  const namers = inOrder([replicaNamer(replicas)], utilityNamer(fakeHosts()));
  return { interpreter: dtabInterpreter(namers), dtab: concat(dtab, local), path: parsed.value };
}

function boundNotation(t: TestContext, bound: Bound) {
  const state = watched(t, bound.addresses);
  assert.equal(state.kind, "ok");
  const addr =
    state.value === "neg" ? "neg" : state.value.map(({ host, port }) => `${host}:${port}`).sort();
  const { id, residual, weight } = bound;
  return { id, residual, addr, ...(weight === undefined ? {} : { weight }) };
}

/** Both in the form of `normalised`. */
function normalisedTree(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(normalisedTree);
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]: [string, unknown]) => {
      const isAddresses = key === "addr" && Array.isArray(value);
      return [key, isAddresses ? value.map(String).map(normalised).sort() : normalisedTree(value)];
    }),
  );
}

const errors: Record<string, RegExp> = {
  "max-depth": /^Max recursion level reached/,
  "unknown-namer": /^Unknown namer: /,
};

function checkBind(t: TestContext, vector: VectorCase): void {
  const { interpreter: binder, dtab, path } = setup(vector);
  const state = watched(t, binder.bind(dtab, path));
  const expected = vector["expect"] as {
    state: string;
    tree?: unknown;
    eval?: string[] | null;
    error?: string;
  };
  assert.equal(state.kind, expected.state, JSON.stringify(state));
  if (state.kind === "failed") {
    const error = expected.error ?? "";
    assert.match(state.why.detail, errors[error] ?? new RegExp(`^${error}$`));
  }
  if (state.kind !== "ok") return;
  const tree = toNotation(state.value, (bound) => boundNotation(t, bound));
  assert.deepEqual(normalisedTree(tree), normalisedTree(expected.tree));
  const used = evaluate(state.value);
  const ids = used === null ? null : [...new Set(used.map(({ id }) => id))].sort();
  assert.deepEqual(ids, expected.eval);
}

/** The tables have a list of hosts for the `addr` object. */
function withShortAddresses(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withShortAddresses);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]: [string, unknown]) => {
      if (key !== "addr") return [key, withShortAddresses(value)];
      const { addrs } = value as { addrs: { ip: string; port: number }[] };
      return [key, addrs.map(({ ip, port }) => `${ip}:${port}`)];
    }),
  );
}

function checkDelegate(t: TestContext, vector: VectorCase): void {
  const { interpreter: delegator, dtab, path } = setup(vector);
  const state: State<Delegation> = watched(t, delegator.delegate(dtab, path));
  const expected = vector["expect"] as { failed?: string };
  if (expected.failed !== undefined) {
    assert.equal(state.kind, "failed");
    const said = expected.failed.replace(/^\w+Exception: /, "");
    assert.ok(state.why.detail.startsWith(said), state.why.detail);
    return;
  }
  assert.equal(state.kind, "ok");
  const json = withShortAddresses(delegationToJson(state.value));
  assert.deepEqual(normalisedTree(json), normalisedTree(expected));
}

const kinds: Record<string, (t: TestContext, vector: VectorCase) => void> = {
  bind: checkBind,
  delegate: checkDelegate,
};

for (const vector of vectors("dtab.json")) {
  const run = kinds[vector.kind];
  // Every other kind is run, or refused as unknown, by test/core/vectors.test.ts.
  if (run !== undefined) test(`${vector.id}: ${vector.name}`, (t) => run(t, vector));
}
