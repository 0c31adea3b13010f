import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { ok } from "../../../src/core/live.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { staticNamer } from "../../../src/naming/namers/static.ts";
import { namerDeps } from "../../support/naming.ts";

function namer(names: Record<string, string[]>) {
  const config = v.parse(staticNamer.schema, { kind: "io.l5d.static", names });
  return staticNamer.create(config, namerDeps("/#/io.l5d.static"));
}

function lookup(names: Record<string, string[]>, path: string) {
  const { state } = namer(names).lookup(pathLiteral(path));
  assert.ok(state.kind === "ok");
  const tree = state.value;
  return tree.kind === "leaf" && typeof tree.value !== "string" ? tree.value : tree.kind;
}

test("the longest name that matches is bound, and the rest is left over", (t) => {
  const names = { web: ["10.0.0.1:80"], "web/blue": ["10.0.0.2:80 * 2", "[::1]:81"] };
  const bound = lookup(names, "/web/blue/x");
  assert.ok(typeof bound !== "string");
  assert.deepEqual([bound.id, bound.residual], ["/#/io.l5d.static/web/blue", "/x"]);
  t.after(bound.addresses.watch(() => {}));
  assert.deepEqual(
    bound.addresses.state,
    ok([
      { host: "10.0.0.2", port: 80, weight: 2 },
      { host: "::1", port: 81, weight: 1 },
    ]),
  );
  const other = lookup(names, "/web/green");
  assert.ok(typeof other !== "string" && other.residual === "/green");
});

test("a name that is not configured does not exist", () => {
  assert.equal(lookup({ web: [] }, "/users"), "neg");
  assert.equal(lookup({ web: [] }, "/"), "neg");
});

test("its names are listed", () => {
  assert.deepEqual(namer({ web: [], "a/b": [] }).boundNames?.(), [
    "/#/io.l5d.static/web",
    "/#/io.l5d.static/a/b",
  ]);
});

test("bad names and addresses are refused where they stand", () => {
  const names = { "": ["10.0.0.1:80"], web: ["10.0.0.1"] };
  const result = v.safeParse(staticNamer.schema, { kind: "io.l5d.static", names });
  assert.ok(!result.success);
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`);
  assert.deepEqual(problems, [
    "names.: expected a name such as users or web/blue, got ''",
    "names.web.0: expected host:port or host:port * weight with a port of 1..65535, got '10.0.0.1'",
  ]);
});
