import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRows } from "../../bench/checks.ts";
import { figure, median, quantile, spread } from "../../bench/lib/numbers.ts";
import {
  markdownReport,
  showChecks,
  showRows,
  type Report,
  type Row,
  type Sample,
} from "../../bench/lib/report/report.ts";
import { textTable } from "../../bench/lib/report/table.ts";

function sample(userUs: number | null, systemUs: number | null, errors = 0): Sample {
  const [requestsPerS, p50Ms, p99Ms] = [20_000, 1, 3];
  return { requestsPerS, p50Ms, p99Ms, userUs, systemUs, idleMib: 50, loadedMib: 60, errors };
}

function row(name: string, ...samples: Sample[]): Row {
  return { name, version: "1.0", missing: "", samples };
}

test("a text table is aligned and has no space at the end of a line", () => {
  const text = textTable(
    [
      { title: "proxy", align: "left" },
      { title: "us", align: "right" },
    ],
    [["nginx", "7.5"], ["a-longer-name", "112"], ["gone"]],
  );
  assert.equal(
    text,
    [
      "proxy           us",
      "-------------  ---",
      "nginx          7.5",
      "a-longer-name  112",
      "gone",
    ].join("\n"),
  );
});

test("a reason in a short row does not widen the columns", () => {
  const columns = ["a", "b", "c"].map((title) => ({ title, align: "right" as const }));
  const text = textTable(columns, [
    ["1", "2", "3"],
    ["x", "a long reason"],
  ]);
  assert.equal(text.split("\n")[2], "1  2  3");
});

test("the middle of an even number of values is the mean of the two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("quantiles are values that were measured", () => {
  const sorted = Array.from({ length: 100 }, (_, at) => at + 1);
  assert.equal(quantile(sorted, 0.5), 50);
  assert.equal(quantile(sorted, 0.99), 99);
  assert.equal(quantile(sorted, 1), 100);
  assert.equal(quantile([7], 0.5), 7);
});

test("figures have about three digits, and a spread shows lowest and highest", () => {
  assert.deepEqual([27.123, 0.271, 112.4, 46_247, Number.NaN].map(figure), [
    "27.1",
    "0.27",
    "112",
    "46,247",
    "-",
  ]);
  assert.equal(spread([2, 1, 3]), "2.00 (1.00-3.00)");
  assert.equal(spread([2]), "2.00");
  assert.equal(spread([Number.NaN, Number.NaN]), "-");
});

test("a missing proxy is a row that says how to get it, errors mark their row", () => {
  const missing = { name: "envoy", version: "", missing: "not installed: do this", samples: [] };
  const text = showRows([
    row("nginx", sample(8, 20)),
    missing,
    row("direct", sample(null, null, 5)),
  ]);
  assert.match(text, /^nginx +1\.0 +20,000 .* 28\.0 +8\.00 +20\.0/m);
  assert.match(text, /^envoy +not installed: do this$/m);
  assert.match(text, /^direct \(5 errors!\).* - +- +- /m);
});

test("switchyard passes against the medians of the same run, or fails with the figures", () => {
  const yardsticks = [row("haproxy", sample(10, 20)), row("undici-proxy", sample(70, 30))];
  const verdicts = (...samples: Sample[]): string[] =>
    checkRows([row("switchyard", ...samples), ...yardsticks]).map(({ verdict }) => verdict);
  assert.deepEqual(verdicts(sample(15, 22)), ["pass", "pass", "skipped"]);
  assert.deepEqual(verdicts(sample(15, 23)), ["fail", "pass", "skipped"]);
  assert.deepEqual(verdicts(sample(15, 26)), ["fail", "fail", "skipped"]);
  assert.deepEqual(verdicts(sample(15, 22), sample(90, 90), sample(15, 21)), [
    "pass",
    "pass",
    "skipped",
  ]);
  const [check] = checkRows([row("switchyard", sample(30, 30)), ...yardsticks]);
  assert.equal(check?.measured, "60.0 us is 2.00 times 30.0 us");
});

test("a check without its yardstick is skipped, which is neither pass nor fail", () => {
  const checks = checkRows([row("switchyard", sample(10, 10)), row("haproxy", sample(10, 10))]);
  assert.deepEqual(
    checks.map(({ verdict }) => verdict),
    ["pass", "skipped", "skipped"],
  );
  assert.match(showChecks(checks), /^SKIPPED  .*undici-proxy was not measured$/m);
});

test("the README's part names machine, command and every row in Markdown", () => {
  const report: Report = {
    date: "2026-01-02T03:04:05.000Z",
    command: "npm run bench -- http",
    machine: {
      processor: "Some CPU",
      cores: 2,
      memoryMib: 8_192,
      kernel: "Linux 6.1",
      node: "v24.0.0",
      loadBefore: 0,
    },
    layout: "Alone on core 0.",
    connections: 32,
    seconds: 5,
    rounds: 3,
    rows: [row("nginx", sample(8, 20), sample(9, 20), sample(9, 30))],
    checks: [{ name: "a | b", limit: "<= 1", measured: "0.9", verdict: "pass" }],
  };
  const text = markdownReport(report);
  assert.match(text, /^2026-01-02, `npm run bench -- http`, Some CPU, 2 cores, 8 GiB/);
  assert.match(
    text,
    /^\| nginx \| 1\.0 \| 20,000 \| 1\.00 \| 3\.00 \| 29\.0 \| 9\.00 \| 20\.0 \|/m,
  );
  assert.match(text, /^\| --- \| --- \| ---: \|/m);
  assert.match(text, /^\| a \\\| b \| <= 1 \| 0\.9 \| pass \|$/m);
});
