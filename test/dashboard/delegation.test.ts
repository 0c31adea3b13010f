// The playground marks the branches that calls take: it decides as the process does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { constant, ok, pending, type State } from "../../src/core/live.ts";
import type { AddressSet, Delegation } from "../../src/core/naming.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import { bindsTo, delegationToJson, reachesAddress } from "../../src/naming/binding/delegation.ts";
import { bundled } from "../support/bundled.ts";
import { seeded } from "../support/random.ts";

interface Playground {
  outcomeOf(json: unknown): string;
  reachesAddress(json: unknown): boolean;
  branchesOf(json: unknown): readonly { readonly isUsed: boolean; readonly share: number | null }[];
}

const playground = await bundled<Playground>("dashboard/data/delegation.ts");

const ends = ["neg", "fail", "empty", "exception", "pending", "leaf"] as const;
const path = "/svc/x";

function drawn(random: () => number, depth: number): Delegation {
  const several = () => Array.from({ length: 1 + Math.floor(random() * 3) }, next);
  const next = (): Delegation => drawn(random, depth - 1);
  const kind = Math.floor(random() * (depth > 0 ? 9 : 6));
  switch (kind) {
    case 6:
      return { type: "alt", path, alt: several() };
    case 7:
      return { type: "union", path, union: several().map((tree) => ({ weight: 1, tree })) };
    case 8:
      return random() < 0.5
        ? { type: "delegate", path, delegate: next() }
        : { type: "transformation", path, name: "t", tree: next() };
    default:
      return end(ends[kind] ?? "neg", random);
  }
}

function end(type: (typeof ends)[number], random: () => number): Delegation {
  if (type !== "leaf") return { type, path };
  const host = { host: "127.0.0.1", port: 1, weight: 1, meta: {} };
  const states: readonly State<AddressSet>[] = [ok([host]), ok([]), ok("neg"), pending];
  const addresses = constant(states[Math.floor(random() * states.length)] ?? pending);
  const id = pathLiteral("/#/x");
  return { type, path, bound: { id, residual: pathLiteral("/"), addresses } };
}

test("what a tree comes to, and whether it reaches an address, is what the process says", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  for (let i = 0; i < 3_000; i += 1) {
    const delegation = drawn(random, 4);
    const json: unknown = JSON.parse(JSON.stringify(delegationToJson(delegation)));
    const what = `seed ${seed}: ${JSON.stringify(json)}`;
    assert.equal(playground.outcomeOf(json), bindsTo(delegation), what);
    if (bindsTo(delegation) === "leaf") {
      assert.equal(playground.reachesAddress(json), reachesAddress(delegation), what);
    }
  }
});

test("of alternatives the first that counts is used, of a union those that lead somewhere, by weight", () => {
  const leaf = {
    type: "leaf",
    path,
    bound: { id: "/#/x", path: "/", addr: { type: "bound", addrs: [{ ip: "1.1.1.1", port: 1 }] } },
  };
  const neg = { type: "neg", path };
  const used = (json: unknown) => playground.branchesOf(json).map(({ isUsed }) => isUsed);
  assert.deepEqual(used({ type: "alt", path, alt: [neg, leaf, leaf] }), [false, true, false]);
  const union = [9, 1, 5].map((weight, i) => ({ weight, tree: i === 2 ? neg : leaf }));
  const shares = playground.branchesOf({ type: "union", path, union }).map(({ share }) => share);
  assert.deepEqual(shares, [0.9, 0.1, 0]);
});
