import assert from "node:assert/strict";
import { test } from "node:test";
import { leaf, neg } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import { selector } from "../../../src/core/names/select.ts";

function union(...branches: readonly [number, NameTree<string>][]): NameTree<string> {
  return { kind: "union", branches: branches.map(([weight, tree]) => ({ weight, tree })) };
}

const never = () => assert.fail("a random number was drawn");

/** As many picks as there are chances, evenly spread over [0, 1). */
function picks(tree: NameTree<string>, count: number): Record<string, number> {
  const { pick } = selector(tree);
  const counts: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const value = pick(() => (i + 0.5) / count) ?? "none";
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

test("picks fall on the leaves as their weights say", () => {
  const tree = union([8, union([7, leaf("a")], [1, leaf("p")])], [2, leaf("s")]);
  assert.deepEqual(picks(tree, 1_000), { a: 700, p: 100, s: 200 });
});

test("every chance, the greatest too, picks a leaf", () => {
  const tenth: [number, NameTree<string>] = [0.1, leaf("a")];
  const tree = union(tenth, [0.2, leaf("b")], [0.7, leaf("c")]);
  assert.equal(
    selector(tree).pick(() => 1 - Number.EPSILON / 2),
    "c",
  );
  assert.equal(
    selector(tree).pick(() => 0),
    "a",
  );
});

test("weights too great to be summed still split", () => {
  assert.deepEqual(picks(union([1e308, leaf("a")], [1e308, leaf("b")]), 10), { a: 5, b: 5 });
});

test("a choice of one takes no chance", () => {
  assert.equal(selector(leaf("a")).pick(never), "a");
  assert.equal(selector(union([1, leaf("a")], [3, leaf("a")])).pick(never), "a");
  assert.equal(selector(neg).pick(never), null);
});

test("an alternative that is not negative takes everything", () => {
  const tree: NameTree<string> = { kind: "alt", trees: [neg, leaf("a"), leaf("b")] };
  assert.deepEqual(picks(tree, 10), { a: 10 });
});
