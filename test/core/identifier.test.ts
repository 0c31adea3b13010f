import assert from "node:assert/strict";
import { test } from "node:test";
import { firstOf } from "../../src/core/identifier.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import type { Identifier } from "../../src/core/identifier.ts";

const names =
  (path: string): Identifier<null> =>
  () =>
    pathLiteral(path);
const refuses =
  (unidentified: string): Identifier<null> =>
  () => ({ unidentified });

test("the first identifier that names the request wins", () => {
  const identify = firstOf([refuses("no header"), names("/svc/a"), names("/svc/b")]);
  assert.equal(identify(null), "/svc/a");
});

test("behind a name that is there and cannot be read no other identifier is asked", () => {
  const misspelt: Identifier<null> = () => ({ unidentified: "no path", isFinal: true });
  const identify = firstOf([refuses("no header"), misspelt, names("/svc/all")]);
  assert.deepEqual(identify(null), { unidentified: "no path (tried before: no header)" });
});

test("when none does, the last reason comes first and the others follow in their order", () => {
  const identify = firstOf([refuses("one"), refuses("two"), refuses("three")]);
  assert.deepEqual(identify(null), { unidentified: "three (tried before: one; two)" });
});

test("a reason that all give is given once", () => {
  assert.deepEqual(firstOf([refuses("same"), refuses("same")])(null), { unidentified: "same" });
});

test("one identifier alone speaks for itself", () => {
  assert.deepEqual(firstOf([refuses("only")])(null), { unidentified: "only" });
  assert.deepEqual(firstOf<null>([])(null), { unidentified: "no identifier is configured" });
});
