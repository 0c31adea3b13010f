import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { rewrite } from "../../../src/naming/namers/rewrite.ts";
import { namerDeps } from "../../support/naming.ts";

function rewritten(pattern: string, name: string, path: string) {
  const kind = "io.l5d.rewrite";
  const config = v.parse(rewrite.schema, { kind, prefix: "/r", pattern, name });
  const { state } = rewrite.create(config, namerDeps("/#/r")).lookup(pathLiteral(path));
  assert.ok(state.kind === "ok");
  return state.value.kind === "leaf" ? state.value.value : state.value.kind;
}

test("a path that matches becomes the name; what follows the pattern is dropped", () => {
  assert.equal(rewritten("/{service}/api", "/srv/{service}", "/users/api/x"), "/srv/users");
  assert.equal(rewritten("/*/{a}-{b}", "/{b}/{a}", "/x/web-blue"), "/blue/web");
});

test("a path that does not match does not exist", () => {
  assert.equal(rewritten("/{service}/api", "/srv/{service}", "/users/other"), "neg");
  assert.equal(rewritten("/{service}-{x}", "/srv/{x}/y", "/users-"), "neg");
});

/** Where the problems of a configuration are. */
function problems(config: object) {
  const result = v.safeParse(rewrite.schema, { kind: "io.l5d.rewrite", ...config });
  return result.success ? [] : result.issues.map((issue) => v.getDotPath(issue));
}

test("pattern, name and prefix are required and checked", () => {
  assert.deepEqual(problems({}), ["prefix", "pattern", "name"]);
  const bad = { prefix: "/r", pattern: "no-slash", name: "/srv/{a b}" };
  assert.deepEqual(problems(bad), ["pattern", "name"]);
  assert.deepEqual(problems({ prefix: "/r", pattern: "/{a}", name: "/srv/{a}.x" }), []);
});
