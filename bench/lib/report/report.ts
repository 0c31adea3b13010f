// The result of a run: its format in bench/results, and how it is printed.
import { figure, median, spread } from "../numbers.ts";
import { showMachine, type Machine } from "../machine.ts";
import { markdownTable, textTable, type Column } from "./table.ts";

/** One measured window of one proxy. Processor time is per completed request. */
export interface Sample {
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** null for a row without a proxy. */
  readonly userUs: number | null;
  readonly systemUs: number | null;
  /** Resident, of the proxy and its children: two seconds after the start, and under load. */
  readonly idleMib: number | null;
  readonly loadedMib: number | null;
  readonly errors: number;
}

export interface Row {
  readonly name: string;
  readonly version: string;
  /** The reason for missing samples; otherwise empty. */
  readonly missing: string;
  readonly samples: readonly Sample[];
}

export interface Check {
  readonly name: string;
  readonly limit: string;
  readonly measured: string;
  readonly verdict: "pass" | "fail" | "skipped";
}

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  /** The load generator, the origin, and their cores. */
  readonly layout: string;
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
}

export function processorUs(sample: Sample): number {
  return (sample.userUs ?? Number.NaN) + (sample.systemUs ?? Number.NaN);
}

/** Microseconds of processor time per request; NaN without samples. */
export function medianProcessorUs(row: Row): number {
  return median(row.samples.map(processorUs));
}

const columns: readonly Column[] = [
  { title: "proxy", align: "left" },
  { title: "version", align: "left" },
  { title: "requests/s", align: "right" },
  { title: "p50 ms", align: "right" },
  { title: "p99 ms", align: "right" },
  { title: "CPU us/request", align: "right" },
  { title: "user", align: "right" },
  { title: "system", align: "right" },
  { title: "idle MiB", align: "right" },
  { title: "loaded MiB", align: "right" },
];

/** The rows as text for a terminal, the spread over the rounds in parentheses. */
export function showRows(rows: readonly Row[]): string {
  return textTable(columns, rows.map(cellsOf(spread)));
}

function cellsOf(show: (values: readonly number[]) => string): (row: Row) => string[] {
  return (row) => {
    if (row.samples.length === 0) return [row.name, row.missing];
    const of = (field: (sample: Sample) => number | null): number[] =>
      row.samples.map((sample) => field(sample) ?? Number.NaN);
    const errors = row.samples.reduce((sum, sample) => sum + sample.errors, 0);
    return [
      errors > 0 ? `${row.name} (${errors} errors!)` : row.name,
      row.version,
      show(of((sample) => sample.requestsPerS)),
      show(of((sample) => sample.p50Ms)),
      show(of((sample) => sample.p99Ms)),
      show(of(processorUs)),
      figure(median(of((sample) => sample.userUs))),
      figure(median(of((sample) => sample.systemUs))),
      figure(median(of((sample) => sample.idleMib))),
      figure(median(of((sample) => sample.loadedMib))),
    ];
  };
}

function justMedian(values: readonly number[]): string {
  return figure(median(values));
}

export function showChecks(checks: readonly Check[]): string {
  return checks
    .map(({ verdict, name, measured, limit }) => {
      const mark = { pass: "PASS   ", fail: "FAIL   ", skipped: "SKIPPED" }[verdict];
      return `${mark}  ${name}: ${measured}${verdict === "skipped" ? "" : ` (limit ${limit})`}`;
    })
    .join("\n");
}

/** The table and the checks for the README: medians only. */
export function markdownReport(report: Report): string {
  const checks = report.checks.map(({ name, limit, measured, verdict }) => [
    name,
    limit,
    measured,
    verdict,
  ]);
  const checkColumns = ["check", "limit", "measured", "verdict"].map((title): Column => ({
    title,
    align: "left",
  }));
  const { connections, rounds, seconds } = report;
  return [
    `${report.date.slice(0, 10)}, \`${report.command}\`, ${showMachine(report.machine)}.`,
    `${connections} connections, a 64-byte body, medians of ${rounds} rounds of ${seconds} s. ${report.layout}`,
    "",
    markdownTable(columns, report.rows.map(cellsOf(justMedian))),
    ...(checks.length > 0 ? ["", markdownTable(checkColumns, checks)] : []),
    "",
  ].join("\n");
}
