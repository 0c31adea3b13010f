// The figures of README.md: one block between two marks, made from one result of bench/results.
import { figure, median } from "../numbers.ts";
import { processorUs, type Report, type Row, type Sample } from "./report.ts";
import { markdownTable, type Column } from "./table.ts";

const begin = /^<!-- figures of (\S+), written by .* -->$/m;
const end = "<!-- end of the figures -->";

/** The result that the figures of a README come from, as the mark of the block names it; null without a block. */
export function figuresFile(readme: string): string | null {
  return begin.exec(readme)?.[1] ?? null;
}

/** The README with the block of `file`'s result in place of the one it has. Throws when it has none. */
export function withFigures(readme: string, file: string, report: Report): string {
  const found = begin.exec(readme);
  const endAt = readme.indexOf(end);
  if (found === null || endAt < found.index) throw new Error("the README has no block of figures");
  return readme.slice(0, found.index) + block(file, report) + readme.slice(endAt + end.length);
}

const columns: readonly Column[] = [
  { title: "proxy", align: "left" },
  { title: "requests/s", align: "right" },
  { title: "p50 ms", align: "right" },
  { title: "p99 ms", align: "right" },
  { title: "processor µs per request", align: "right" },
  { title: "idle MiB", align: "right" },
];

const checkColumns: readonly Column[] = [
  { title: "check of the same run", align: "left" },
  { title: "measured", align: "left" },
  { title: "limit", align: "left" },
  { title: "", align: "left" },
];

const names: Readonly<Record<string, string>> = {
  switchyard: "**switchyard**",
  "full-policy": "switchyard, retries and all limits on",
  haproxy: "HAProxy",
  envoy: "Envoy",
  "http-proxy": "`http-proxy`",
  "undici-proxy": "undici behind `node:http`",
};

function block(file: string, report: Report): string {
  const { date, command, machine, connections, rounds, seconds, checks } = report;
  const rows = report.rows
    .filter(({ name, samples }) => name !== "direct" && samples.length > 0)
    .toSorted(
      (a, b) =>
        medianOf(b, ({ requestsPerS }) => requestsPerS) -
        medianOf(a, ({ requestsPerS }) => requestsPerS),
    );
  return [
    `<!-- figures of ${file}, written by npm run bench -- readme FILE -->`,
    "",
    `One core for the proxy, ${connections} connections, a 64-byte body, ten endpoints, balancer \`ewma\`, otherwise default settings (statistics and accrual on):`,
    `medians of ${rounds} rounds of ${seconds} s, \`${command}\` of ${date.slice(0, 10)}`,
    `on ${machine.cores} cores of an ${machine.processor}, Node ${machine.node.replace(/^v/, "")}`,
    `([all figures](${file}), [how to read them](docs/benchmarks.md)).`,
    "",
    markdownTable(columns, rows.map(cellsOf)),
    "",
    markdownTable(
      checkColumns,
      checks.map(({ name, measured, limit, verdict }) => [name, measured, limit, verdict]),
    ),
    "",
    end,
  ].join("\n");
}

function cellsOf(row: Row): string[] {
  const of = (field: (sample: Sample) => number | null) => figure(medianOf(row, field));
  return [
    nameOf(row),
    of(({ requestsPerS }) => requestsPerS),
    of(({ p50Ms }) => p50Ms),
    of(({ p99Ms }) => p99Ms),
    of(processorUs),
    of(({ idleMib }) => idleMib),
  ];
}

/** Versions of other programs; ours is the one of this checkout. */
function nameOf({ name, version }: Row): string {
  const shown = names[name] ?? name;
  return shown.includes("switchyard") || name === "undici-proxy" ? shown : `${shown} ${version}`;
}

function medianOf({ samples }: Row, field: (sample: Sample) => number | null): number {
  return median(samples.map((sample) => field(sample) ?? Number.NaN));
}
