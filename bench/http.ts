// `bench http`: alternating rounds of all proxies, then the checks.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkHosts, checkIdleMemory, checkRows, checkStreaming } from "./checks.ts";
import { canPin, loadCore, pinSelf, proxyCore } from "./lib/child.ts";
import { findGenerator } from "./lib/generator.ts";
import { describeMachine, showMachine } from "./lib/machine.ts";
import { sampleDirect, sampleProxy, type Bench } from "./lib/measure.ts";
import { startCheapOrigin, type RunningOrigin } from "./lib/origins.ts";
import { checked, measureRows, save, say, warnOfNoise, type Contestant } from "./lib/run.ts";
import { showChecks, showRows, type Check, type Sample } from "./lib/report/report.ts";
import type { RunOptions } from "./options.ts";
import { peers } from "./peers/index.ts";
import { switchyard } from "./peers/switchyard.ts";

const direct = "direct";
/** Rows of the table, and extra parts that are not rows. */
export const httpParts: readonly string[] = [
  direct,
  ...peers.map((peer) => peer.name),
  "hosts",
  "memory",
  "stream",
];

/** Prints its progress; resolves to true when no check failed. */
export async function benchHttp(options: RunOptions): Promise<boolean> {
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
    warnOfNoise(machine.loadBefore);
    const rows = await measureRows(findContestants(bench, options), options.rounds);
    say(rows.length > 0 ? `\n${showRows(rows)}\n` : "");
    const checks = [
      ...(rows.length > 0 ? checkRows(rows) : []),
      ...(await extraChecks(bench, options)),
    ];
    say(showChecks(checks));
    const { command, rounds } = options;
    const date = new Date().toISOString();
    const about = { date, command, machine, layout, connections, seconds, rounds };
    save({ ...about, rows, checks }, "http", options.json);
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

function findContestants(bench: Bench, { only }: RunOptions): Contestant[] {
  const wanted = (name: string): boolean => only === null || only.includes(name);
  const all: Contestant[] = [
    { name: direct, version: "", missing: "", sample: () => sampleDirect(bench), samples: [] },
  ];
  for (const peer of peers) {
    const found = peer.find();
    const [version, missing] = "missing" in found ? ["", found.missing] : [found.version, ""];
    const sample = (): Promise<Sample> => sampleProxy(peer, bench);
    all.push({ name: peer.name, version, missing, sample, samples: [] });
  }
  return all.filter(({ name }) => wanted(name));
}

async function extraChecks(bench: Bench, options: RunOptions): Promise<Check[]> {
  const found = switchyard.find();
  const parts: readonly [string, () => Promise<readonly Check[]>][] = [
    ["hosts", () => checkHosts(bench, options.rounds)],
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
    checks.push(...(await checked(name, check)));
  }
  return checks;
}
