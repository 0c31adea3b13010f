// docs/metrics.md tells Linkerd's names of failures, as the HELP lines do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { failureHelp, linkerdClasses } from "../../src/telemetry/failure-classes.ts";

test("every kind of failure stands in the manual with Linkerd's classes", () => {
  const page = readFileSync("docs/metrics.md", "utf8");
  for (const [kind, classes] of Object.entries(linkerdClasses)) {
    const row = `| \`${kind}\` | ${classes.map((name) => `\`${name}\``).join(", ")} |`;
    assert.ok(page.includes(row), row);
  }
});

test("the HELP line of failures names all of them, and other HELP lines none", () => {
  const help = failureHelp("rt:server:failures");
  for (const kind of Object.keys(linkerdClasses)) {
    assert.equal(help.includes(`${kind} (`), kind !== "cancelled", kind);
  }
  assert.equal(failureHelp("rt:server:requests"), "");
});
