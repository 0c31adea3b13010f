// The limits that switchyard must keep. Each check reports what it measured.
import { median, figure, spread } from "./lib/numbers.ts";
import { freePort } from "./lib/child.ts";
import { loadFor, measure, residentMib, startProxy, type Bench } from "./lib/measure.ts";
import { startOwnOrigin } from "./lib/origins.ts";
import { medianProcessorUs, processorUs, type Check, type Row } from "./lib/report/report.ts";
import { download, upload } from "./lib/stream.ts";
import { serviceName } from "./peers/peer.ts";
import {
  fullPolicy,
  oneServiceFor,
  routerFor,
  run,
  sidecarFor,
  switchyard,
} from "./peers/switchyard.ts";

const timesHaproxy = 1.25;
const timesUndici = 0.4;
const timesOneHost = 1.2;
const timesPlainPolicy = 1.1;
const idleMibLimit = 64;
const growthMibLimit = 32;
const manyHosts = 1_000;
const streamedBytes = 1024 ** 3;
const readerPauseMs = 4;
const sampleEveryMs = 20;

function atMost(name: string, value: number, limit: number, measured: string): Check {
  const verdict = value <= limit ? "pass" : "fail"; // NaN fails
  return { name, limit: `<= ${limit}`, measured, verdict };
}

function skipped(name: string, why: string): Check {
  return { name, limit: "", measured: why, verdict: "skipped" };
}

/** Processor time per request, compared with other rows of the same run. */
export function checkRows(rows: readonly Row[]): Check[] {
  const us = (name: string): number => {
    const row = rows.find((each) => each.name === name);
    return row === undefined ? Number.NaN : medianProcessorUs(row);
  };
  const against = (ours: string, other: string, limit: number): Check => {
    const whose = ours === switchyard.name ? "" : ` with ${ours}`;
    const name = `processor time per request${whose}, against ${other}`;
    const [own, theirs] = [us(ours), us(other)];
    if (Number.isNaN(own)) return skipped(name, `${ours} was not measured`);
    if (Number.isNaN(theirs)) return skipped(name, `${other} was not measured`);
    const ratio = own / theirs;
    const measured = `${figure(own)} us is ${figure(ratio)} times ${figure(theirs)} us`;
    return atMost(name, ratio, limit, measured);
  };
  return [
    against(switchyard.name, "haproxy", timesHaproxy),
    against(switchyard.name, "undici-proxy", timesUndici),
    against(fullPolicy.name, switchyard.name, timesPlainPolicy),
  ];
}

/**
 * A thousand Host values compared with one, alternating in the same process: first as names of one
 * service, then as a thousand services with ten endpoints and ten connections each.
 */
export async function checkHosts(bench: Bench, rounds: number): Promise<Check[]> {
  const names = Array.from({ length: manyHosts }, (_, at) => `svc-${String(at).padStart(4, "0")}`);
  const { origins } = bench;
  return [
    await compareHosts("1,000 Host values of one service", names, bench, rounds, (folder, port) =>
      oneServiceFor(folder, port, origins),
    ),
    await compareHosts("1,000 Host values, each a service", names, bench, rounds, (folder, port) =>
      routerFor(folder, port, names, origins),
    ),
  ];
}

async function compareHosts(
  what: string,
  names: readonly string[],
  bench: Bench,
  rounds: number,
  yaml: (folder: string, port: number) => string,
): Promise<Check> {
  const running = await startProxy(
    { name: "hosts", prepare: switchyardWith(yaml) },
    bench,
    names[0],
  );
  try {
    const one = loadFor(bench, running.port, names.slice(0, 1));
    const many = loadFor(bench, running.port, names);
    // Long enough that all services have connections to their endpoints.
    await bench.generator.run({ ...many, seconds: 4 * bench.warmUpSeconds });
    const costs = { one: [] as number[], many: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      costs.one.push(processorUs(await measure(running, bench.generator, one)));
      costs.many.push(processorUs(await measure(running, bench.generator, many)));
    }
    const ratio = median(costs.many) / median(costs.one);
    return atMost(
      `processor time per request with ${what}, against one`,
      ratio,
      timesOneHost,
      `${spread(costs.many)} us is ${figure(ratio)} times ${spread(costs.one)} us`,
    );
  } finally {
    await running.stop();
  }
}

/** An idle sidecar with two routers. */
export async function checkIdleMemory(bench: Bench): Promise<Check> {
  const incoming = await freePort();
  const prepare = switchyardWith((folder, port) =>
    sidecarFor(folder, { incoming, outgoing: port }, bench.origins),
  );
  const running = await startProxy({ name: "sidecar", prepare }, bench);
  await running.stop();
  const name = "idle memory of a sidecar with two routers, MiB";
  return atMost(name, running.idleMib, idleMibLimit, `${figure(running.idleMib)} MiB`);
}

/** A download and an upload of 1 GiB, each read slower than it is written. */
export async function checkStreaming(bench: Bench): Promise<Check[]> {
  const origin = await startOwnOrigin(bench.isPinned, readerPauseMs);
  const prepare = switchyardWith((folder, port) =>
    routerFor(folder, port, [serviceName], origin.ports),
  );
  const running = await startProxy(
    { name: "stream", prepare },
    { ...bench, origins: origin.ports },
  );
  try {
    // The baseline is a process that has already served calls, not one that has just started.
    const load = loadFor(bench, running.port, [serviceName]);
    await bench.generator.run({ ...load, seconds: bench.warmUpSeconds });
    const options = {
      port: running.port,
      host: serviceName,
      bytes: streamedBytes,
      pauseMs: readerPauseMs,
    };
    const checks = [];
    for (const [way, stream] of [
      ["a download", download],
      ["an upload", upload],
    ] as const) {
      const name = `memory growth during ${way} of 1 GiB, MiB`;
      checks.push(
        await growthDuring(
          name,
          () => residentMib(running.child),
          () => stream(options),
        ),
      );
    }
    return checks;
  } finally {
    await running.stop();
    await origin.stop();
  }
}

async function growthDuring(
  name: string,
  readMib: () => number,
  work: () => Promise<void>,
): Promise<Check> {
  const beforeMib = readMib();
  let peakMib = beforeMib;
  const sampling = setInterval(() => (peakMib = Math.max(peakMib, readMib())), sampleEveryMs);
  const startedMs = performance.now();
  try {
    await work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { name, limit: `<= ${growthMibLimit}`, measured: why, verdict: "fail" };
  } finally {
    clearInterval(sampling);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const growthMib = peakMib - beforeMib;
  const measured = `${figure(growthMib)} MiB, from ${figure(beforeMib)} to ${figure(peakMib)} MiB, in ${figure(seconds)} s`;
  return atMost(name, growthMib, growthMibLimit, measured);
}

type Prepare = typeof switchyard.prepare;

/** Starts switchyard with the configuration that `yaml` writes. */
function switchyardWith(yaml: (folder: string, port: number) => string): Prepare {
  return ({ folder, port }) => run(folder, yaml(folder, port));
}
