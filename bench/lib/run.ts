// A run over several proxies: alternating rounds, progress messages, and the result file.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { figure } from "./numbers.ts";
import { processorUs, type Check, type Report, type Row, type Sample } from "./report/report.ts";
import { checkout } from "./programs.ts";
import type { BenchName } from "../options.ts";

const noisyLoad = 0.5;

/** A row that is being measured. */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** The reason for not measuring it; otherwise empty. */
  readonly missing: string;
  readonly sample: () => Promise<Sample>;
  readonly samples: Sample[];
}

/**
 * Alternating rounds (A B C A B C), so that a slow minute of the machine affects all proxies alike. One
 * that fails in a round is measured again in the next.
 */
export async function measureRows(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<readonly Row[]> {
  const failures = new Map<string, string>();
  for (let round = 1; round <= rounds; round++) {
    for (const { name, missing, sample, samples } of contestants) {
      if (missing !== "") continue;
      try {
        const taken = await sample();
        samples.push(taken);
        say(`round ${round}  ${name.padEnd(12)}  ${glance(taken)}`);
      } catch (error) {
        const failure = `failed: ${whyOf(error)}`;
        failures.set(name, failure);
        say(`round ${round}  ${name.padEnd(12)}  ${failure}`);
      }
    }
  }
  return contestants.map(({ name, version, missing, samples }) => ({
    name,
    version,
    missing: samples.length > 0 ? "" : (failures.get(name) ?? missing),
    samples,
  }));
}

function glance(sample: Sample): string {
  const speed = `${figure(sample.requestsPerS)} requests/s, p99 ${figure(sample.p99Ms)} ms`;
  const cost = sample.userUs === null ? "" : `, ${figure(processorUs(sample))} us a request`;
  return `${speed}${cost}${sample.errors > 0 ? `, ${sample.errors} errors` : ""}`;
}

/** The result of a check, or a failed check with the reason why it could not run. */
export async function checked(
  name: string,
  check: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await check();
  } catch (error) {
    return [{ name, limit: "to run", measured: `could not run: ${whyOf(error)}`, verdict: "fail" }];
  }
}

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function warnOfNoise(loadBefore: number): void {
  if (loadBefore <= noisyLoad) return;
  say(`Load ${figure(loadBefore)} before the run: others compute here, expect noise.`);
}

/** `requestedFile` is null for the default file in bench/results. */
export function save(report: Report, bench: BenchName, requestedFile: string | null): void {
  const results = path.join(checkout, "bench", "results");
  const file = requestedFile ?? path.join(results, `${report.date.slice(0, 10)}-${bench}.json`);
  if (requestedFile === null) mkdirSync(results, { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  say(`\nWritten to ${requestedFile ?? path.relative(process.cwd(), file)}`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
