// Whole files in the manner of Linkerd's manual, examples and tutorials: all of them are accepted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { checkConfig } from "../support/check.ts";
import { kinds } from "./real-kinds.ts";

const files = readFileSync("test/vectors/linkerd-files.yaml", "utf8").split(/^---$/m);

for (const file of files) {
  const [, name = "unnamed"] = /^# (.*)$/m.exec(file) ?? [];
  test(`a file of Linkerd is accepted: ${name}`, () => {
    const checked = checkConfig(file, name, kinds);
    assert.deepEqual(checked.ok ? [] : checked.problems, []);
    // A warning about a file names what happens, not only that something is wrong.
    for (const warning of checked.warnings) {
      assert.match(
        warning,
        /has no effect|is read as|old name|once it exists|does not start without|never announced|leads nowhere|matches no client|dialect before/,
      );
    }
  });
}

test("there are as many of these files as this test was written for", () => {
  assert.ok(files.length >= 25, `${files.length}`);
});
