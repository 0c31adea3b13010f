import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  equalTrees,
  evaluate,
  mapTree,
  parseTree,
  showTree,
  showWeight,
  simplify,
} from "../../../src/core/names/nametree.ts";
import { trees } from "../../support/trees.ts";

test("every tree reads back from what it prints", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const parsed = parseTree(showTree(tree));
      assert.ok(parsed.ok);
      assert.deepEqual(parsed.value, tree);
    }),
  );
});

test("simplifying twice is simplifying once, and changes nothing that counts", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const simple = simplify(tree);
      assert.ok(equalTrees(simplify(simple), simple));
      assert.deepEqual(evaluate(simple), evaluate(tree));
    }),
  );
});

test("a tree equals itself, its copy, and nothing with another leaf", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      assert.ok(
        equalTrees(
          tree,
          mapTree(tree, (path) => path),
        ),
      );
      const other = mapTree(tree, (path) => `${path}x`);
      const hasLeaves = JSON.stringify(tree).includes('"leaf"');
      assert.equal(equalTrees<string>(tree, other), !hasLeaves);
    }),
  );
});

test("weights are printed with two decimals, half up on the shortest decimal", () => {
  const shown = [0, 0.001, 0.005, 0.125, 1.005, 2.675, 0.995, 9.995, 1e-7, 5e-324, 1e21, 1.5e25];
  assert.deepEqual(shown.map(showWeight), [
    "0.00",
    "0.00",
    "0.01",
    "0.13",
    "1.01",
    "2.68",
    "1.00",
    "10.00",
    "0.00",
    "0.00",
    "1000000000000000000000.00",
    "15000000000000000000000000.00",
  ]);
});

test("a tree that nests without end is refused, not followed", () => {
  const parsed = parseTree(`${"(".repeat(100_000)}/a`);
  assert.ok(!parsed.ok);
  assert.match(parsed.error.message, /^at most 64 nested parentheses expected but '\(' found/);
  assert.ok(parseTree(`${"(".repeat(64)}/a${")".repeat(64)}`).ok);
});

test("a weight that is not finite is refused", () => {
  const parsed = parseTree(`${"9".repeat(400)} * /a & /b`);
  assert.ok(!parsed.ok);
  assert.equal(parsed.error.offset, 0);
});
