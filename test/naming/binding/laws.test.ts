// What binding must do for any dtabs: what Finagle's rules say, within the budget, and as delegation shows.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, lookup } from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import { leaf, mapTree, neg, showTree, simplify } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { Bound } from "../../../src/core/naming.ts";
import type { State } from "../../../src/core/live.ts";
import { without } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { dtabInterpreter } from "../../../src/naming/binding/binder.ts";
import { bindsTo, childrenOf } from "../../../src/naming/binding/delegation.ts";
import type { Delegation } from "../../../src/core/naming.ts";
import { inOrder } from "../../../src/naming/binding/lookup.ts";
import { utilityNamer } from "../../../src/naming/built-in/built-in.ts";
import { fakeHosts } from "../../support/naming.ts";
import { dtabs, paths } from "../../support/trees.ts";

const builtIn = utilityNamer(fakeHosts());
const interpreter = dtabInterpreter(inOrder([], builtIn));

const maxSteps = 400;

class TooMuch extends Error {}

/** The rules by themselves: every right side is rewritten whole, and nothing is counted but depth. */
function bindByRules(dtab: Dtab, start: Path): string {
  let steps = 0;
  type Result = NameTree<Bound> | "failed" | "pending";
  const byPath = (path: Path, depth: number): Result => {
    if (++steps > maxSteps) throw new TooMuch();
    if (depth >= 100) return "failed";
    const rewritten = lookup(dtab, path);
    if (rewritten.kind !== "neg") return byTree(rewritten, depth + 1);
    if (!path.startsWith("/$/") && path !== "/$") return neg;
    const { state } = builtIn.namer.lookup(without(path, builtIn.id));
    if (state.kind !== "ok") return "failed";
    return byTree(state.value, depth + 1);
  };
  const byTree = (tree: NameTree<Bound | Path>, depth: number): Result => {
    switch (tree.kind) {
      case "leaf":
        return typeof tree.value === "string" ? byPath(tree.value, depth) : leaf(tree.value);
      case "alt": {
        for (const each of tree.trees) {
          const result = byTree(each, depth);
          if (typeof result === "string" || result.kind !== "neg") return result;
        }
        return neg;
      }
      case "union": {
        const branches = tree.branches.map(({ weight, tree: each }) => {
          return { weight, tree: byTree(each, depth) };
        });
        const good = branches.flatMap(({ weight, tree: result }) =>
          typeof result === "string" ? [] : [{ weight, tree: result }],
        );
        if (good.length > 0) return simplify({ kind: "union", branches: good });
        return branches.length === 0 ? "pending" : "failed";
      }
      default:
        return tree;
    }
  };
  const result = byPath(start, 0);
  return typeof result === "string" ? result : shown(result);
}

function shown(tree: NameTree<Bound>): string {
  return showTree(mapTree(tree, ({ id, residual }) => `${id} ${residual}`));
}

function bound(base: Dtab, path: Path, local: Dtab): State<NameTree<Bound>> {
  const live = interpreter.bind(base, path, local);
  const close = live.watch(() => {});
  const { state } = live;
  close();
  return state;
}

function sizeOf(delegation: Delegation): number {
  return childrenOf(delegation).reduce((sum, child) => sum + sizeOf(child), 1);
}

test("binding lazily gives what rewriting whole right sides gives", () => {
  let compared = 0;
  fc.assert(
    fc.property(dtabs, dtabs, paths, (base, local, path) => {
      let expected: string;
      try {
        expected = bindByRules(concat(base, local), path);
      } catch (error) {
        if (error instanceof TooMuch) return;
        throw error;
      }
      const state = bound(base, path, local);
      if (state.kind === "failed" && state.why.detail.startsWith("resolution went past")) return;
      assert.equal(state.kind === "ok" ? shown(state.value) : state.kind, expected);
      compared += 1;
    }),
    { numRuns: 800, seed: 7 },
  );
  assert.ok(compared > 500, `${compared}`);
});

test("no dtab of a caller makes more than 1,000 nodes, and delegation agrees with binding", () => {
  fc.assert(
    fc.property(dtabs, paths, (local, path) => {
      const state = bound([], path, local);
      const live = interpreter.delegate([], path, { local });
      const close = live.watch(() => {});
      const delegated = live.state;
      close();
      if (delegated.kind !== "ok") return assert.equal(state.kind, "failed");
      // Every node is paid for, but steps between two names and the ends of a budget.
      assert.ok(sizeOf(delegated.value) <= 2_100, `${sizeOf(delegated.value)} nodes`);
      const kind = bindsTo(delegated.value);
      if (state.kind !== "ok" || kind === "exception") return;
      const isBound = state.value.kind !== "neg" && state.value.kind !== "fail";
      assert.equal(kind === "leaf" || kind === "empty", isBound, kind);
    }),
    { numRuns: 500, seed: 11 },
  );
});
