// How many file descriptors the process may have open: each connection takes one.
import { readFileSync } from "node:fs";

/** Limit of the whole process; Infinity where the system does not report it. Read once: it does not change. */
export const openFilesLimit: number = readLimit();

/** Descriptors left when a new one has this number: the system assigns the lowest free number. */
export function filesLeft(newest: number): number {
  return openFilesLimit - newest - 1;
}

function readLimit(): number {
  try {
    const [, soft] =
      /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity; // not Linux
  }
}
