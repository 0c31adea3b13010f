// Processor time and memory of a process and its children, from Linux's /proc.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

/** Seconds of processor time. */
export interface ProcessorTime {
  readonly userS: number;
  readonly systemS: number;
}

/** Bytes. `rss` counts shared pages in full in every process, `pss` its share of them. */
export interface Memory {
  readonly rssBytes: number;
  /** null where the kernel does not report it. */
  readonly pssBytes: number | null;
}

export interface ProcessStat {
  readonly parentPid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  /** Time of children that have ended and were waited for. */
  readonly childUserTicks: number;
  readonly childSystemTicks: number;
}

/** One line of /proc/<pid>/stat, see proc(5). The name in parentheses may contain anything. */
export function parseStat(line: string): ProcessStat {
  // Field 3 of the manual, the state, is the first one after the name.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => {
    const value = Number(fields[number - 3]);
    if (!Number.isFinite(value)) throw new Error(`/proc stat without field ${number}: ${line}`);
    return value;
  };
  return {
    parentPid: field(4),
    userTicks: field(14),
    systemTicks: field(15),
    childUserTicks: field(16),
    childSystemTicks: field(17),
  };
}

/** Bytes of a line such as `VmRSS:  1234 kB`; null when the line is missing. */
export function parseKilobytes(text: string, key: string): number | null {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return found === null ? null : Number(found[1]) * 1024;
}

let ticksPerS = 0;

/** The kernel's clock ticks per second; 100 on common Linux systems, but queried anyway. */
function clockTicksPerS(): number {
  if (ticksPerS === 0) {
    ticksPerS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) || 100;
  }
  return ticksPerS;
}

/** null when the process has ended or may not be read. */
function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return null;
  }
}

/** `pid` and all its descendants: nginx, for example, works in a child. */
export function processTree(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = readProc(Number(name), "stat");
    if (line === null) continue;
    const { parentPid } = parseStat(line);
    childrenOf.set(parentPid, [...(childrenOf.get(parentPid) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (let at = 0; at < tree.length; at++) tree.push(...(childrenOf.get(tree[at] ?? 0) ?? []));
  return tree;
}

/** Total of the process, its living children, and those it has waited for. */
export function processorTimeOf(pid: number): ProcessorTime {
  let userTicks = 0;
  let systemTicks = 0;
  for (const member of processTree(pid)) {
    const line = readProc(member, "stat");
    if (line === null) continue;
    const stat = parseStat(line);
    userTicks += stat.userTicks + stat.childUserTicks;
    systemTicks += stat.systemTicks + stat.childSystemTicks;
  }
  return { userS: userTicks / clockTicksPerS(), systemS: systemTicks / clockTicksPerS() };
}

/** Total of the process and its living children. */
export function memoryOf(pid: number): Memory {
  let rssBytes = 0;
  let pssBytes: number | null = 0;
  for (const member of processTree(pid)) {
    rssBytes += parseKilobytes(readProc(member, "status") ?? "", "VmRSS") ?? 0;
    const pss = parseKilobytes(readProc(member, "smaps_rollup") ?? "", "Pss");
    pssBytes = pss === null || pssBytes === null ? null : pssBytes + pss;
  }
  return { rssBytes, pssBytes };
}
