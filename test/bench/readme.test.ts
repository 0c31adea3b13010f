// README.md shows the figures of one result and no others: the block is what the bench writes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { figuresFile, withFigures } from "../../bench/lib/report/readme.ts";
import type { Report } from "../../bench/lib/report/report.ts";

const readme = readFileSync("README.md", "utf8");

function reportOf(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

test("the figures of README.md are those of the result that it names", () => {
  const file = figuresFile(readme) ?? assert.fail("no block of figures");
  const written = withFigures(readme, file, reportOf(file));
  assert.equal(readme, written, `out of date: run npm run bench -- readme ${file}`);
});

test("the block names the run, its machine, every proxy and every check", () => {
  const file = figuresFile(readme) ?? assert.fail("no block of figures");
  const report = reportOf(file);
  const nginx = report.rows.find(({ name }) => name === "nginx") ?? assert.fail("no nginx");
  const sample = {
    ...nginx.samples[0],
    requestsPerS: 123_456,
    idleMib: 7.25,
  } as Report["rows"][0]["samples"][0];
  const changed = { ...report, date: "2031-02-03", rows: [{ ...nginx, samples: [sample] }] };
  const text = withFigures("a\n" + readme, "some/other.json", changed);
  assert.equal(figuresFile(text), "some/other.json");
  assert.match(text, /`npm run bench -- http .*` of 2031-02-03$/m);
  assert.match(text, /^\| nginx \S+ \| 123,456 \| .* \| 7\.25 \|$/m);
  assert.doesNotMatch(text, /HAProxy \d/); // not in this result
  for (const { name, verdict } of report.checks)
    assert.match(text, new RegExp(`\\| ${name} .*${verdict} \\|$`, "m"));
  assert.ok(text.startsWith("a\n# switchyard"), "the text around the block stays");
});

test("a README without the block is an error, not overwritten", () => {
  const report = reportOf(figuresFile(readme) ?? "");
  assert.throws(() => withFigures("# nothing", "a.json", report), /no block of figures/);
});
