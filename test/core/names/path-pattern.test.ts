import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePattern, substitute, substitutePath } from "../../../src/core/names/path-pattern.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";

function match(pattern: string, path: string): Record<string, string> | null {
  const parsed = parsePattern(pattern);
  if (!parsed.ok) assert.fail(parsed.error.message);
  const captures = parsed.value.match(pathLiteral(path));
  return captures === null ? null : Object.fromEntries(captures);
}

test("a pattern matches every path that begins with it", () => {
  assert.deepEqual(match("/", "/a/b"), {});
  assert.deepEqual(match("/a", "/a/b"), {});
  assert.deepEqual(match("/a/*/c", "/a/x/c/d"), {});
  assert.equal(match("/a/b", "/a"), null);
  assert.equal(match("/a/*", "/a"), null);
  assert.equal(match("/a", "/ab"), null);
});

test("captures are greedy and the whole segment must match", () => {
  assert.deepEqual(match("/{a}-{b}", "/x-y-z"), { a: "x-y", b: "z" });
  assert.deepEqual(match("/{a}{b}", "/xyz"), { a: "xyz", b: "" });
  assert.deepEqual(match("/#/io.l5d.fs/{service}", "/#/io.l5d.fs/users/rest"), {
    service: "users",
  });
  assert.equal(match("/{a}-x", "/b-xyz"), null);
  assert.equal(match("/x.{a}", "/xyb"), null);
});

test("literals are compared as bytes, captures as people wrote them", () => {
  assert.deepEqual(match("/\\x66oo", "/foo"), {});
  assert.deepEqual(match("/{name}", "/caf\\xc3\\xa9"), { name: "café" });
});

test("a pattern that cannot be one is refused", () => {
  for (const text of ["", "a", "//a", "/a/", "/a b", "/a*"])
    assert.ok(!parsePattern(text).ok, text);
});

test("names are replaced wherever they stand; unknown ones stay", () => {
  const captures = new Map([["a", "x"]]);
  assert.equal(substitute("{a}.{a}.{b}", captures), "x.x.{b}");
  assert.equal(substitutePath("/srv/{a}/prod", captures), "/srv/x/prod");
});

test("a path keeps its segments whatever is put into them", () => {
  assert.equal(substitutePath("/srv/{a}", new Map([["a", "x/y"]])), "/srv/\\x78\\x2f\\x79");
  assert.equal(substitutePath("/srv/{a}/z", new Map([["a", ""]])), null);
  assert.equal(substitutePath("/", new Map()), "/");
});
