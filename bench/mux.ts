// `bench mux`: calls on one connection, and HTTP in the same run; memory of many calls in progress.
import { connect } from "node:net";
import { canPin, loadCore, pinSelf, proxyCore } from "./lib/child.ts";
import { muxGenerator, ownGenerator } from "./lib/generator.ts";
import { describeMachine, showMachine } from "./lib/machine.ts";
import {
  loadFor,
  residentMib,
  sampleDirect,
  sampleProxy,
  startProxy,
  type Bench,
} from "./lib/measure.ts";
import { askMux, callFrame, frameReader, pingFrame, typeOf } from "./lib/mux-frames.ts";
import { figure } from "./lib/numbers.ts";
import { startMuxOrigin, startOwnOrigin } from "./lib/origins.ts";
import { medianProcessorUs, showChecks, showRows } from "./lib/report/report.ts";
import type { Check, Row } from "./lib/report/report.ts";
import { checked, measureRows, save, say, warnOfNoise, type Contestant } from "./lib/run.ts";
import type { RunOptions } from "./options.ts";
import { serviceName, type Peer } from "./peers/peer.ts";
import { beforeRow, routerFor, run, switchyard, withBefore } from "./peers/switchyard.ts";

const direct = "direct";
const httpRow = "http";
const memoryPart = "memory";
/** Rows of the table, and extra parts that are not rows. */
export const muxParts: readonly string[] = [
  direct,
  httpRow,
  switchyard.name,
  beforeRow,
  memoryPart,
];

const timesHttp = 0.7;
const manyCalls = 10_000;
const growthMibLimit = 32;

const switchyardMux: Peer = {
  ...switchyard,
  ask: askMux,
  prepare: ({ folder, port, origins }) =>
    run(folder, routerFor(folder, port, [serviceName], origins, "mux")),
};

/** Prints its progress; resolves to true when no check failed. */
export async function benchMux(options: RunOptions): Promise<boolean> {
  const machine = describeMachine();
  const isPinned = canPin();
  if (isPinned) pinSelf(loadCore);
  const [origin, httpOrigin] = await Promise.all([
    startMuxOrigin(isPinned),
    startOwnOrigin(isPinned, 0),
  ]);
  try {
    const { connections, seconds, warmUpSeconds, rounds, command } = options;
    const shared = { isPinned, connections, seconds, warmUpSeconds };
    const bench = { ...shared, generator: muxGenerator(isPinned), origins: origin.ports };
    const http = { ...shared, generator: ownGenerator(isPinned), origins: httpOrigin.ports };
    const layout = describeLayout(isPinned, connections);
    say(`${showMachine(machine)}\n${layout}`);
    warnOfNoise(machine.loadBefore);
    const rows = await measureRows(findContestants(bench, http, options), rounds);
    say(`\n${showRows(rows)}\n`);
    const checks = [checkCost(rows), ...(await memoryChecks(bench, options))];
    say(showChecks(checks));
    const date = new Date().toISOString();
    const about = { date, command, machine, layout, connections, seconds, rounds };
    save({ ...about, rows, checks }, "mux", options.json);
    return checks.every((check) => check.verdict !== "fail");
  } finally {
    await Promise.all([origin.stop(), httpOrigin.stop()]);
  }
}

function describeLayout(isPinned: boolean, calls: number): string {
  const who =
    `mux: one connection with ${calls} calls of 64 bytes in progress; http: as many connections; ` +
    "origins of 10 ports and load from bench/lib";
  return isPinned
    ? `The proxy alone on core ${proxyCore}; ${who}, all on core ${loadCore}.`
    : `No cores set aside (needs taskset and two cores); ${who}.`;
}

function findContestants(bench: Bench, http: Bench, { only }: RunOptions): Contestant[] {
  const all = [
    { name: direct, version: "", missing: "", sample: () => sampleDirect(bench), samples: [] },
    contestant(httpRow, switchyard, http),
    ...withBefore(switchyardMux).map((peer) => contestant(peer.name, peer, bench)),
  ];
  return all.filter(({ name }) => only === null || only.includes(name));
}

function contestant(name: string, peer: Peer, bench: Bench): Contestant {
  const found = peer.find();
  const [version, missing] = "missing" in found ? ["", found.missing] : [found.version, ""];
  return { name, version, missing, sample: () => sampleProxy(peer, bench), samples: [] };
}

function checkCost(rows: readonly Row[]): Check {
  const name = "processor time per call, against HTTP";
  const [own, http] = [switchyard.name, httpRow].map((wanted) => {
    const row = rows.find((each) => each.name === wanted);
    return row === undefined ? Number.NaN : medianProcessorUs(row);
  });
  if (own === undefined || http === undefined || Number.isNaN(own + http)) {
    return { name, limit: "", measured: "one of them was not measured", verdict: "skipped" };
  }
  const ratio = own / http;
  const measured = `${figure(own)} us is ${figure(ratio)} times ${figure(http)} us`;
  const verdict = ratio <= timesHttp ? "pass" : "fail";
  return { name, limit: `<= ${timesHttp}`, measured, verdict };
}

async function memoryChecks(bench: Bench, options: RunOptions): Promise<readonly Check[]> {
  if (options.only !== null && !options.only.includes(memoryPart)) return [];
  const name = `growth of memory by ${figure(manyCalls)} calls in progress, MiB`;
  return checked(name, async () => [await checkMemory(name, bench)]);
}

/** Measured from a process that has already served calls. */
async function checkMemory(name: string, bench: Bench): Promise<Check> {
  const running = await startProxy(switchyardMux, bench);
  try {
    await bench.generator.run(loadFor(bench, running.port, [serviceName]));
    const before = residentMib(running.child);
    const release = await hold(running.port, manyCalls);
    const grownMib = residentMib(running.child) - before;
    release();
    const verdict = grownMib <= growthMibLimit ? "pass" : "fail";
    const measured = `${figure(grownMib)}, from ${figure(before)}`;
    return { name, limit: `<= ${growthMibLimit}`, measured, verdict };
  } finally {
    await running.stop();
  }
}

/** Resolves when that many calls are in progress; calling the result abandons them. */
function hold(port: number, calls: number): Promise<() => void> {
  const socket = connect({ port, host: "127.0.0.1" });
  const frames = Array.from({ length: calls }, (_, i) => callFrame(i + 2, true));
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    // The response to a ping sent after them shows that the proxy has read them all.
    const read = frameReader((frame) => {
      if (typeOf(frame) === 0xbf) resolve(() => socket.destroy());
      else reject(new Error(`a call was completed: ${frame.toString("latin1", 8, 200)}`));
    });
    socket.on("data", read);
    socket.on("connect", () => socket.write(Buffer.concat([...frames, pingFrame])));
  });
}
