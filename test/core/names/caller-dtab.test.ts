import assert from "node:assert/strict";
import { test } from "node:test";
import { forbidden } from "../../../src/core/names/caller-dtab.ts";
import type { CallerDtabRule } from "../../../src/core/names/caller-dtab.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { dtabLiteral } from "../../support/naming.ts";

const names: CallerDtabRule = { mode: "names", allow: [] };
const allow = (...prefixes: string[]): CallerDtabRule => ({
  mode: "names",
  allow: prefixes.map(pathLiteral),
});

for (const dtab of [
  "/svc/users => /svc/users-v2",
  "/svc/users => /svc/a & 3 * /svc/b | /svc/c | ! | ~ | $",
  "/#/io.l5d.fs => /svc/x", // the left side says which names are rewritten, not where they lead
  "/svc => /dollar/$ ; /svc => /hash/#/x",
]) {
  test(`names may lead to names: ${dtab}`, () => {
    assert.equal(forbidden(dtabLiteral(dtab), names), null);
  });
}

for (const [dtab, target] of [
  ["/svc => /$/inet/127.0.0.1/9990", "/$/inet/127.0.0.1/9990"],
  ["/svc => /#/io.l5d.fs/users", "/#/io.l5d.fs/users"],
  ["/svc => /#", "/#"],
  ["/svc => /svc/a ; /svc/b => /svc/c | (/svc/d & 2 * /$/inet/10.0.0.1/80)", "/$/inet/10.0.0.1/80"],
  ["/svc => /\\x24/inet/10.0.0.1/80", "/$/inet/10.0.0.1/80"], // the same path, spelt otherwise
  ["/svc => /", "/"], // of /svc/$/inet/10.0.0.1/80 it leaves an address
] as const) {
  test(`names may not lead to addresses and namers: ${dtab}`, () => {
    const why = forbidden(dtabLiteral(dtab), names) ?? assert.fail("permitted");
    assert.ok(why.includes(`leads to ${target},`), why);
    assert.ok(why.includes("callerDtab: names"), why);
  });
}

test("exceptions are prefixes of whole segments", () => {
  const rule = allow("/#/io.l5d.fs/staging", "/$/inet/127.0.0.1");
  const isPermitted = (dtab: string) => forbidden(dtabLiteral(dtab), rule) === null;
  assert.ok(isPermitted("/svc => /#/io.l5d.fs/staging"));
  assert.ok(isPermitted("/svc => /#/io.l5d.fs/staging/users | /$/inet/127.0.0.1/80"));
  assert.ok(!isPermitted("/svc => /#/io.l5d.fs/staging-2"));
  assert.ok(!isPermitted("/svc => /#/io.l5d.fs"));
  assert.ok(!isPermitted("/svc => /#/io.l5d.fs/staging | /$/inet/10.0.0.1/80"));
});

test("`all` permits every dtab, `none` only the empty one", () => {
  const dtab = dtabLiteral("/svc => /$/inet/10.0.0.1/80");
  assert.equal(forbidden(dtab, { mode: "all", allow: [] }), null);
  const none: CallerDtabRule = { mode: "none", allow: [pathLiteral("/$")] };
  assert.match(forbidden(dtab, none) ?? "", /may not send one \(callerDtab: none\)/);
  assert.equal(forbidden(dtabLiteral(""), none), null);
});

test("the reason stays short, however long the entry is", () => {
  const dtab = dtabLiteral(`/svc => /$/inet/${"x".repeat(100_000)}`);
  assert.ok((forbidden(dtab, names) ?? "").length < 1_000);
});
