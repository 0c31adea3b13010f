// The machine on which the figures were measured.
import { cpus, loadavg, release, totalmem } from "node:os";
import { bytesPerMib } from "./numbers.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the minute before the run. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryMib: Math.round(totalmem() / bytesPerMib),
    kernel: `Linux ${release()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}

export function showMachine(machine: Machine): string {
  const { processor, cores, memoryMib, kernel, node } = machine;
  return `${processor}, ${cores} cores, ${Math.round(memoryMib / 1024)} GiB, ${kernel}, Node ${node}`;
}
