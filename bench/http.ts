// `bench http`: one run over all proxies, in turns, then the checks.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkHosts, checkIdleMemory, checkRows, checkStreaming } from "./checks.ts";
import { canPin, loadCore, pinSelf, proxyCore } from "./lib/child.ts";
import { findGenerator } from "./lib/generator.ts";
import { describeMachine, showMachine } from "./lib/machine.ts";
import { sampleDirect, sampleProxy, type Bench } from "./lib/measure.ts";
import { figure } from "./lib/numbers.ts";
import { startCheapOrigin, type RunningOrigin } from "./lib/origins.ts";
import { checkout } from "./lib/programs.ts";
import {
  processorUs,
  showChecks,
  showRows,
  type Check,
  type Report,
  type Row,
  type Sample,
} from "./lib/report.ts";
import type { HttpOptions } from "./options.ts";
import { peers } from "./peers/index.ts";
import { switchyard } from "./peers/switchyard.ts";

const direct = "direct";
export const rowNames: readonly string[] = [direct, ...peers.map((peer) => peer.name)];

const noisyLoad = 0.5;

/** A row while it is being measured. `sample` is null for a proxy that is missing. */
interface Contestant {
  readonly name: string;
  readonly version: string;
  missing: string;
  readonly sample: ((bench: Bench) => Promise<Sample>) | null;
  readonly samples: Sample[];
}

/** Prints as it goes; resolves to whether no check failed. */
export async function benchHttp(options: HttpOptions): Promise<boolean> {
  const machine = describeMachine();
  const isPinned = canPin();
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-bench-"));
  const generator = findGenerator(folder, isPinned);
  if (isPinned) pinSelf(loadCore);
  const origin = await startCheapOrigin(isPinned);
  try {
    const { connections, seconds, warmUpSeconds } = options;
    const { ports: origins } = origin;
    const bench = { generator, origins, isPinned, connections, seconds, warmUpSeconds };
    const layout = describeLayout(bench, origin);
    say(`${showMachine(machine)}\n${layout}`);
    if (machine.loadBefore > noisyLoad) {
      say(`Load ${figure(machine.loadBefore)} before the run: others compute here, expect noise.`);
    }
    const rows = await measureRows(bench, options);
    say(`\n${showRows(rows)}\n`);
    const checks = [
      ...(rows.length > 0 ? checkRows(rows) : []),
      ...(await extraChecks(bench, options)),
    ];
    say(showChecks(checks));
    const { command, rounds } = options;
    const date = new Date().toISOString();
    const about = { date, command, machine, layout, connections, seconds, rounds };
    save({ ...about, rows, checks }, options.json);
    return checks.every((check) => check.verdict !== "fail");
  } finally {
    await origin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function describeLayout(bench: Bench, origin: RunningOrigin): string {
  const who = `origin ${origin.name} on 10 ports, load from ${bench.generator.name}`;
  return bench.isPinned
    ? `The proxy alone on core ${proxyCore}; ${who}, both on core ${loadCore}.`
    : `No cores set aside (needs taskset and two cores); ${who}.`;
}

/** Alternating rounds (A B C A B C), so that a slow minute of the machine hits all alike. */
async function measureRows(bench: Bench, options: HttpOptions): Promise<readonly Row[]> {
  const contestants = findContestants(options);
  for (let round = 1; round <= options.rounds; round++) {
    for (const contestant of contestants) {
      if (contestant.missing !== "" || contestant.sample === null) continue;
      try {
        const sample = await contestant.sample(bench);
        contestant.samples.push(sample);
        say(`round ${round}  ${contestant.name.padEnd(12)}  ${glance(sample)}`);
      } catch (error) {
        contestant.missing = `failed: ${error instanceof Error ? error.message : String(error)}`;
        say(`round ${round}  ${contestant.name.padEnd(12)}  ${contestant.missing}`);
      }
    }
  }
  return contestants.map(({ name, version, missing, samples }) => ({
    name,
    version,
    missing,
    samples,
  }));
}

function findContestants({ only }: HttpOptions): Contestant[] {
  const wanted = (name: string): boolean => only === null || only.includes(name);
  const all: Contestant[] = [
    { name: direct, version: "", missing: "", sample: sampleDirect, samples: [] },
  ];
  for (const peer of peers) {
    const found = peer.find();
    const [version, missing] = "missing" in found ? ["", found.missing] : [found.version, ""];
    const sample = (bench: Bench): Promise<Sample> => sampleProxy(peer, bench);
    all.push({ name: peer.name, version, missing, sample, samples: [] });
  }
  return all.filter(({ name }) => wanted(name));
}

function glance(sample: Sample): string {
  const speed = `${figure(sample.requestsPerS)} requests/s, p99 ${figure(sample.p99Ms)} ms`;
  const cost = sample.userUs === null ? "" : `, ${figure(processorUs(sample))} us a request`;
  return `${speed}${cost}${sample.errors > 0 ? `, ${sample.errors} errors` : ""}`;
}

async function extraChecks(bench: Bench, options: HttpOptions): Promise<Check[]> {
  const found = switchyard.find();
  const parts: readonly [string, () => Promise<readonly Check[]>][] = [
    ["hosts", async () => [await checkHosts(bench, options.rounds)]],
    ["memory", async () => [await checkIdleMemory(bench)]],
    ["stream", () => checkStreaming(bench)],
  ];
  const checks: Check[] = [];
  for (const [name, check] of parts) {
    if (options.only !== null && !options.only.includes(name)) continue;
    if ("missing" in found) {
      checks.push({ name, limit: "", measured: found.missing, verdict: "skipped" });
      continue;
    }
    try {
      checks.push(...(await check()));
    } catch (error) {
      const measured = `could not run: ${error instanceof Error ? error.message : String(error)}`;
      checks.push({ name, limit: "to run", measured, verdict: "fail" });
    }
  }
  return checks;
}

function save(report: Report, asked: string | null): void {
  const results = path.join(checkout, "bench", "results");
  const file = asked ?? path.join(results, `${report.date.slice(0, 10)}-http.json`);
  if (asked === null) mkdirSync(results, { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  say(`\nWritten to ${asked ?? path.relative(process.cwd(), file)}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
