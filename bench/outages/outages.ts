// `bench outages`: what callers see while endpoints are broken, with default settings.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort, startChild, untilHttpReady, untilReady } from "../lib/child.ts";
import { describeMachine, showMachine } from "../lib/machine.ts";
import { askMux } from "../lib/mux-frames.ts";
import { checkout } from "../lib/programs.ts";
import { say } from "../lib/run.ts";
import { replaceSection } from "../lib/report/section.ts";
import { markdownTable } from "../lib/report/table.ts";
import { askThrift } from "../lib/thrift-frames.ts";
import type { RunOptions } from "../options.ts";
import { serviceName } from "../peers/peer.ts";
import { run } from "../peers/switchyard.ts";
import { endpointCount, Endpoints } from "./endpoints.ts";
import { startLoad, type Seen } from "./load.ts";
import type { ProtocolName } from "./wire.ts";

interface Fault {
  readonly name: string;
  readonly title: string;
  /** Lines of the router's configuration that only this fault needs. */
  readonly router?: string;
  /** Runs until `isOver`. */
  befall(endpoints: Endpoints, isOver: () => boolean): void | Promise<void>;
  /** Of the calls, this share has to succeed. */
  readonly goal: number;
}

const each = (count: number, fault: (index: number) => void) => {
  for (let index = 0; index < count; index++) fault(index);
};

const faults: readonly Fault[] = [
  ...[1, 3, 4].map((count): Fault => ({
    name: `refuse-${count}`,
    title: `${count} of 5 refuse, after they have drained`,
    befall: (endpoints) => each(count, (index) => endpoints.signal(index, "SIGTERM")),
    goal: 0.999,
  })),
  {
    name: "silent",
    title: "3 of 5 silent (SIGSTOP)",
    befall: (endpoints) => each(3, (index) => endpoints.signal(index, "SIGSTOP")),
    goal: 0.995,
  },
  {
    name: "silent-idempotent",
    title: "the same, `idempotent: true`",
    router: "  service: { idempotent: true }",
    befall: (endpoints) => each(3, (index) => endpoints.signal(index, "SIGSTOP")),
    goal: 0.999,
  },
  {
    name: "reset",
    title: "3 of 5 reset",
    befall: (endpoints) => each(3, (index) => endpoints.say(index, "resetting")),
    goal: 0.999,
  },
  {
    name: "error",
    title: "3 of 5 respond with errors",
    befall: (endpoints) => each(3, (index) => endpoints.say(index, "failing")),
    goal: 0.999,
  },
  {
    name: "slow",
    title: "3 of 5 slower by 100 times",
    befall: (endpoints) => each(3, (index) => endpoints.say(index, "slow")),
    goal: 1,
  },
  {
    name: "restart",
    title: "rolling restarts",
    befall: async (endpoints, isOver) => {
      for (let index = 0; !isOver(); index = (index + 1) % endpointCount) {
        await endpoints.restart(index);
        await pause(500);
      }
    },
    goal: 0.999,
  },
];

const balancers = ["p2c", "ewma", "aperture", "heap", "roundRobin"];
const protocolNames = ["http", "thrift", "mux"] as const;

export const outageParts: readonly string[] = [
  ...protocolNames,
  ...balancers,
  ...faults.map(({ name }) => name),
];

/** Connections, latencies and budgets are those of a running proxy when the fault begins. */
const warmUpMs = 2_000;
/** Little, so that no process is busy: calls wait for endpoints, not for the processor. */
const callsPerS = 500;

type OutageProtocol = (typeof protocolNames)[number];

interface Cell extends Seen {
  readonly protocol: ProtocolName;
  readonly fault: string;
  readonly balancer: string;
  readonly isGood: boolean;
  /** How long the outage lasted, and the day of the measurement. */
  readonly seconds: number;
  readonly date: string;
}

const resultFile = path.join(checkout, "bench/results/outages.json");
const page = path.join(checkout, "docs/outages.md");

/** Prints its progress, and renews its cells in the result and in docs/outages.md; true when every goal was met. */
export async function benchOutages(options: RunOptions): Promise<boolean> {
  say(showMachine(describeMachine()));
  const cells: Cell[] = [];
  for (const protocol of chosen(options, protocolNames)) {
    cells.push(...(await runProtocol(protocol, options)));
  }
  say(`\n${table(cells)}\n`);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(cells, null, 1)}\n`);
  else {
    const all = merged(cells);
    writeFileSync(resultFile, `${JSON.stringify(all, null, 1)}\n`);
    replaceSection(page, "figures", table(all));
  }
  return cells.every(({ isGood }) => isGood);
}

/** Cells of earlier runs stay as they are. */
function merged(cells: readonly Cell[]): readonly Cell[] {
  const before = existsSync(resultFile)
    ? (JSON.parse(readFileSync(resultFile, "utf8")) as Cell[]) // written by this program
    : [];
  const keyOf = ({ protocol, fault, balancer }: Cell) => `${protocol} ${fault} ${balancer}`;
  const byKey = new Map([...before, ...cells].map((cell) => [keyOf(cell), cell]));
  const order = ({ protocol, fault, balancer }: Cell): number =>
    protocolNames.findIndex((name) => name === protocol) * 1_000 +
    faults.findIndex(({ title }) => title === fault) * 10 +
    balancers.indexOf(balancer);
  return [...byKey.values()].toSorted((a, b) => order(a) - order(b));
}

async function runProtocol(protocol: OutageProtocol, options: RunOptions): Promise<Cell[]> {
  const cells: Cell[] = [];
  const names = chosen(
    options,
    faults.map(({ name }) => name),
  );
  for (const fault of faults.filter(({ name }) => names.includes(name))) {
    // In HTTP the method says that a GET may be sent twice.
    if (fault.router !== undefined && protocol === "http") continue;
    for (const balancer of chosen(options, balancers)) {
      const seen = await runCell(protocol, fault, balancer, options.seconds);
      const isGood = 1 - (seen.failed + seen.hung) / seen.calls >= fault.goal;
      const { seconds } = options;
      const date = new Date().toISOString().slice(0, 10);
      cells.push({ protocol, fault: fault.title, balancer, isGood, seconds, date, ...seen });
      say(`${protocol.padEnd(6)} ${fault.name.padEnd(18)} ${balancer.padEnd(10)} ${glance(seen)}`);
    }
  }
  return cells;
}

function glance({ calls, failed, hung, p99Ms, failure }: Seen): string {
  const lost = `${failed} failed, ${hung} hung of ${calls}, p99 ${p99Ms.toFixed(0)} ms`;
  return `${percent(calls, failed + hung)}  ${lost}  ${failure}`.trimEnd();
}

async function runCell(
  protocol: OutageProtocol,
  fault: Fault,
  balancer: string,
  seconds: number,
): Promise<Seen> {
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-outages-"));
  const endpoints = await Endpoints.start(protocol);
  const port = await freePort();
  const child = startChild(
    run(folder, yaml(folder, protocol, fault, balancer, port, endpoints)),
    null,
  );
  try {
    await ready[protocol](child, port);
    const load = startLoad(protocol, port, callsPerS);
    await pause(warmUpMs);
    load.restart();
    let isOver = false;
    const befalling = fault.befall(endpoints, () => isOver);
    await pause(seconds * 1_000);
    isOver = true;
    const seen = await load.stop();
    await befalling;
    return seen;
  } finally {
    await child.stop();
    endpoints.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const ready = {
  http: (child: ReturnType<typeof startChild>, port: number) =>
    untilHttpReady(child, port, serviceName),
  thrift: (child: ReturnType<typeof startChild>, port: number) =>
    untilReady(child, () => askThrift(port)),
  mux: (child: ReturnType<typeof startChild>, port: number) =>
    untilReady(child, () => askMux(port)),
};

function yaml(
  folder: string,
  protocol: ProtocolName,
  fault: Fault,
  balancer: string,
  port: number,
  endpoints: Endpoints,
): string {
  const discovery = path.join(folder, "disco");
  mkdirSync(discovery);
  const lines = endpoints.ports.map((each) => `127.0.0.1 ${each}\n`).join("");
  writeFileSync(path.join(discovery, serviceName), lines);
  const dtab =
    protocol === "thrift" ? `/svc => /#/io.l5d.fs/${serviceName}` : "/svc => /#/io.l5d.fs";
  return [
    "admin: { port: 0 }",
    "namers:",
    "- kind: io.l5d.fs",
    `  rootDir: ${JSON.stringify(discovery)}`,
    "routers:",
    `- protocol: ${protocol}`,
    `  dtab: ${dtab}`,
    ...(fault.router === undefined ? [] : [fault.router]),
    `  client: { loadBalancer: { kind: ${balancer} } }`,
    `  servers: [{ port: ${port} }]`,
    "",
  ].join("\n");
}

function table(cells: readonly Cell[]): string {
  const rows = new Map<string, string[]>();
  for (const { protocol, fault, calls, failed, hung, isGood } of cells) {
    const key = `${protocol}: ${fault}`;
    const row = rows.get(key) ?? [protocol, fault];
    const figure = `${percent(calls, failed + hung)} (${failed + hung})`;
    row.push(isGood ? figure : `**${figure}**`);
    rows.set(key, row);
  }
  const columns = ["protocol", "endpoints", ...new Set(cells.map(({ balancer }) => balancer))];
  return markdownTable(
    columns.map((title, index) => ({ title, align: index < 2 ? "left" : "right" })),
    [...rows.values()],
  );
}

function percent(calls: number, lost: number): string {
  return lost === 0 ? "100 %" : `${(Math.floor((1 - lost / calls) * 10_000) / 100).toFixed(2)} %`;
}

/** Those that --only names; all of a category of which it names none. */
function chosen<Name extends string>(
  { only }: RunOptions,
  names: readonly Name[],
): readonly Name[] {
  const named = names.filter((name) => only?.includes(name) === true);
  return named.length === 0 ? names : named;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
