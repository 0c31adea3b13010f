// How many files the process may have open: each connection is one.
import { readFileSync } from "node:fs";

/** Of the whole process; Infinity where the system does not tell. Read once: it does not change. */
export const openFilesLimit: number = readLimit();

/** How few are left when a new one has this number: the system gives out the lowest that is free. */
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
