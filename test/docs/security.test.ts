// docs/security.md claims nothing without naming a test that exists.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const page = readFileSync("docs/security.md", "utf8");

test("every test that docs/security.md names exists", () => {
  const named = Array.from(page.matchAll(/`(test\/[^`]+)`/g), ([, path]) => path!);
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((path) => !existsSync(path)),
    [],
  );
});

test("every claim of docs/security.md names a test", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| "));
  const tables = page.split("| claim | test |").length - 1;
  const claims = rows.filter((row) => row.includes("`test/"));
  const trust = 6; // the table of who is trusted with what, and its head
  assert.equal(rows.length - tables - trust, claims.length);
});
