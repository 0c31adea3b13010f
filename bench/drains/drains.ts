// `bench drains`: the calls that are lost when a proxy under load is asked to end.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, startChild } from "../lib/child.ts";
import { describeMachine, showMachine } from "../lib/machine.ts";
import { figure } from "../lib/numbers.ts";
import { checkout } from "../lib/programs.ts";
import { markdownTable } from "../lib/report/table.ts";
import { replaceSection } from "../lib/report/section.ts";
import { say } from "../lib/run.ts";
import type { RunOptions } from "../options.ts";
import type { ProtocolName } from "../outages/wire.ts";
import { moment, startCallers, type Seen } from "./callers.ts";
import { folderIn, haproxyVersion, proxies, untilAnswers, type DrainedProxy } from "./proxies.ts";

const callsPerS = 5_000;
const beforeMs = 1_000;
/** After this long without its end, a proxy that waits for its callers is left alone. */
const maxDrainMs = 4_000;
/** The callers' connections to the other proxy are in use, too. */
const afterMs = 200;

interface Shutdown extends Seen {
  readonly callsPerS: number;
  /** null: it had not ended when the run was over, since callers kept their connections. */
  readonly endedAfterMs: number | null;
}

interface Row {
  readonly name: string;
  readonly title: string;
  readonly date: string;
  readonly shutdowns: readonly Shutdown[];
}

export const drainParts: readonly string[] = proxies.map(({ name }) => name);

const resultFile = path.join(checkout, "bench/results/drains.json");
const page = path.join(checkout, "docs/outages.md");

/** Prints its progress, and renews its rows in the result and in docs/outages.md; true when none of ours lost a call. */
export async function benchDrains(options: RunOptions): Promise<boolean> {
  say(`${showMachine(describeMachine())}; ${haproxyVersion()}`);
  const chosen = proxies.filter(({ name }) => options.only?.includes(name) ?? true);
  const taken = new Map(chosen.map(({ name }) => [name, [] as Shutdown[]]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const proxy of chosen) {
      const shutdown = await shutDown(proxy, options.connections);
      if (shutdown === null) continue;
      taken.get(proxy.name)?.push(shutdown);
      say(`round ${String(round).padStart(2)}  ${proxy.title.padEnd(26)}  ${glance(shutdown)}`);
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  const rows = chosen
    .map(({ name, title }) => ({ name, title, date, shutdowns: taken.get(name) ?? [] }))
    .filter(({ shutdowns }) => shutdowns.length > 0);
  const all = options.json === null ? merged(rows) : rows;
  writeFileSync(options.json ?? resultFile, `${JSON.stringify(all, null, 1)}\n`);
  say(`\n${table(all)}\n`);
  if (options.json === null) replaceSection(page, "drains", table(all));
  return rows.every(({ name, shutdowns }) => name.startsWith("haproxy") || lostIn(shutdowns) === 0);
}

const lostIn = (shutdowns: readonly Shutdown[]) =>
  shutdowns.reduce((sum, { lost }) => sum + lost, 0);

/** Rows of earlier runs stay as they are. */
function merged(rows: readonly Row[]): readonly Row[] {
  const before = existsSync(resultFile)
    ? (JSON.parse(readFileSync(resultFile, "utf8")) as Row[]) // written by this program
    : [];
  const byName = new Map([...before, ...rows].map((row) => [row.name, row]));
  return proxies.flatMap(({ name }) => byName.get(name) ?? []);
}

/** null: the proxy is not installed. */
async function shutDown(proxy: DrainedProxy, connections: number): Promise<Shutdown | null> {
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-drains-"));
  const origin = await startOrigin(proxy.protocol);
  const [oldPort, newPort] = [await freePort(), await freePort()];
  const commands = [oldPort, newPort].map((port) =>
    proxy.prepare(folderIn(folder, String(port)), port, origin.port),
  );
  const [first, second] = commands;
  const children = [];
  try {
    if (!first || !second) return null;
    const [old, next] = [startChild(first, null), startChild(second, null)];
    children.push(old, next);
    await untilAnswers(old, proxy.protocol, oldPort);
    await untilAnswers(next, proxy.protocol, newPort);
    let port = oldPort;
    const { protocol } = proxy;
    const callers = startCallers({ protocol, connections, callsPerS, port: () => port });
    await moment(beforeMs);
    port = newPort;
    const signalledMs = performance.now();
    process.kill(old.pid, proxy.signal);
    while (!old.hasEnded && performance.now() - signalledMs < maxDrainMs) await moment(5);
    const tookMs = performance.now() - signalledMs;
    await moment(afterMs);
    const calls = callers.seen.calls;
    const elapsedMs = performance.now() - signalledMs + beforeMs;
    await callers.stop();
    return {
      ...callers.seen,
      callsPerS: Math.round((calls * 1_000) / elapsedMs),
      endedAfterMs: tookMs < maxDrainMs ? Math.round(tookMs) : null,
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    origin.process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startOrigin(
  protocol: ProtocolName,
): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const program = fileURLToPath(new URL("../outages/endpoint-process.js", import.meta.url));
  const port = await freePort();
  const child = fork(program, [protocol, String(port)]);
  await once(child, "message");
  return { process: child, port };
}

function glance({ calls, lost, loss, callsPerS: rate, endedAfterMs }: Shutdown): string {
  const end = endedAfterMs === null ? "waits for its callers" : `ended after ${endedAfterMs} ms`;
  return `${lost} lost of ${calls}, ${figure(rate)} calls/s, ${end}  ${loss}`.trimEnd();
}

function table(rows: readonly Row[]): string {
  const columns = ["proxy", "shutdowns", "calls", "lost", "calls/s", "ended after", "date"];
  return markdownTable(
    columns.map((title, at) => ({ title, align: at === 0 ? "left" : "right" })),
    rows.map(({ title, shutdowns, date }) => {
      const calls = shutdowns.reduce((sum, each) => sum + each.calls, 0);
      const rate = shutdowns.reduce((sum, each) => sum + each.callsPerS, 0) / shutdowns.length;
      const ends = shutdowns.map(({ endedAfterMs }) => endedAfterMs ?? Infinity);
      const longestMs = Math.max(...ends);
      const end = longestMs === Infinity ? "its callers" : `${figure(longestMs)} ms at most`;
      return [
        title,
        String(shutdowns.length),
        figure(calls),
        String(lostIn(shutdowns)),
        figure(rate),
        end,
        date,
      ];
    }),
  );
}
