// Figures that a command writes into a page.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { replaceSection } from "../../bench/lib/report/section.ts";
import { testFolder } from "../support/folder.ts";

test("a command renews its figures in a page and leaves the rest alone", (t) => {
  const page = path.join(testFolder(t).path, "page.md");
  writeFileSync(page, "before\n<!-- a -->\n\nold\n\n<!-- /a -->\nafter\n");
  replaceSection(page, "a", "new");
  assert.equal(readFileSync(page, "utf8"), "before\n<!-- a -->\n\nnew\n\n<!-- /a -->\nafter\n");
  assert.throws(() => replaceSection(page, "b", "new"), /has no <!-- b -->/);
});
