// `bench thrift`: framed binary calls over all proxies that speak it, and HTTP in the same run.
import { canPin, loadCore, pinSelf, proxyCore } from "./lib/child.ts";
import { ownGenerator, thriftGenerator } from "./lib/generator.ts";
import { describeMachine, showMachine } from "./lib/machine.ts";
import { loadFor, sampleDirect, sampleProxy, startProxy, type Bench } from "./lib/measure.ts";
import { figure, median } from "./lib/numbers.ts";
import { startOwnOrigin, startThriftOrigin } from "./lib/origins.ts";
import { medianProcessorUs, showChecks, showRows } from "./lib/report/report.ts";
import type { Check, Row } from "./lib/report/report.ts";
import { checked, measureRows, save, say, warnOfNoise, type Contestant } from "./lib/run.ts";
import type { RunOptions } from "./options.ts";
import { serviceName, type Peer } from "./peers/peer.ts";
import { switchyard } from "./peers/switchyard.ts";
import { thriftPeers } from "./peers/thrift.ts";

const direct = "direct";
const httpRow = "http";
const latencyPart = "latency";
/** Rows of the table, and extra parts that are not rows. */
export const thriftParts: readonly string[] = [
  direct,
  httpRow,
  ...thriftPeers.map(({ name }) => name),
  latencyPart,
];

const timesHttp = 1;
const timesEnvoy = 1;
const addedMsLimit = 0.2;
const steadyRatePerS = 1_000;

/** Prints its progress; resolves to true when no check failed. */
export async function benchThrift(options: RunOptions): Promise<boolean> {
  const machine = describeMachine();
  const isPinned = canPin();
  if (isPinned) pinSelf(loadCore);
  const [origin, httpOrigin] = await Promise.all([
    startThriftOrigin(isPinned),
    startOwnOrigin(isPinned, 0),
  ]);
  try {
    const { connections, seconds, warmUpSeconds, rounds, command } = options;
    const shared = { isPinned, connections, seconds, warmUpSeconds };
    const bench = { ...shared, generator: thriftGenerator(isPinned), origins: origin.ports };
    const http = { ...shared, generator: ownGenerator(isPinned), origins: httpOrigin.ports };
    const layout = describeLayout(isPinned);
    say(`${showMachine(machine)}\n${layout}`);
    warnOfNoise(machine.loadBefore);
    const rows = await measureRows(findContestants(bench, http, options), rounds);
    say(`\n${showRows(rows)}\n`);
    const checks = [...checkRows(rows), ...(await latencyChecks(bench, options))];
    say(showChecks(checks));
    const date = new Date().toISOString();
    const about = { date, command, machine, layout, connections, seconds, rounds };
    save({ ...about, rows, checks }, "thrift", options.json);
    return checks.every((check) => check.verdict !== "fail");
  } finally {
    await Promise.all([origin.stop(), httpOrigin.stop()]);
  }
}

/** The same load pattern for both protocols, because the cost per call depends on it. */
function describeLayout(isPinned: boolean): string {
  const who =
    "`echo` of 64 bytes, framed binary; origins of 10 ports and load from bench/lib, for HTTP too";
  return isPinned
    ? `The proxy alone on core ${proxyCore}; ${who}, all on core ${loadCore}.`
    : `No cores set aside (needs taskset and two cores); ${who}.`;
}

function findContestants(bench: Bench, http: Bench, { only }: RunOptions): Contestant[] {
  const all = [
    { name: direct, version: "", missing: "", sample: () => sampleDirect(bench), samples: [] },
    contestant(httpRow, switchyard, http),
    ...thriftPeers.map((peer) => contestant(peer.name, peer, bench)),
  ];
  return all.filter(({ name }) => only === null || only.includes(name));
}

function contestant(name: string, peer: Peer, bench: Bench): Contestant {
  const found = peer.find();
  const [version, missing] = "missing" in found ? ["", found.missing] : [found.version, ""];
  return { name, version, missing, sample: () => sampleProxy(peer, bench), samples: [] };
}

function checkRows(rows: readonly Row[]): Check[] {
  const us = (name: string): number => {
    const row = rows.find((each) => each.name === name);
    return row === undefined ? Number.NaN : medianProcessorUs(row);
  };
  const own = us(switchyard.name);
  const against = (other: string, limit: number): Check => {
    const name = `processor time per call, against ${other}`;
    const theirs = us(other);
    if (Number.isNaN(own) || Number.isNaN(theirs)) {
      const missing = Number.isNaN(own) ? switchyard.name : other;
      return { name, limit: "", measured: `${missing} was not measured`, verdict: "skipped" };
    }
    const ratio = own / theirs;
    const measured = `${figure(own)} us is ${figure(ratio)} times ${figure(theirs)} us`;
    return { name, limit: `<= ${limit}`, measured, verdict: ratio <= limit ? "pass" : "fail" };
  };
  return [against(httpRow, timesHttp), against("envoy", timesEnvoy)];
}

async function latencyChecks(bench: Bench, options: RunOptions): Promise<readonly Check[]> {
  if (options.only !== null && !options.only.includes(latencyPart)) return [];
  const name = `p50 added at ${figure(steadyRatePerS)} calls a second, ms`;
  return checked(name, async () => [await checkAddedLatency(name, bench, options.rounds)]);
}

/** Alternates between with and without the proxy. */
async function checkAddedLatency(name: string, bench: Bench, rounds: number): Promise<Check> {
  const [peer] = thriftPeers;
  if (peer === undefined) throw new Error("bug: no switchyard among the peers");
  const running = await startProxy(peer, bench);
  const p50s = { through: [] as number[], direct: [] as number[] };
  try {
    const load = { ...loadFor(bench, running.port, [serviceName]), ratePerS: steadyRatePerS };
    const without = { ...load, port: bench.origins[0] ?? 0 };
    await bench.generator.run({ ...load, seconds: bench.warmUpSeconds });
    for (let round = 0; round < rounds; round++) {
      p50s.through.push((await bench.generator.run(load)).p50Ms);
      p50s.direct.push((await bench.generator.run(without)).p50Ms);
    }
  } finally {
    await running.stop();
  }
  const [through, alone] = [median(p50s.through), median(p50s.direct)];
  const addedMs = through - alone;
  const measured = `${figure(addedMs)} ms, from ${figure(alone)} to ${figure(through)} ms`;
  const verdict = addedMs <= addedMsLimit ? "pass" : "fail";
  return { name, limit: `<= ${addedMsLimit}`, measured, verdict };
}
